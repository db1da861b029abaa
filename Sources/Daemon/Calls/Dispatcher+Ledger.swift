internal import Catalog
internal import Loop
package import Model
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
            isUrgent: runnable.pool.event { $0.ready == 0 && $0.waiting > 0 })
        switch settle({ $0.request(claim) }) {
        case .accepted: break
        case .tooLarge, .kept: refuseStart(runnable)
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

    /// Keeps room of the machine for a function; `none` keeps nothing.
    ///
    /// - Returns: whether it is kept: not if it does not fit beside what is kept for others.
    package func reserve(_ room: Resources, for function: Identifier) -> Bool {
        let (kept, refused) = settle { $0.reserve(room, for: function) }
        for case let planned as PlannedStart in refused.map(\.start) {
            refuseStart(planned.runnable)
            // What was to follow it was counted on its own.
            if planned.next > 0 { startWorker(planned.runnable, next: planned.next - 1) }
        }
        return kept == room
    }

    /// This machine can not run it: nobody needs to wait for that.
    private func refuseStart(_ runnable: Runnable) {
        let refused = runnable.pool.event { $0.startRefused(now: .now()) }
        let failure = sizeFailure(runnable) ?? Failure(.unavailable, "\(runnable.name): there was no room; try again")
        if refused.isEmpty { log("a container was not started: \(failure.message)") }
        for case let call as Call in refused { fail(call, failure) }
    }

    /// - Throws: `invalid` if a container needs more than the ledger has for all of them; `precondition` if it has that, but
    ///   not beside what is kept for other functions.
    func checkSize(_ runnable: Runnable) throws(Failure) {
        if let failure = sizeFailure(runnable) { throw failure }
    }

    private func sizeFailure(_ runnable: Runnable) -> Failure? {
        let (needs, total) = (runnable.version.spec.needs, ledger.total)
        guard needs.fits(in: total) else { return Self.tooLarge(runnable, total) }
        let unreserved = ledger.unreserved(beside: runnable.pool.function)
        guard !needs.fits(in: unreserved) else { return nil }
        let (what, wanted, left, of, unit) =
            needs.memoryMiB > unreserved.memoryMiB
            ? ("memory", needs.memoryMiB, unreserved.memoryMiB, total.memoryMiB, "MiB")
            : ("cpu", needs.cpuMilli, unreserved.cpuMilli, total.cpuMilli, "thousandths of a core")
        return Failure(
            .precondition,
            "\(what): \(runnable.name) needs \(wanted) \(unit); \(left) of this machine's \(of) are not kept for other "
                + "functions (reserved_containers)")
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

    /// Whether a container of a function helps others when it leaves.
    func mayYield(_ runnable: Runnable) -> Bool {
        ledger.mayYield(runnable.pool.function, needs: runnable.version.spec.needs)
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
