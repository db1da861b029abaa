import Model
import Store

/// A gate that knows what is closed. Thread-safe.
final class RecordingGate: CallGate {
    private let targets = Lock<Set<GateTarget>>([])

    var closed: Set<GateTarget> { targets.withLock { $0 } }

    func close(_ target: GateTarget) -> Int {
        targets.withLock { _ = $0.insert(target) }
        return 0
    }

    func open(_ target: GateTarget) { targets.withLock { _ = $0.remove(target) } }
}
