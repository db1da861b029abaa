package import Calls
package import Catalog
package import Model
internal import Store
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
        let calls = catalog.closeIfIdle(target)
        guard calls == 0 else { return calls }
        // What was replaced gets no new calls, but it may have some.
        let late = dispatcher.calls(of: target)
        if late > 0 { catalog.reopen(target) }
        return late
    }

    package func calls(of target: GateTarget) -> Int {
        guard let (catalog, dispatcher) = parts.withLock({ $0 }) else { return 0 }
        return catalog.calls(of: target, and: dispatcher.active(target))
    }

    package func open(_ target: GateTarget) { parts.withLock { $0 }?.catalog.reopen(target) }

    /// Refuses new calls of what is going to be deleted by force, waits for those that run, and deletes.
    ///
    /// - Parameters:
    ///   - target: `nil`: nothing is waited for.
    ///   - check: throws what else forbids the deletion, before any call is refused for it.
    func deleting(
        _ target: GateTarget?, check: () async throws(Failure) -> Void,
        _ delete: () async throws(Failure) -> Deletion
    ) async throws(Failure) -> Deletion {
        guard let target, let (catalog, dispatcher) = parts.withLock({ $0 }) else { return try await delete() }
        try await check()
        catalog.close(target)
        // If all went well, nothing is left that would take calls again.
        defer { catalog.reopen(target) }
        let deadline = Instant.now().advanced(byNanoseconds: Self.waitNanos)
        for runnable in catalog.loaded(target) + dispatcher.active(target) {
            guard await dispatcher.untilIdle(runnable, deadline: deadline) else {
                throw Failure(.timeout, "\(runnable.name): calls still run; nothing was deleted")
            }
        }
        guard !dispatcher.isDraining else {
            throw Failure(.unavailable, "the daemon is stopping; nothing was deleted")
        }
        return try await delete()
    }
}
