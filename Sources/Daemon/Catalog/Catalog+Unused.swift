package import Model
internal import Pool

extension Catalog {
    /// Forgets functions that nobody called for so long and that have no container: their names, queues, pools and
    /// what was counted of their calls take no memory any more. The next call reads its function again.
    ///
    /// Takes the lock for one function after the other. A call that found the function before is still served.
    ///
    /// - Returns: how many.
    @discardableResult
    package func forgetUnused(for nanos: UInt64, now: Instant) -> Int {
        var forgotten = 0
        for id in state.withLock({ Array($0.rows.keys) }) {
            let runnables = state.withLock { state -> [Runnable]? in
                guard let entry = state.rows[id]?.entry, state.gates.isEmpty,
                    entry.runnables.allSatisfy({ $0.pool.event { $0.isUnused(for: nanos, now: now) } })
                else { return nil }
                return remove(id, &state)
            }
            guard let runnables else { continue }
            forgotten += 1
            // Late calls get containers that do not stay.
            retire(runnables)
        }
        return forgotten
    }
}
