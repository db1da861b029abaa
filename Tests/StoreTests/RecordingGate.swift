import Model
import Store

/// A gate that knows what is closed, and whose calls a test makes up. Thread-safe.
final class RecordingGate: CallGate {
    private struct State {
        var running: [GateTarget: Int] = [:]
        var closed: Set<GateTarget> = []
        var attempts = 0
    }

    private let state = Lock(State())

    /// What is closed now.
    var closed: Set<GateTarget> { state.withLock { $0.closed } }
    /// How often it was asked to close something.
    var attempts: Int { state.withLock { $0.attempts } }

    /// Says how many calls run.
    func run(_ count: Int, of function: Identifier, version: UInt32? = nil) {
        state.withLock { $0.running[GateTarget(function: function, version: version)] = count }
    }

    func close(_ target: GateTarget) -> Int {
        state.withLock { state in
            state.attempts += 1
            let running = state.running[target] ?? 0
            if running == 0 { state.closed.insert(target) }
            return running
        }
    }

    func open(_ target: GateTarget) { state.withLock { _ = $0.closed.remove(target) } }
}
