internal import Loop
internal import Model
internal import Pool

/// The clocks of a call: how long it may take, how long it may wait, and how late it may start.
extension Dispatcher {
    /// Until when a call may wait: for `max_wait`, and while half of its time is left, of which `start-margin-max` is enough.
    func startBy(_ spec: FunctionSpec, accepted: Instant, deadline: Instant) -> Instant {
        let wait = spec.maxWaitNanos == 0 ? deadline : accepted.advanced(byNanoseconds: spec.maxWaitNanos)
        guard spec.startMargin else { return min(wait, deadline) }
        let half = deadline.nanoseconds(since: accepted) / 2
        return min(wait, Instant(nanoseconds: deadline.nanoseconds - min(half, startMarginNanos)))
    }

    /// Has ``Call/expired()`` called when the time comes, unless the call is answered.
    func watch(_ call: Call, until due: Instant) {
        wheels[0].add(call.wheelEntry, of: call, due: due)
        if call.isDone { wheels[0].remove(call.wheelEntry) }
    }

    /// One of the call's clocks has run out. On the first loop.
    func expired(_ call: Call) {
        let now = Instant.now()
        guard call.isRunning else {
            withdraw(call)
            // It may have been handed to a worker just now.
            if !fail(call, waitedTooLong(call, now: now)) && call.isRunning { expired(call) }
            return
        }
        // It was started in time; what is left is its deadline.
        guard now >= call.deadline || call.runnable.pool.limits.queuesAhead else {
            return watch(call, until: call.deadline)
        }
        timedOut(call)
    }

    private func timedOut(_ call: Call) {
        guard let worker = call.worker else { return }
        worker.loop.run { [self] in
            if worker.hasAhead(call) { return waitedTooLong(call, worker) }
            guard Instant.now() >= call.deadline else { return watch(call, until: call.deadline) }
            guard call.claim() else { return }
            worker.readLog()
            let limit = seconds(call.deadline.nanoseconds(since: call.acceptedAt))
            let waited = (call.startedAt ?? call.acceptedAt).nanoseconds(since: call.acceptedAt)
            let share = shareOfStart(worker.startedAt, took: worker.coldNanos, in: waited, of: call)
            let text =
                "\(call.runnable.name): timed out after \(limit) (\(clockName(of: call))): it waited \(seconds(waited)) for a "
                + "container\(share.map { ", \($0) of it while that started," } ?? "") and ran the rest"
            record(call, .timeout, error: text, worker: worker, coldNanos: nil)
            let failure = Failure(.timeout, text + worker.logTail(of: call))
            answer(call, status: failure.encodedStatus(), code: failure.code.status)
            worker.abandon(call)
        }
    }

    /// It was sent behind another call, and that took too long. On the worker's loop.
    private func waitedTooLong(_ call: Call, _ worker: Worker) {
        guard call.claim() else { return }
        let failure = waitedTooLong(call, now: .now())
        record(call, .timeout, error: failure.message, worker: nil, coldNanos: nil)
        answer(call, status: failure.encodedStatus(), code: failure.code.status)
        worker.abandon(call)
    }

    /// Which clock a call's deadline is.
    private func clockName(of call: Call) -> String {
        let nanos = call.deadline.nanoseconds(since: call.acceptedAt)
        if nanos == call.runnable.version.spec.timeoutNanos { return "timeout of the function" }
        return call.origin.timeoutNanos > 0 && nanos == UInt64(call.origin.timeoutNanos)
            ? "the caller's deadline" : "set by an extension"
    }

    /// How much of the time that a call waited a start took; `nil`: nothing.
    ///
    /// - Parameters:
    ///   - took: nanoseconds, as `waited`; `nil`: it has not ended.
    private func shareOfStart(
        _ began: Timestamp, took: UInt64? = nil, in waited: UInt64, of call: Call
    ) -> String? {
        let accepted = call.acceptedTime.nanoseconds
        let over = accepted + Int64(clamping: waited)
        let start = max(began.nanoseconds, accepted)
        let end = took.map { min(began.nanoseconds + Int64(clamping: $0), over) } ?? over
        return start < end ? seconds(UInt64(end - start)) : nil
    }

    /// Says which clock ended the waiting, and how much of it a start took that has not ended yet.
    func waitedTooLong(_ call: Call, now: Instant) -> Failure {
        let spec = call.runnable.version.spec
        let name = call.runnable.name
        let waited = now.nanoseconds(since: call.acceptedAt)
        let all = seconds(call.deadline.nanoseconds(since: call.acceptedAt))
        let clock = clockName(of: call)
        let start = upkeep.starts(of: call.runnable).first
        let share = start.flatMap { shareOfStart($0.time, in: waited, of: call) }
        let waiting = "waiting for a container" + (share.map { ", \($0) of it while one was starting" } ?? "")
        if spec.maxWaitNanos > 0, waited >= spec.maxWaitNanos, now < call.deadline {
            return Failure(
                .timeout,
                "\(name): timed out after \(seconds(waited)) \(waiting): all it may wait (max_wait); "
                    + "of its \(all) (\(clock)) it ran nothing")
        }
        guard spec.startMargin, now < call.deadline else {
            return Failure(.timeout, "\(name): timed out after \(all) (\(clock)) \(waiting)")
        }
        return Failure(
            .timeout,
            "\(name): timed out after \(seconds(waited)) \(waiting): of its \(all) (\(clock)) too little was "
                + "left to start it (start_margin)")
    }
}
