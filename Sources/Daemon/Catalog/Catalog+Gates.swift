package import Model

/// Keeps calls away from what is being deleted: what has been called closes at once, and what is first called while a gate
/// is closed is closed when it is made. Several deletions may close the same gate; it opens when the last is over.
extension Catalog {
    /// What was called since it last changed; loads nothing.
    package func loaded(_ target: GateTarget) -> [Runnable] { state.withLock { $0.loaded(target) } }

    /// Refuses calls from now on if none runs or waits, until ``reopen(_:)``; else changes nothing.
    ///
    /// - Returns: how many calls run or wait of the first that has any; 0: they are refused.
    package func closeIfIdle(_ target: GateTarget) -> Int {
        state.withLock { state in
            var closed: [Runnable] = []
            for runnable in state.loaded(target) {
                let calls = runnable.pool.event { $0.closeForDeletion() }
                guard calls > 0 else {
                    closed.append(runnable)
                    continue
                }
                for runnable in closed { runnable.pool.event { $0.reopen() } }
                return calls
            }
            state.gates[target, default: 0] += 1
            return 0
        }
    }

    /// How many calls run or wait; refuses none.
    ///
    /// - Parameter others: what was replaced and may have calls as well; what is known here may be among them.
    package func calls(of target: GateTarget, and others: [Runnable]) -> Int {
        (loaded(target) + others).distinctPools.reduce(0) { sum, runnable in sum + runnable.pool.event { $0.calls } }
    }

    /// Refuses calls from now on, until ``reopen(_:)``; those that run or wait go on.
    package func close(_ target: GateTarget) {
        state.withLock { state in
            state.gates[target, default: 0] += 1
            for runnable in state.loaded(target) { runnable.pool.event { $0.beginRefusing() } }
        }
    }

    /// One deletion less refuses calls: it failed, or the catalog knows that it is done. Once for each
    /// ``closeIfIdle(_:)`` that gave 0 and each ``close(_:)``. What was deleted stays closed to calls that found it before.
    package func reopen(_ target: GateTarget) {
        state.withLock { state in
            guard let deletions = state.gates[target] else { return }
            state.gates[target] = deletions > 1 ? deletions - 1 : nil
            for runnable in state.loaded(target) { runnable.pool.event { $0.reopen() } }
        }
    }
}

extension Catalog.State {
    fileprivate func loaded(_ target: GateTarget) -> [Runnable] {
        switch target {
        case .app(let id): (functions[id] ?? []).flatMap { rows[$0]?.entry.runnables ?? [] }
        case .function(let id): rows[id]?.entry.runnables ?? []
        case .version(let number, let id):
            rows[id]?.entry.versions[number]?.runnable.load().map { [$0] } ?? []
        }
    }

    /// What is made while gates are closed is as closed as it would be had it been there.
    func refuseCalls(of runnable: Runnable) {
        guard !gates.isEmpty else { return }
        let deletions = runnable.gates.reduce(0) { $0 + (gates[$1] ?? 0) }
        runnable.pool.event { $0.beginRefusing(deletions) }
    }
}

extension [Runnable] {
    /// Each pool once: it may have gone over from one runnable to another.
    package var distinctPools: [Runnable] {
        var seen: Set<ObjectIdentifier> = []
        return filter { seen.insert(ObjectIdentifier($0.pool)).inserted }
    }
}

extension Runnable {
    /// Whatever closes it to calls.
    package var gates: [GateTarget] {
        let all: [GateTarget] = [.app(function.appID), .function(function.meta.id)]
        return isWorkingCopy ? all : all + [.version(version.number, of: function.meta.id)]
    }
}
