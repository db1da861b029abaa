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
        var contents: [Identifier: CallContents] = [:]
        var specs: [Digest: (lastCall: Identifier, body: [UInt8])] = [:]

        /// Adds records, and the snapshots that are not there yet.
        ///
        /// - Returns: one whose id is recorded already; nothing is added then.
        mutating func add(_ new: [CallRecord], _ newSpecs: [Digest: [UInt8]]) -> CallRecord? {
            var ids = Set(calls.map(\.meta.id))
            if let taken = new.first(where: { !ids.insert($0.meta.id).inserted }) { return taken }
            calls = (calls + new.map(\.withoutContents)).sorted { $0.meta.id < $1.meta.id }
            for call in new {
                let id = call.meta.id
                if call.log.count + call.input.count > 0 {
                    contents[id] = CallContents(log: call.log, input: call.input)
                }
                guard let digest = call.spec, let body = specs[digest]?.body ?? newSpecs[digest] else { continue }
                specs[digest] = (max(specs[digest]?.lastCall ?? id, id), body)
            }
            return nil
        }

        mutating func removeContents(downTo bytes: UInt64) {
            var total = contents.values.reduce(0) { $0 + UInt64($1.log.count + $1.input.count) }
            for id in contents.keys.sorted() where total > bytes {
                total -= contents.removeValue(forKey: id).map { UInt64($0.log.count + $0.input.count) } ?? 0
            }
        }
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
        var imported = CallBatch()
        for source in calls {
            try source.eachBatch { batch in
                imported.calls += batch.calls
                imported.specs.merge(batch.specs) { known, _ in known }
            }
        }
        let recorded = state.withLock { [imported] state -> CallRecord? in
            if !imported.calls.isEmpty, let taken = state.add(imported.calls, imported.specs) { return taken }
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

    package func append(
        _ calls: [CallRecord], specs: [Digest: [UInt8]], maxContentBytes: UInt64
    ) async throws(Failure) {
        if calls.isEmpty { return }
        let taken = state.withLock { state in
            guard state.add(calls, specs) == nil else { return true }
            state.removeContents(downTo: maxContentBytes)
            return false
        }
        if taken { throw Failure(.exists, "a call with the same id is recorded; none of the records was stored") }
    }

    package func calls(
        _ scope: CallScope, since: Identifier?, before: Identifier?, limit: Int, scanned: Int,
        where matches: @escaping @Sendable (CallRecord) -> Bool
    ) async throws(Failure) -> (found: [CallRecord], last: Identifier?) {
        var rest = state.withLock { $0.calls }.reversed().filter { call in
            (before.map { call.meta.id < $0 } ?? true) && (since.map { call.meta.id >= $0 } ?? true)
                && scope.contains(call)
        }[...]
        var found: [CallRecord] = []
        var last: Identifier?
        while let call = rest.first, found.count < limit, rest.startIndex < scanned {
            rest.removeFirst()
            last = call.meta.id
            if matches(call) { found.append(call) }
        }
        return (found, rest.isEmpty ? nil : last)
    }

    package func call(_ id: Identifier) async throws(Failure) -> CallRecord? {
        state.withLock { state in state.calls.first { $0.meta.id == id } }
    }

    package func callContents(_ id: Identifier) async throws(Failure) -> CallContents? {
        state.withLock { $0.contents[id] }
    }

    package func callSpec(_ digest: Digest) async throws(Failure) -> [UInt8]? {
        state.withLock { $0.specs[digest]?.body }
    }

    package func hasCalls(_ scope: CallScope) async throws(Failure) -> Bool {
        state.withLock { $0.calls.contains(where: scope.contains) }
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
    package func pruneCalls(_ retention: CallRetention, now: Timestamp) async throws(Failure) -> PrunedCalls {
        state.withLock { state in
            let callBound = Identifier.oldest(nanos: retention.callNanos, now: now)
            let kept = state.calls.suffix(max(retention.calls, 0)).filter { call in
                callBound.map { call.meta.id >= $0 } ?? true
            }
            let removed = state.calls.count - kept.count
            for call in state.calls.prefix(removed) { state.contents[call.meta.id] = nil }
            state.calls = Array(kept)
            let before = state.contents.count
            let newest = state.contents.keys.sorted().suffix(max(retention.logs, 0))
            let contentBound = Identifier.oldest(nanos: retention.logNanos, now: now)
            state.contents = state.contents.filter { entry in
                newest.first.map { entry.key >= $0 } ?? false && contentBound.map { entry.key >= $0 } ?? true
            }
            state.removeContents(downTo: retention.logBytes)
            let oldest = state.calls.first?.meta.id
            state.specs = state.specs.filter { spec in oldest.map { spec.value.lastCall >= $0 } ?? false }
            return PrunedCalls(calls: removed, contents: before - state.contents.count)
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
