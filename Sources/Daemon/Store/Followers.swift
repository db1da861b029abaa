internal import Model

/// Those who wait for the next event. Thread-safe.
final class Followers: Sendable {
    private struct State {
        var last: UInt64 = 0
        var isClosed = false
        var nextKey = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Lock(State())

    /// The newest sequence.
    var last: UInt64 { state.withLock { $0.last } }

    /// Whether nobody waits any more.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// There are events up to this sequence now.
    func announce(_ sequence: UInt64) {
        let waiting = state.withLock { state in
            state.last = max(state.last, sequence)
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Nobody waits any more.
    func close() {
        state.withLock { $0.isClosed = true }
        announce(0)
    }

    /// Waits for an event after a sequence; `false` if there will be none, or the task was cancelled.
    func wait(after sequence: UInt64) async -> Bool {
        while !Task.isCancelled {
            let (isThere, isClosed, key) = state.withLock { state in
                state.nextKey += 1
                return (state.last > sequence, state.isClosed, state.nextKey)
            }
            if isClosed { return false }
            if isThere { return true }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let late = state.withLock { state in
                        if state.last > sequence || state.isClosed || Task.isCancelled { return true }
                        state.waiting[key] = continuation
                        return false
                    }
                    if late { continuation.resume() }
                }
            } onCancel: {
                state.withLock { $0.waiting.removeValue(forKey: key) }?.resume()
            }
        }
        return false
    }
}
