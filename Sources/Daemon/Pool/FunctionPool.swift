package import Model

/// A function's pool: ``PoolMachine`` behind its own lock, so functions never wait for each other. Thread-safe.
package final class FunctionPool: Sendable {
    private let state: Lock<State>
    /// What the pool was made with.
    package let limits: PoolMachine.Limits
    /// Whose it is; `nil`: nobody's that has room of its own.
    package let function: Identifier?

    private struct State {
        var machine: PoolMachine
        /// Who waits until no call is left.
        var watches: [UInt64: CheckedContinuation<Bool, Never>] = [:]
        var nextKey: UInt64 = 0

        /// Those whose wait is over.
        mutating func takeWatches() -> [CheckedContinuation<Bool, Never>] {
            guard !watches.isEmpty, machine.calls == 0 else { return [] }
            defer { watches = [:] }
            return Array(watches.values)
        }
    }

    /// - Parameter function: whose reserve its containers use.
    package init(limits: PoolMachine.Limits, function: Identifier? = nil) {
        self.limits = limits
        self.function = function
        state = Lock(State(machine: PoolMachine(limits: limits)))
    }

    /// Runs an event; act on what it returns after this has returned, never inside.
    @inline(__always)
    package func event<R>(_ body: (inout PoolMachine) -> R) -> R {
        var over: [CheckedContinuation<Bool, Never>] = []
        let result = state.withLock { state -> R in
            let result = body(&state.machine)
            over = state.takeWatches()
            return result
        }
        for watch in over { watch.resume(returning: true) }
        return result
    }

    // MARK: - Events of every call, compiled for what they return

    /// ``PoolMachine/lease(_:of:now:)``, unless the call has to wait and there is no room for it: then `nil`.
    ///
    /// - Parameter keep: finds room to wait; with the lock held.
    package func lease(
        _ waiter: Waiter, of call: AnyObject, now: Instant, keep: () -> Bool
    ) -> PoolMachine.Lease? {
        event { machine in
            if machine.isSaturated, !keep() { return nil }
            return machine.lease(waiter, of: call, now: now)
        }
    }

    /// ``PoolMachine/outlook(now:)``: a guess, because others go on.
    package func outlook(now: Instant) -> PoolMachine.Outlook { event { $0.outlook(now: now) } }

    /// ``PoolMachine/release(_:serviceNanos:yields:now:)``.
    package func release(_ slot: Slot, serviceNanos: UInt64, yields: Bool, now: Instant) -> PoolMachine.Hand {
        event { $0.release(slot, serviceNanos: serviceNanos, yields: yields, now: now) }
    }

    /// Waits until no call runs or waits; the event that ends the last one ends the wait.
    ///
    /// - Returns: `false` if the deadline came first, or the task was cancelled.
    package func untilIdle(deadline: Instant) async -> Bool {
        if event({ $0.calls == 0 }) { return true }
        return await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.untilIdle() }
            group.addTask {
                let left = deadline.nanoseconds(since: .now())
                try? await Task.sleep(for: .nanoseconds(Int64(clamping: left)))
                return false
            }
            let isIdle = await group.next() ?? false
            group.cancelAll()
            return isIdle
        }
    }

    /// How many wait in ``untilIdle(deadline:)``.
    var watching: Int { state.withLock { $0.watches.count } }

    private func untilIdle() async -> Bool {
        let key = state.withLock { state in
            state.nextKey += 1
            return state.nextKey
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isIdle = state.withLock { state in
                    if state.machine.calls == 0 { return true }
                    state.watches[key] = continuation
                    return false
                }
                if isIdle { continuation.resume(returning: true) }
                // A cancellation that came before this found nothing to end.
                if Task.isCancelled { endWatch(key) }
            }
        } onCancel: {
            endWatch(key)
        }
    }

    private func endWatch(_ key: UInt64) {
        state.withLock { $0.watches.removeValue(forKey: key) }?.resume(returning: false)
    }
}
