package import Model

/// Running calls by the id that their callers gave them, for `Invocation/Cancel`. Thread-safe.
final class InvocationTable: Sendable {
    /// Bytes of an id that a caller gives.
    static let maxIDBytes = 128

    private let calls = Lock<[String: [Call]]>([:])

    func add(_ call: Call) {
        guard call.origin.invocationID.utf8.count <= Self.maxIDBytes else { return }
        calls.withLock { $0[call.origin.invocationID, default: []].append(call) }
        // It may have ended before it was added.
        if call.isDone { remove(call) }
    }

    func remove(_ call: Call) {
        calls.withLock { calls in
            guard var list = calls.removeValue(forKey: call.origin.invocationID) else { return }
            list.removeAll { $0 === call }
            if !list.isEmpty { calls[call.origin.invocationID] = list }
        }
    }

    /// Puts another call in a call's place, if that one is still there.
    func replace(_ call: Call, by other: Call) {
        calls.withLock { calls in
            guard let index = calls[call.origin.invocationID]?.firstIndex(where: { $0 === call }) else { return }
            calls[call.origin.invocationID]?[index] = other
        }
    }

    func calls(_ id: String) -> [Call] { calls.withLock { $0[id] ?? [] } }
}

extension Dispatcher {
    /// Cancels calls by the call's id or by what its caller calls it; only the same caller's, but for administrators.
    ///
    /// - Returns: how many.
    package func cancel(_ id: String, for principal: Principal, in sessions: SessionRegistry) -> Int {
        var found = invocations.calls(id)
        if let identifier = Identifier(id) {
            // Nobody asks often, so running calls need no table by id.
            for session in sessions.all {
                for open in session.allOpen {
                    let call = open as? Call ?? (open as? Stream)?.call.withLock { $0 }
                    if let call, call.id == identifier, !found.contains(where: { $0 === call }) { found.append(call) }
                }
            }
        }
        let allowed = found.filter { principal.grants.allowsAdmin || $0.origin.principal.kind == principal.kind }
        for call in allowed { cancel(call) }
        return allowed.count
    }
}
