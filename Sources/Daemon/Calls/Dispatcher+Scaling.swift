package import Catalog
package import Model
package import Pool

/// What an administrator does with the containers and calls of one runnable version. Thread-safe.
extension Dispatcher {
    /// How many containers one ``scaleUp(_:by:)`` may ask for.
    package static let scaleUpRange: ClosedRange<UInt32> = 1...1024
    /// How many of them start side by side: other functions' starts find their turn between them.
    private static let scaleUpLanes: UInt32 = 4
    /// When a call that met a deletion makes sense again, nanoseconds.
    private static let deletionRetryNanos: UInt64 = 100_000_000

    // MARK: - Containers

    /// The containers of a version: ready and leaving ones first, then those that start.
    package func workers(of runnable: Runnable) -> [WorkerInfo] {
        // Before the pool, so that a container that becomes ready meanwhile is known twice rather than not at all.
        let starts = upkeep.starts(of: runnable)
        let (members, starting) = runnable.pool.event { ($0.members, $0.counts.starting) }
        let now = Instant.now()
        let time = Timestamp.now()
        let (version, memory) = (runnable.version.number, runnable.version.spec.memoryMiB)
        var infos: [WorkerInfo] = []
        for member in members {
            guard let worker = member.owner as? Worker else { continue }
            let age = Int64(clamping: now.nanoseconds(since: member.lastUsed))
            infos.append(
                WorkerInfo(
                    container: worker.sandbox.id, state: WorkerInfo.State(member.state), calls: member.calls,
                    startedAt: worker.startedAt, lastUsed: Timestamp(nanoseconds: time.nanoseconds - age),
                    version: version, memoryMiB: memory))
        }
        let ready = Set(infos.map(\.container))
        let known = starts.filter { !ready.contains($0.container) }.prefix(starting)
        for index in 0..<starting {
            let start = index < known.count ? known[index] : nil
            infos.append(
                WorkerInfo(
                    container: start?.container ?? "", state: .starting, calls: 0, startedAt: start?.time,
                    lastUsed: nil, version: version, memoryMiB: memory))
        }
        return infos
    }

    /// How many containers and calls a version has, at one moment.
    package func counts(of runnable: Runnable) -> PoolMachine.Counts {
        runnable.pool.event { $0.counts }
    }

    /// Starts more containers, which wait for calls until `idle_timeout`. Returns before they are ready; a start that
    /// fails is told to the daemon's log.
    ///
    /// - Parameter count: 1 to 1024.
    /// - Throws: `invalid` for another count, or if the machine is too small for a single one; `precondition` if `max_containers` allows fewer, or the version is being
    ///   deleted or was replaced; `unavailable` if the daemon is stopping. Nothing is started then.
    package func scaleUp(_ runnable: Runnable, by count: UInt32) throws(Failure) {
        let range = Self.scaleUpRange
        guard range.contains(count) else {
            throw Failure(
                .invalid, "count: \(count) is out of range; \(range.lowerBound) to \(range.upperBound) containers")
        }
        guard !isDraining else { throw Self.closed(.stopping, runnable) }
        try checkSize(runnable)
        switch runnable.pool.event({ $0.scaleUp(count) }) {
        case .start: startWorkers(runnable, count: count)
        case .over(let allowed):
            throw Failure(
                .precondition,
                "count: \(count) is more than the \(allowed) containers that \(runnable.name) may still start; at most "
                    + "\(runnable.pool.limits.maxSlots) may be there or starting (max_containers)",
                quota: "max_containers")
        case .ending:
            throw Failure(
                .precondition, "\(runnable.name) is being deleted or was replaced; no containers are started for it")
        }
    }

    /// Starts containers that their pool has counted as starting; no more than a few side by side.
    func startWorkers(_ runnable: Runnable, count: UInt32) {
        let lanes = min(count, Self.scaleUpLanes)
        for lane in 0..<lanes { startWorker(runnable, next: (count - lane - 1) / lanes) }
    }

    /// Starts what is missing of a version's least number of containers, and from now on whatever ends of them.
    package func keepMinimum(_ runnable: Runnable) {
        if !isDraining { upkeep.watch(runnable) }
    }

    /// Ends idle containers, those first that were not used for longest; the least number (`min_containers`) stays, and one
    /// always.
    ///
    /// - Returns: how many end: at most `count`.
    @discardableResult
    package func scaleDown(_ runnable: Runnable, by count: UInt32) -> Int {
        let owners = runnable.pool.event { $0.scaleDown(count) }
        stop(owners)
        return owners.count
    }

    /// Every container of now ends: an idle one at once, a busy one when its calls are over, one that is starting when it
    /// has served those that wait for it. Later calls get new containers.
    package func detach(_ runnable: Runnable) {
        let (owners, start) = runnable.pool.event { $0.detach(now: .now()) }
        stop(owners)
        if start { startWorker(runnable) }
    }

    /// The version was replaced or deleted, for good: its containers end as soon as no call needs them. Calls that run,
    /// wait, or come late by an old reference are served, unless its pool is closed.
    package func retire(_ runnable: Runnable) {
        stop(runnable.pool.event { $0.drain() })
    }

    /// Ends the containers of slots that a pool has thrown away.
    func stop(_ owners: [AnyObject]) {
        for case let worker as Worker in owners { worker.loop.run { worker.stop() } }
    }

    // MARK: - What has containers or calls

    /// Whatever has a container or a waiting call, each pool once: what was deleted or replaced included, until its last
    /// call is over. Thread-safe.
    package var active: [Runnable] { upkeep.runnables.distinctPools }

    /// As ``active``, of one target: the last calls of what was replaced are calls of the same thing.
    package func active(_ target: GateTarget) -> [Runnable] {
        upkeep.runnables.filter { $0.gates.contains(target) }.distinctPools
    }

    /// How many calls of a target run or wait in ``active(_:)``.
    package func calls(of target: GateTarget) -> Int {
        active(target).reduce(0) { $0 + $1.pool.event { $0.calls } }
    }

    /// Waits until no call of a version runs or waits.
    ///
    /// - Returns: `false` if the deadline came first, or the task was cancelled.
    package func untilIdle(_ runnable: Runnable, deadline: Instant) async -> Bool {
        await runnable.pool.untilIdle(deadline: deadline)
    }

    /// What a call is told that a closed pool refuses.
    static func closed(_ closing: PoolMachine.Closing, _ runnable: Runnable) -> Failure {
        switch closing {
        case .stopping: return Failure(.unavailable, "the daemon is stopping; the call was not executed")
        case .deleting:
            // Until the deletion is committed nobody knows that the version is gone.
            let name = "\(runnable.function.appName)/\(runnable.function.name)"
            let what = runnable.isWorkingCopy ? "function \(name)" : "version \(runnable.version.number) of \(name)"
            return Failure(
                .unavailable, "\(what) is being deleted; the call was not executed", retryNanos: deletionRetryNanos)
        }
    }
}

extension WorkerInfo.State {
    fileprivate init(_ state: PoolMachine.Member.State) {
        switch state {
        case .idle: self = .idle
        case .frozen: self = .frozen
        case .busy: self = .busy
        case .leaving: self = .leaving
        }
    }
}
