internal import Model

/// Tells who waits that something changed: the catalog, or whether the daemon serves. Thread-safe.
package final class Changes: Sendable {
    private let state = Lock(State())

    private struct State {
        var count: UInt64 = 0
        var nextKey: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        /// Waits that were cancelled before they had begun.
        var cancelled: Set<UInt64> = []
    }

    package init() {}

    /// How many changes there were.
    package var count: UInt64 { state.withLock { $0.count } }

    /// Something changed.
    package func announce() {
        let waiters = state.withLock { state in
            state.count += 1
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume() }
    }

    /// Waits until there were more changes than `seen`; throws when the task is cancelled.
    func wait(beyond seen: UInt64) async throws {
        let key = state.withLock { state in
            state.nextKey += 1
            return state.nextKey
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.count > seen || state.cancelled.remove(key) != nil { return true }
                    state.waiters[key] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                let waiter = state.waiters.removeValue(forKey: key)
                if waiter == nil { state.cancelled.insert(key) }
                return waiter
            }
            waiter?.resume()
        }
        state.withLock { _ = $0.cancelled.remove(key) }
        try Task.checkCancellation()
    }
}
