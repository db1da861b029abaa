package import Model
internal import Wire

/// One or more operations on the rows, before they are durable. Confined to the writer's thread.
///
/// The rules of every noun are extensions of this (Operations/). An operation that throws leaves nothing behind.
package final class Transaction {
    /// Committed rows and those of this batch.
    package private(set) var tables: Tables
    /// What was done, in order.
    package private(set) var changes: [Change] = []
    /// What was closed to calls for deletions, to be opened when they are over.
    private(set) var closed: [GateTarget] = []
    /// Records of calls that are stored with the changes.
    private(set) var calls: [any CallSource] = []
    /// What the operations know of the daemon around them.
    package let surroundings: Surroundings

    /// The time of the operation that runs.
    package private(set) var now = Timestamp(nanoseconds: 0)
    /// Of the request; `nil`: it named none, so new entities are of the newest release and others stay what they are.
    package private(set) var apiVersion: UInt32?
    private var generator = SeededGenerator(seed: 0)
    /// Whether everything is taken back afterwards.
    private var isDry = false

    init(tables: Tables, surroundings: Surroundings) {
        self.tables = tables
        self.surroundings = surroundings
    }

    /// How far ``changes``, ``closed`` and ``calls`` have come.
    struct Mark {
        fileprivate let changes: Int
        fileprivate let closed: Int
        fileprivate let calls: Int
    }

    var mark: Mark { Mark(changes: changes.count, closed: closed.count, calls: calls.count) }

    /// Begins an operation. The same seed makes the same ids again.
    func begin(_ context: ChangeContext, isDry: Bool) {
        self.isDry = isDry
        now = context.now
        apiVersion = context.apiVersion
        generator = SeededGenerator(seed: context.seed)
    }

    /// Takes back what was done since the mark.
    func rollBack(to mark: Mark) {
        while changes.count > mark.changes {
            let change = changes.removeLast()
            tables.apply(old: change.new, new: change.old)
        }
        while closed.count > mark.closed { surroundings.gate.open(closed.removeLast()) }
        calls.removeLast(calls.count - mark.calls)
    }

    /// Forgets what was done: it is durable now, and who lets calls in knows what is gone.
    func finish() {
        changes.removeAll(keepingCapacity: true)
        for target in closed { surroundings.gate.open(target) }
        closed.removeAll()
        calls.removeAll()
    }

    // MARK: - For operations

    /// A new entity's common part.
    package func newMeta(labels: [String: String], extra: [String: String]) -> Meta {
        Meta(
            apiVersion: apiVersion ?? Meta.currentAPIVersion, id: Identifier(now: now, using: &generator),
            createdAt: now, labels: labels, extra: extra)
    }

    /// Reads a row.
    package func entity<E: Entity>(_ row: Row, as type: E.Type = E.self) throws(Failure) -> E {
        try surroundings.dialects.decode(row, tables.message(of: row), as: E.self)
    }

    /// Stores a new entity.
    ///
    /// - Parameters:
    ///   - references: what it needs.
    ///   - sealed: what only the daemon reads.
    /// - Throws: `exists` if its key or one of its claims is taken.
    package func create(
        _ entity: some Entity, references: [Identifier] = [], sealed: [UInt8] = []
    ) throws(Failure) {
        try checkRoom()
        let row = try self.row(entity, references: references, sealed: sealed)
        if tables.find(row.kind, in: row.parent, key: row.key) != nil {
            throw Failure(.exists, "\(row.kind.rawValue) \(quoted(tables.name(of: row))) exists")
        }
        try checkClaims(of: row)
        apply(old: nil, new: row)
    }

    /// Stores a changed entity; one that is equal to the stored one is not touched.
    ///
    /// - Parameters:
    ///   - old: as it is stored.
    ///   - references: `nil`: as they are.
    ///   - sealed: `nil`: as it is.
    ///   - revision: the least that the changed entity has.
    /// - Returns: the entity with its new revision.
    @discardableResult
    package func update<E: Entity>(
        _ old: Row, to entity: E, references: [Identifier]? = nil, sealed: [UInt8]? = nil, revision: UInt64 = 0
    ) throws(Failure) -> E {
        var entity = entity
        if let apiVersion { entity.meta.apiVersion = apiVersion }
        let (references, secret) = (references ?? old.references, sealed ?? old.sealed)
        let same = try row(entity, references: references, sealed: secret)
        if same == old { return entity }
        try checkRewritable(old)
        entity.meta.revision = max(old.revision + 1, revision)
        entity.meta.updatedAt = max(now, old.updatedAt)
        let new = try row(entity, references: references, sealed: secret)
        try checkClaims(of: new)
        apply(old: old, new: new)
        return entity
    }

    /// Removes a row, whatever refers to it.
    package func delete(_ row: Row) { apply(old: row, new: nil) }

    /// Stores records of calls with what else is done, or nothing of it.
    func add(_ calls: any CallSource) { self.calls.append(calls) }

    /// Replaces a row as it is: for imports.
    package func put(_ row: Row) { apply(old: tables[row.id], new: row) }

    /// Stores an entity otherwise than before, with the same meaning: no new revision, and nobody is told.
    func rewrite(_ old: Row, as entity: some Entity) throws(Failure) {
        try checkRewritable(old)
        let new = try row(entity, references: old.references, sealed: old.sealed)
        apply(old: old, new: new, isSilent: true)
    }

    /// Whether a row can be written by this daemon without losing anything.
    func isRewritable(_ row: Row) -> Bool { (try? checkRewritable(row)) != nil }

    private func checkRewritable(_ row: Row) throws(Failure) {
        try surroundings.dialects.checkRewritable(row, tables.message(of: row), tables.name(of: row))
    }

    /// - Parameters:
    ///   - revision: what the caller believes; 0: whatever it is.
    ///   - present: of what the row is seen as; `nil`: the row's own.
    /// - Throws: `conflict`.
    package func check(revision: UInt64, of row: Row, present: UInt64? = nil) throws(Failure) {
        let present = present ?? row.revision
        guard revision != 0, revision != present else { return }
        throw Failure(
            .conflict,
            "revision: \(row.kind.rawValue) \(quoted(tables.name(of: row))) has revision \(present), not "
                + "\(revision); somebody changed it meanwhile, so read it again")
    }

    /// Stops new calls of versions, if none runs or waits.
    ///
    /// - Parameter canForce: whether who asked for it could wait.
    /// - Throws: `precondition` if calls run.
    func close(_ target: GateTarget, _ name: String, canForce: Bool = true) throws(Failure) {
        // Nobody's calls are to suffer for a question.
        if isDry { return }
        let running = surroundings.gate.close(target)
        guard running == 0 else {
            throw Failure(
                .precondition,
                "\(name) has \(Checks.text(ofCalls: running)); wait for them"
                    + (canForce ? ", or use force, which waits" : ""))
        }
        closed.append(target)
    }

    /// The row of an entity.
    ///
    /// - Throws: `invalid` if it is too large; `precondition` for a dialect that this daemon does not know.
    func row(
        _ entity: some Entity, references: [Identifier], sealed: [UInt8]
    ) throws(Failure) -> Row {
        let meta = entity.meta
        let dialect = try surroundings.dialects[meta.apiVersion, "the \(type(of: entity).kind.rawValue)"].get()
        let row = Row(
            kind: type(of: entity).kind, id: meta.id, parent: entity.parentID, key: entity.key,
            apiVersion: meta.apiVersion, revision: meta.revision, createdAt: meta.createdAt, updatedAt: meta.updatedAt,
            references: references, claims: entity.claims, sealed: sealed,
            body: Row.body(of: try dialect.encode(entity), type(of: entity).kind))
        try row.checkSize()
        return row
    }

    /// - Throws: `busy` if there can be no more entities.
    func checkRoom() throws(Failure) {
        guard tables.count < surroundings.maxEntities else {
            throw Failure(
                .busy, "there are \(tables.count) entities, the limit (max-entities); delete those that nobody needs",
                quota: "max-entities")
        }
    }

    private func checkClaims(of row: Row) throws(Failure) {
        for claim in row.claims {
            guard let other = tables.claimant(row.kind, in: row.parent, claim: claim), other.id != row.id else {
                continue
            }
            let field = row.kind == .function ? "services" : "source"
            throw Failure(
                .exists,
                "\(field): \(quoted(claim)) is taken by \(row.kind.rawValue) \(quoted(tables.name(of: other))); it is "
                    + "unique in an app")
        }
    }

    private func apply(old: Row?, new: Row?, isSilent: Bool = false) {
        guard let row = new ?? old else { return }
        let name = tables.name(of: row)
        tables.apply(old: old, new: new)
        changes.append(Change(old: old, new: new, name: name, at: now, isSilent: isSilent || row.kind == .package))
    }
}

/// What an operation is run with; run again with the same, it makes the same ids.
package struct ChangeContext: Sendable {
    package var now: Timestamp
    package var seed: UInt64
    /// `nil`: the request named none.
    package var apiVersion: UInt32?

    package init(now: Timestamp, seed: UInt64 = .random(in: 0 ... .max), apiVersion: UInt32? = nil) {
        self.now = now
        self.seed = seed
        self.apiVersion = apiVersion
    }
}

/// What the operations know of the daemon around them.
package struct Surroundings: Sendable {
    package var dialects: Dialects
    package var gate: any CallGate
    /// How interpreters of built-in runtimes name themselves.
    package var interpreters: [FunctionSpec.Runtime: String]
    /// The most published versions of one function.
    package var maxVersions: Int
    /// The most entities of all kinds together; all of them are in memory.
    package var maxEntities: Int
    /// Which keys of `extra` entities of releases may get.
    package var extraPolicy: ExtraPolicy
    /// How long a package that nothing uses stays after it was last uploaded or asked for, nanoseconds: who was told that
    /// nothing has to be sent has this long to deploy it.
    package var packageGraceNanos: Int64
    /// Encrypts the value of the secret with an id.
    package var seal: @Sendable ([UInt8], Identifier) throws(Failure) -> [UInt8]
    /// Whether a runtime's root can be used on this machine.
    package var checkRoot: @Sendable (RuntimeRoot) throws(Failure) -> Void
    /// Whether a stored package has one of some files, or may have it: asked in transactions, so it must not take long.
    package var packageHas: @Sendable (Digest, _ files: [String]) -> Bool
    /// Whether this machine can keep the room that a function wants; `nil`: one that is not there yet.
    package var checkReserve: @Sendable (Identifier?, FunctionSpec) throws(Failure) -> Void

    package init(
        dialects: Dialects = Dialects(), gate: any CallGate = OpenGate(),
        interpreters: [FunctionSpec.Runtime: String] = [:], maxVersions: Int = 50, maxEntities: Int = 1_000_000,
        extraPolicy: ExtraPolicy = .open, packageGraceNanos: Int64 = 3_600_000_000_000,
        seal: @escaping @Sendable ([UInt8], Identifier) throws(Failure) -> [UInt8] = { _, _ throws(Failure) in
            throw Failure(.precondition, "value: there is no key to encrypt it with")
        }, checkRoot: @escaping @Sendable (RuntimeRoot) throws(Failure) -> Void = { _ throws(Failure) in },
        packageHas: @escaping @Sendable (Digest, _ files: [String]) -> Bool = { _, _ in true },
        checkReserve: @escaping @Sendable (Identifier?, FunctionSpec) throws(Failure) -> Void = {
            _, _ throws(Failure) in
        }
    ) {
        self.dialects = dialects
        self.gate = gate
        self.interpreters = interpreters
        self.maxVersions = maxVersions
        self.maxEntities = maxEntities
        self.extraPolicy = extraPolicy
        self.packageGraceNanos = packageGraceNanos
        self.seal = seal
        self.checkRoot = checkRoot
        self.packageHas = packageHas
        self.checkReserve = checkReserve
    }
}

/// Keeps calls away from what is being deleted. Thread-safe; must not block.
package protocol CallGate: Sendable {
    /// Refuses new calls if none runs or waits, for one deletion more.
    ///
    /// - Returns: how many run or wait; 0: they are refused from now on, until ``open(_:)``.
    func close(_ target: GateTarget) -> Int
    /// How many calls run or wait; refuses none.
    func calls(of target: GateTarget) -> Int
    /// One deletion less: nothing was deleted, or all that was is known. What is still there takes calls again when no
    /// other deletion refuses them.
    func open(_ target: GateTarget)
}

/// Where nothing is called.
package struct OpenGate: CallGate {
    package init() {}
    package func close(_ target: GateTarget) -> Int { 0 }
    package func calls(of target: GateTarget) -> Int { 0 }
    package func open(_ target: GateTarget) {}
}

/// SplitMix64: the same seed, the same numbers.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
