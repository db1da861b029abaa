import Model
import Store

/// A gate that knows what is closed, and whose calls a test makes up. Thread-safe.
final class RecordingGate: CallGate {
    private struct State {
        var running: [GateTarget: Int] = [:]
        var closed: [GateTarget: Int] = [:]
        var everClosed: Set<GateTarget> = []
        var attempts = 0
    }

    private let state = Lock(State())

    /// What is closed now.
    var closed: Set<GateTarget> { state.withLock { Set($0.closed.keys) } }
    /// What was closed at any time.
    var everClosed: Set<GateTarget> { state.withLock { $0.everClosed } }
    /// How often it was asked to close something.
    var attempts: Int { state.withLock { $0.attempts } }

    /// Says how many calls run.
    func run(_ count: Int, of target: GateTarget) { state.withLock { $0.running[target] = count } }

    func close(_ target: GateTarget) -> Int {
        state.withLock { state in
            state.attempts += 1
            let running = state.running[target] ?? 0
            guard running == 0 else { return running }
            state.closed[target, default: 0] += 1
            state.everClosed.insert(target)
            return 0
        }
    }

    func calls(of target: GateTarget) -> Int { state.withLock { $0.running[target] ?? 0 } }

    func open(_ target: GateTarget) {
        state.withLock { state in
            guard let count = state.closed[target] else { preconditionFailure("it is not closed") }
            state.closed[target] = count > 1 ? count - 1 : nil
        }
    }
}
