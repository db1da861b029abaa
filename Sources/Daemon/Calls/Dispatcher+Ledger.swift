internal import Catalog
internal import Loop
internal import Model
internal import Pool
internal import Synchronization

/// Starts wait here for room on the machine and for their turn; idle containers of others make room for them.
extension Dispatcher {
    /// Asks the ledger for a container's room; the container is started when it is granted. Its pool has counted it as
    /// starting.
    ///
    /// - Parameter next: how many more to start after it, one by one.
    func startWorker(_ runnable: Runnable, next: UInt32 = 0) {
        upkeep.watch(runnable)
        let claim = Claim(
            needs: runnable.version.spec.needs, pool: runnable.pool,
            start: PlannedStart(runnable: runnable, next: next),
            isUrgent: runnable.pool.event { $0.ready == 0 })
        switch settle({ $0.request(claim) }) {
        case .accepted: break
        case .tooLarge: refuseStart(runnable)
        // The daemon stops, and has answered or will answer those that wait.
        case .closed: _ = runnable.pool.event { $0.startWithdrawn(now: .now()) }
        }
    }

    /// Runs an event of the ledger, starts what it grants, and sees to room for the next one.
    @discardableResult
    func settle<R>(_ body: (inout LedgerMachine) -> R) -> R {
        let (result, granted) = ledger.event(body)
        for claim in granted {
            counters.containers.change(by: 1)
            starters.post { [self] in makeWorker(claim) }
        }
        if ledger.isPressed != .none { makeRoomSoon() }
        return result
    }

    /// No machine of this size can run it: nobody needs to wait for that.
    private func refuseStart(_ runnable: Runnable) {
        let failure = Self.tooLarge(runnable, ledger.total)
        while true {
            let hand = runnable.pool.event { $0.startFailed(now: .now()) }
            for case let call as Call in hand.calls { fail(call, failure) }
            if !hand.start { return }
        }
    }

    /// - Throws: `invalid` if a container needs more than the ledger has for all of them.
    func checkSize(_ runnable: Runnable) throws(Failure) {
        let (needs, total) = (runnable.version.spec.needs, ledger.total)
        guard needs.memoryMiB > total.memoryMiB || needs.cpuMilli > total.cpuMilli else { return }
        throw Self.tooLarge(runnable, total)
    }

    private static func tooLarge(_ runnable: Runnable, _ total: Resources) -> Failure {
        let spec = runnable.version.spec
        guard spec.needs.memoryMiB > total.memoryMiB else {
            return Failure(
                .invalid,
                "cpu: \(runnable.name) needs \(spec.cpuMilli) thousandths of a core; this machine has "
                    + "\(total.cpuMilli) for all containers (max-cpu-milli)")
        }
        return Failure(
            .invalid,
            "memory: \(runnable.name) needs \(spec.needs.memoryMiB) MiB (\(spec.memoryMiB), and \(spec.tmpMiB) of "
                + "tmp_size); this machine has \(total.memoryMiB) MiB for all containers (max-memory-mib)")
    }

    /// Forgets starts that waited until no call needed them any more.
    func dropSurplusStarts(of runnable: Runnable) {
        let surplus = runnable.pool.event { $0.surplusStarts }
        guard surplus > 0 else { return }
        for claim in settle({ $0.withdraw(runnable.pool, atMost: Int(surplus)) }) {
            let isNeeded = runnable.pool.event { $0.startWithdrawn(now: .now()) }
            if isNeeded { startWorker(runnable) }
            // What was to follow it was counted on its own.
            if let planned = claim.start as? PlannedStart, planned.next > 0 {
                startWorker(runnable, next: planned.next - 1)
            }
        }
    }

    /// Forgets all starts that wait; the daemon stops.
    func dropStarts() {
        for claim in settle({ $0.close() }) { _ = claim.pool.event { $0.startWithdrawn(now: .now()) } }
    }

    // MARK: - Room

    /// Looks for idle containers that can leave, on the first loop: never twice at once.
    func makeRoomSoon() {
        guard !isMakingRoom.exchange(true, ordering: .sequentiallyConsistent) else { return }
        loops[0].post { [self] in
            isMakingRoom.store(false, ordering: .sequentiallyConsistent)
            makeRoom()
        }
    }

    /// Whoever becomes idle after this has looked sees the ledger's pressure and comes back.
    private func makeRoom() {
        while let claim = ledger.shortage?.claim {
            let candidates = active.filter { $0.pool !== claim.pool }.compactMap { runnable in
                runnable.pool.event { $0.evictable(runnable.pool, needs: runnable.version.spec.needs) }
            }
            var evicted = 0
            for (index, count) in ledger.choose(candidates, now: .now()) {
                let owners = candidates[index].pool.event { $0.evict(count) }
                evicted += owners.count
                for case let worker as Worker in owners { _ = ledger.event { $0.leaving(worker.claim) } }
                stop(owners)
            }
            counters.evictions.wrappingAdd(UInt64(evicted), ordering: .relaxed)
            if evicted == 0 { return }
        }
    }
}

/// A container that waits to be started.
struct PlannedStart: Sendable {
    let runnable: Runnable
    /// How many more to start after it, one by one.
    let next: UInt32
}
