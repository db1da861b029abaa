package import Model

/// The ``StoreDriver`` that forgets everything at the end: for tests. Thread-safe.
package final class MemoryDriver: StoreDriver {
    package let schemaVersion: Int
    package let instanceID: Identifier

    private struct State {
        var rows: [Identifier: Row] = [:]
        var events: [ChangeEvent] = []
        var lastSequence: UInt64 = 0
        /// By id, oldest first.
        var calls: [CallRecord] = []
    }

    private let state = Lock(State())

    /// - Parameter now: for the time in ``instanceID``.
    package init(now: Timestamp = .now()) {
        instanceID = Identifier.random(at: now)
        schemaVersion = Migrations.count
    }

    package func load(_ take: (Row) throws(Failure) -> Void) throws(Failure) {
        for row in state.withLock({ Array($0.rows.values) }) { try take(row) }
    }

    package func lastSequence() throws(Failure) -> UInt64 { state.withLock { $0.lastSequence } }

    package func commit(
        _ changes: [Change], _ events: [ChangeEvent], _ calls: [any CallSource]
    ) throws(Failure) {
        var imported: [CallRecord] = []
        for source in calls { try source.eachBatch { imported += $0 } }
        let recorded = state.withLock { state -> CallRecord? in
            if !imported.isEmpty {
                var ids = Set(state.calls.map(\.meta.id))
                if let taken = imported.first(where: { !ids.insert($0.meta.id).inserted }) { return taken }
                state.calls = (state.calls + imported).sorted { $0.meta.id < $1.meta.id }
            }
            for change in changes {
                if let old = change.old { state.rows[old.id] = nil }
                if let new = change.new { state.rows[new.id] = new }
            }
            state.events += events
            state.lastSequence = events.last?.sequence ?? state.lastSequence
            return nil
        }
        if let recorded { throw recorded.recordedAlready() }
    }

    package func events(after sequence: UInt64, limit: Int) async throws(Failure) -> [ChangeEvent] {
        state.withLock { Array($0.events.drop { $0.sequence <= sequence }.prefix(limit)) }
    }

    package func pruneEvents(keep: Int) async throws(Failure) {
        state.withLock { $0.events = Array($0.events.suffix(max(keep, 0))) }
    }

    package func append(_ calls: [CallRecord]) async throws(Failure) {
        let taken = state.withLock { state in
            var ids = Set(state.calls.map(\.meta.id))
            guard calls.allSatisfy({ ids.insert($0.meta.id).inserted }) else { return true }
            state.calls = (state.calls + calls).sorted { $0.meta.id < $1.meta.id }
            return false
        }
        if taken { throw Failure(.exists, "a call with the same id is recorded; none of the records was stored") }
    }

    package func calls(
        _ scope: CallScope, before: Identifier?, limit: Int, scanned: Int,
        where matches: @escaping @Sendable (CallRecord) -> Bool
    ) async throws(Failure) -> (found: [CallRecord], last: Identifier?) {
        var rest = state.withLock { $0.calls }.reversed().filter { call in
            (before.map { call.meta.id < $0 } ?? true) && scope.contains(call)
        }[...]
        var found: [CallRecord] = []
        var last: Identifier?
        while var call = rest.first, found.count < limit, rest.startIndex < scanned {
            rest.removeFirst()
            last = call.meta.id
            call.log = []
            if matches(call) { found.append(call) }
        }
        return (found, rest.isEmpty ? nil : last)
    }

    package func call(_ id: Identifier) async throws(Failure) -> CallRecord? {
        state.withLock { state in
            guard var call = state.calls.first(where: { $0.meta.id == id }) else { return nil }
            call.log = []
            return call
        }
    }

    package func callLog(_ id: Identifier) async throws(Failure) -> CallLog? {
        state.withLock { state in
            state.calls.first { $0.meta.id == id }.map { CallLog(bytes: $0.log, truncated: $0.logTruncated) }
        }
    }

    package func callCounts(
        _ scope: CallScope, since: Timestamp
    ) async throws(Failure) -> [CallRecord.Status: UInt64] {
        state.withLock { state in
            state.calls.filter { $0.meta.createdAt >= since && scope.contains($0) }
                .reduce(into: [:]) { $0[$1.status, default: 0] += 1 }
        }
    }

    @discardableResult
    package func pruneCalls(keep: Int) async throws(Failure) -> Int {
        state.withLock { state in
            let removed = max(state.calls.count - max(keep, 0), 0)
            state.calls.removeFirst(removed)
            return removed
        }
    }

    package func callCount() async throws(Failure) -> Int { state.withLock { $0.calls.count } }

    package func close() throws(Failure) {}
}

extension CallScope {
    func contains(_ call: CallRecord) -> Bool {
        switch self {
        case .all: true
        case .app(let id): call.appID == id
        case .function(let id): call.functionID == id
        }
    }
}
