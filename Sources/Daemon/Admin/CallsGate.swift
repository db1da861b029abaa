package import Calls
package import Catalog
internal import Model
package import Store
internal import Wire

/// Keeps calls away from what is being deleted. Thread-safe.
package final class CallsGate: CallGate {
    private let parts = Lock<(catalog: Catalog, dispatcher: Dispatcher)?>(nil)
    /// How long a forced deletion waits for calls whose deadline is later, nanoseconds.
    private static let waitNanos: UInt64 = 3_600_000_000_000

    package init() {}

    /// The store is there before what it guards.
    package func attach(_ catalog: Catalog, _ dispatcher: Dispatcher) {
        parts.withLock { $0 = (catalog, dispatcher) }
    }

    package func close(_ target: GateTarget) -> Int {
        guard let (catalog, dispatcher) = parts.withLock({ $0 }) else { return 0 }
        var closed: [Runnable] = []
        for runnable in Self.runnables(target, catalog) {
            let calls = dispatcher.closeForDeletion(runnable)
            guard calls > 0 else {
                closed.append(runnable)
                continue
            }
            for runnable in closed { dispatcher.reopen(runnable) }
            return calls
        }
        return 0
    }

    package func open(_ target: GateTarget) {
        guard let (catalog, dispatcher) = parts.withLock({ $0 }) else { return }
        for runnable in catalog.loaded(function: target.function, version: target.version) {
            dispatcher.reopen(runnable)
        }
    }

    /// Refuses new calls of what is going to be deleted by force, waits for those that run, and deletes; if that fails,
    /// calls are taken again.
    ///
    /// - Parameters:
    ///   - targets: none: nothing is waited for.
    ///   - check: throws what else forbids the deletion, before any call is refused for it.
    func deleting(
        _ targets: [GateTarget], check: () async throws(Failure) -> Void,
        _ delete: () async throws(Failure) -> Deletion
    ) async throws(Failure) -> Deletion {
        guard !targets.isEmpty, let (catalog, dispatcher) = parts.withLock({ $0 }) else { return try await delete() }
        try await check()
        let runnables = targets.flatMap { Self.runnables($0, catalog) }
        for runnable in runnables { dispatcher.beginRefusing(runnable) }
        do throws(Failure) {
            let deadline = Instant.now().advanced(byNanoseconds: Self.waitNanos)
            for runnable in runnables where !(await dispatcher.untilIdle(runnable, deadline: deadline)) {
                throw Failure(.timeout, "\(runnable.name): calls still run; nothing was deleted")
            }
            guard !dispatcher.isDraining else {
                throw Failure(.unavailable, "the daemon is stopping; nothing was deleted")
            }
            return try await delete()
        } catch {
            for runnable in runnables { dispatcher.reopen(runnable) }
            throw error
        }
    }

    /// All that calls could run, made if need be: what is not there could be made while the deletion is written.
    private static func runnables(_ target: GateTarget, _ catalog: Catalog) -> [Runnable] {
        guard let contents = catalog.source.function(id: target.function) else { return [] }
        var choices: [VersionChoice] = []
        switch target.version {
        case nil: choices = contents.versions.map { .version($0.number) } + [.working]
        case 0: choices = [.working]
        case let number?: choices = [.version(number)]
        }
        var found: [Runnable] = []
        for choice in choices {
            guard case .runnable(let runnable) = catalog.find(function: target.function, choice, split: { _ in 0 }),
                !found.contains(where: { $0 === runnable })
            else { continue }
            found.append(runnable)
        }
        return found
    }
}
