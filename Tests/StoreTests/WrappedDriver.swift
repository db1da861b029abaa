import Model
import Store

/// A driver with something around its commits. Thread-safe.
final class WrappedDriver: StoreDriver {
    /// Is given what is to be committed, and how; what it throws is the driver's answer.
    typealias Commit = @Sendable ([Change], () throws(Failure) -> Void) throws(Failure) -> Void

    let base: any StoreDriver
    private let around: Commit

    init(_ base: any StoreDriver, around: @escaping Commit) {
        self.base = base
        self.around = around
    }

    var schemaVersion: Int { base.schemaVersion }
    var instanceID: Identifier { base.instanceID }

    func load(_ take: (Row) throws(Failure) -> Void) throws(Failure) { try base.load(take) }
    func lastSequence() throws(Failure) -> UInt64 { try base.lastSequence() }

    func commit(_ changes: [Change], _ events: [ChangeEvent], _ calls: [any CallSource]) throws(Failure) {
        try around(changes) { () throws(Failure) in try base.commit(changes, events, calls) }
    }

    func events(after sequence: UInt64, limit: Int) async throws(Failure) -> [ChangeEvent] {
        try await base.events(after: sequence, limit: limit)
    }

    func pruneEvents(keep: Int) async throws(Failure) { try await base.pruneEvents(keep: keep) }

    func append(
        _ calls: [CallRecord], specs: [Digest: [UInt8]], maxContentBytes: UInt64
    ) async throws(Failure) { try await base.append(calls, specs: specs, maxContentBytes: maxContentBytes) }

    func calls(
        _ scope: CallScope, since: Identifier?, before: Identifier?, limit: Int, scanned: Int,
        where matches: @escaping @Sendable (CallRecord) -> Bool
    ) async throws(Failure) -> (found: [CallRecord], last: Identifier?) {
        try await base.calls(scope, since: since, before: before, limit: limit, scanned: scanned, where: matches)
    }

    func call(_ id: Identifier) async throws(Failure) -> CallRecord? { try await base.call(id) }
    func callContents(_ id: Identifier) async throws(Failure) -> CallContents? { try await base.callContents(id) }
    func callSpec(_ digest: Digest) async throws(Failure) -> [UInt8]? { try await base.callSpec(digest) }
    func hasCalls(_ scope: CallScope) async throws(Failure) -> Bool { try await base.hasCalls(scope) }

    func callCounts(
        _ scope: CallScope, since: Timestamp
    ) async throws(Failure) -> [CallRecord.Status: UInt64] { try await base.callCounts(scope, since: since) }

    func pruneCalls(_ retention: CallRetention, now: Timestamp) async throws(Failure) -> PrunedCalls {
        try await base.pruneCalls(retention, now: now)
    }
    func callCount() async throws(Failure) -> Int { try await base.callCount() }
    func close() throws(Failure) { try base.close() }
}
