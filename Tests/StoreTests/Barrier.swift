import Dispatch
import Model

/// Two threads wait here for one another: one says that it has come, and stays until it is let go. Thread-safe.
final class Barrier: Sendable {
    private struct State {
        var isOpen = false
        var arrived = 0
        var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Lock(State())
    private let gate = DispatchSemaphore(value: 0)

    /// Waits until ``open()``, on a thread that may block.
    func pass() {
        let (isOpen, reached) = state.withLock { state in
            state.arrived += 1
            let reached = state.waiting.filter { $0.count <= state.arrived }
            state.waiting.removeAll { $0.count <= state.arrived }
            return (state.isOpen, reached)
        }
        for one in reached { one.continuation.resume() }
        if !isOpen { gate.wait(); gate.signal() }
    }

    /// Waits until somebody is at the barrier, or `count` have been.
    func arrival(_ count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.arrived >= count { return true }
                state.waiting.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    /// Lets everybody pass, from now on.
    func open() {
        state.withLock { $0.isOpen = true }
        gate.signal()
    }
}
