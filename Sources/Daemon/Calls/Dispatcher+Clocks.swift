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
            let waited = seconds((call.startedAt ?? call.acceptedAt).nanoseconds(since: call.acceptedAt))
            let text =
                "\(call.runnable.name): timed out after \(limit): it waited \(waited) for a container and ran the rest"
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

    /// Says which clock ended the waiting.
    func waitedTooLong(_ call: Call, now: Instant) -> Failure {
        let spec = call.runnable.version.spec
        let name = call.runnable.name
        let waited = now.nanoseconds(since: call.acceptedAt)
        let all = call.deadline.nanoseconds(since: call.acceptedAt)
        if spec.maxWaitNanos > 0, waited >= spec.maxWaitNanos, now < call.deadline {
            return Failure(
                .timeout,
                "\(name): timed out after \(seconds(waited)) waiting for a container, all it may wait (max_wait); "
                    + "of its \(seconds(all)) it ran nothing")
        }
        guard spec.startMargin, now < call.deadline else {
            return Failure(.timeout, "\(name): timed out after \(seconds(all)) waiting for a container")
        }
        return Failure(
            .timeout,
            "\(name): timed out after \(seconds(waited)) waiting for a container: of its \(seconds(all)) too little was "
                + "left to start it (start_margin)")
    }
}
