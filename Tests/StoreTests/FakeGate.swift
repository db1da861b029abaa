import Model

@testable import Store

/// A ``CallGate`` whose calls a test makes up.
final class FakeGate: CallGate {
    private struct State {
        var running: [GateTarget: Int] = [:]
        var closed: Set<GateTarget> = []
        var log: [String] = []
    }

    private let state = Lock(State())

    /// What is closed now.
    var closed: Set<GateTarget> { state.withLock { $0.closed } }
    /// How often it was asked to close something.
    var attempts: Int { state.withLock { $0.log.count { $0 == "close" } } }

    func run(_ count: Int, of function: Identifier, version: UInt32? = nil) {
        state.withLock { $0.running[GateTarget(function: function, version: version)] = count }
    }

    func close(_ target: GateTarget) -> Int {
        state.withLock { state in
            state.log.append("close")
            let running = state.running[target] ?? 0
            if running == 0 { state.closed.insert(target) }
            return running
        }
    }

    func open(_ target: GateTarget) { state.withLock { _ = $0.closed.remove(target) } }
}
