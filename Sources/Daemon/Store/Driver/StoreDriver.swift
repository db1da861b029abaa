package import Model

/// Where rows, events and call records are kept. Two implementations, ``SQLiteDriver`` and ``MemoryDriver``, behave alike;
/// one conformance suite holds them to it. Thread-safe.
///
/// Everything about the meaning of rows is above: a driver keeps what it is given, all of a batch or nothing.
package protocol StoreDriver: Sendable {
    /// The number of the newest migration that the data has.
    var schemaVersion: Int { get }
    /// Made at random with the data, and kept.
    var instanceID: Identifier { get }

    /// Gives every row, in no order. Blocks.
    func load(_ take: (Row) throws(Failure) -> Void) throws(Failure)
    /// The sequence of the newest event; 0: there is none.
    func lastSequence() throws(Failure) -> UInt64
    /// Stores changes in their order, with their events and with imported records of calls, all or none; when it returns
    /// they are on disk. Of the records, what is too much goes with the next pruning. Blocks.
    ///
    /// - Throws: `exists` naming a call whose id is recorded already.
    func commit(_ changes: [Change], _ events: [ChangeEvent], _ calls: [any CallSource]) throws(Failure)
    /// The events after a sequence, oldest first.
    func events(after sequence: UInt64, limit: Int) async throws(Failure) -> [ChangeEvent]
    /// Removes all but the newest events.
    func pruneEvents(keep: Int) async throws(Failure)

    /// Stores records of finished calls, all or none; one that is stored never changes. Survives a crash of the daemon;
    /// the last ones may be lost with the machine's power.
    ///
    /// - Parameters:
    ///   - specs: snapshots that the records name, by their digests; those that are there already stay.
    ///   - maxContentBytes: what logs and payloads of all calls may have together; the oldest go until that is so.
    /// - Throws: `exists` if a record with one of the ids is stored.
    func append(_ calls: [CallRecord], specs: [Digest: [UInt8]], maxContentBytes: UInt64) async throws(Failure)
    /// Newest first, without their logs and payloads.
    ///
    /// - Parameters:
    ///   - since: the lowest id; `nil`: to the oldest.
    ///   - before: the id that ended the page before; `nil`: from the newest.
    ///   - limit: at most so many.
    ///   - scanned: the most records to look at.
    ///   - matches: which are wanted.
    /// - Returns: those found, and the last one that was looked at if there may be more.
    func calls(
        _ scope: CallScope, since: Identifier?, before: Identifier?, limit: Int, scanned: Int,
        where matches: @escaping @Sendable (CallRecord) -> Bool
    ) async throws(Failure) -> (found: [CallRecord], last: Identifier?)
    /// One record, without its log and payload; `nil`: it is not there.
    func call(_ id: Identifier) async throws(Failure) -> CallRecord?
    /// `nil`: there is no such call, or what it had is removed, or it had nothing.
    func callContents(_ id: Identifier) async throws(Failure) -> CallContents?
    /// The snapshot with a digest; `nil`: it is not there.
    func callSpec(_ digest: Digest) async throws(Failure) -> [UInt8]?
    /// Whether there is any.
    func hasCalls(_ scope: CallScope) async throws(Failure) -> Bool
    /// How calls ended since a time, by status.
    func callCounts(_ scope: CallScope, since: Timestamp) async throws(Failure) -> [CallRecord.Status: UInt64]
    /// Removes the oldest calls, or only the contents of calls, a part of those at a time, so that others who write wait
    /// for no more than that.
    ///
    /// - Returns: how many there were to remove of each.
    @discardableResult
    func pruneCalls(_ retention: CallRetention, now: Timestamp) async throws(Failure) -> PrunedCalls
    /// How many calls are recorded.
    func callCount() async throws(Failure) -> Int

    /// Every later use throws. Blocks.
    func close() throws(Failure)
}

extension StoreDriver {
    /// As ``append(_:specs:maxContentBytes:)``, without snapshots; what is too much goes with the next pruning.
    package func append(_ calls: [CallRecord]) async throws(Failure) {
        try await append(calls, specs: [:], maxContentBytes: .max)
    }
}

/// Records of calls that are too many to be in memory together.
package protocol CallSource: Sendable {
    /// Hands over all records in batches, from the first one each time. Blocks.
    ///
    /// - Throws: what `body` throws; what prevents reading.
    func eachBatch(_ body: (CallBatch) throws(Failure) -> Void) throws(Failure)
}

/// Records of calls, with their logs and payloads.
package struct CallBatch: Sendable {
    package var calls: [CallRecord]
    /// Snapshots that they name, by their digests; without those that an earlier batch had.
    package var specs: [Digest: [UInt8]]

    package init(calls: [CallRecord] = [], specs: [Digest: [UInt8]] = [:]) {
        self.calls = calls
        self.specs = specs
    }
}

/// Whose calls.
package enum CallScope: Hashable, Sendable {
    case all
    case app(Identifier)
    case function(Identifier)
}

/// What is kept apart from a call's record.
package struct CallContents: Hashable, Sendable {
    package var log: [UInt8]
    package var input: [UInt8]

    package init(log: [UInt8], input: [UInt8]) {
        self.log = log
        self.input = input
    }
}

/// What a pruning has removed.
package struct PrunedCalls: Hashable, Sendable {
    /// Records, with their contents.
    package var calls = 0
    /// Contents of calls whose records stay.
    package var contents = 0

    package init(calls: Int = 0, contents: Int = 0) {
        self.calls = calls
        self.contents = contents
    }
}

/// A change as it is told to those who follow.
package struct ChangeEvent: Hashable, Sendable {
    /// Grows by one with every change; never used again.
    package let sequence: UInt64
    package let at: Timestamp
    package let action: ChangeAction
    package let kind: EntityKind
    package let id: Identifier
    /// With its parents: `app/function@3`.
    package let name: String
    /// Of the entity, after the change.
    package let revision: UInt64
    package let apiVersion: UInt32

    package init(
        sequence: UInt64, at: Timestamp, action: ChangeAction, kind: EntityKind, id: Identifier, name: String,
        revision: UInt64, apiVersion: UInt32
    ) {
        self.sequence = sequence
        self.at = at
        self.action = action
        self.kind = kind
        self.id = id
        self.name = name
        self.revision = revision
        self.apiVersion = apiVersion
    }

    init(_ change: Change, sequence: UInt64) {
        let row = change.row
        self.init(
            sequence: sequence, at: change.at, action: change.action, kind: row.kind, id: row.id, name: change.name,
            revision: row.revision, apiVersion: row.apiVersion)
    }
}

extension CallRecord {
    /// Why a record cannot be imported.
    func recordedAlready() -> Failure {
        Failure(.exists, "call \(meta.id) is recorded already; nothing was imported")
    }
}
