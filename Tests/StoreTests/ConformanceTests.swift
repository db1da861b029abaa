import Model
import Testing
import Wire

@testable import Store

/// What holds after every operation, on any store.
func violations(of rows: [Row]) -> [String] {
    let byID = Dictionary(rows.map { ($0.id, $0) }) { first, _ in first }
    var result: [String] = []
    if byID.count != rows.count { result.append("an id is there twice") }
    var keys: Set<[String]> = []
    var claims: Set<[String]> = []
    for row in rows {
        let what = "\(row.kind) \(row.key)"
        let parent = row.parent?.description ?? ""
        if !keys.insert([row.kind.rawValue, parent, row.key]).inserted { result.append("\(what) is there twice") }
        for claim in row.claims where !claims.insert([row.kind.rawValue, parent, claim]).inserted {
            result.append("\(what) claims \(claim), which is taken")
        }
        if row.parent.flatMap({ byID[$0]?.kind }) != row.kind.parent { result.append("\(what) has lost its parent") }
        for target in row.references where byID[target] == nil { result.append("\(what) refers to nothing") }
        if row.updatedAt < row.createdAt || row.revision < 1 { result.append("\(what) has a wrong time or revision") }
        guard let app = row.kind == .function ? row.parent.flatMap({ byID[$0] }) : row else { continue }
        var tables = Tables(indexesReferrers: false)
        if app != row { tables.apply(old: nil, new: app) }
        guard let entity = try? Dialects().decode(row, tables.message(of: row)) else {
            result.append("\(what) does not read")
            continue
        }
        let meta = entity.meta
        if meta.id != row.id || meta.revision != row.revision || meta.apiVersion != row.apiVersion
            || meta.createdAt != row.createdAt || meta.updatedAt != row.updatedAt || entity.key != row.key
            || entity.parentID != row.parent || entity.claims != row.claims
        {
            result.append("\(what) has columns that its body contradicts")
        }
    }
    return result
}

/// Both drivers under the same operations.
@Suite struct ConformanceTests {
    /// How an operation ended, comparable.
    private func outcome(
        _ operation: Operation, on test: TestStore, apiVersion: UInt32?, isDry: Bool
    ) async -> (text: String, bytes: [UInt8], changes: [Change]) {
        let context = test.context(apiVersion: apiVersion)
        do throws(Failure) {
            if isDry {
                let (bytes, changes) = try await test.store.preview(context, operation.run)
                return ("", bytes, changes)
            }
            return ("", try await test.store.change(context, operation.run), [])
        } catch {
            return ("\(error.code) \(error) \(error.further) \(error.quota ?? "")", [], [])
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func theDriversAreOne(seed: UInt64) async throws {
        let (memory, disk) = (try TestStore(.memory), try TestStore(.sqlite))
        for test in [memory, disk] { try await test.furnish() }
        var operations = RandomOperations(seed: seed)
        var (done, refused): ([String: Int], Int) = ([:], 0)
        var before = try memory.rows()
        for step in 0..<1500 {
            operations.rows = before
            let operation = operations.next()
            let apiVersion = operations.one(of: [nil, nil, 1, 2, 0] as [UInt32?])
            let isDry = operations.chance(10)
            let sequence = memory.store.lastSequence
            let first = await outcome(operation, on: memory, apiVersion: apiVersion, isDry: isDry)
            let second = await outcome(operation, on: disk, apiVersion: apiVersion, isDry: isDry)
            let what = "seed \(seed), step \(step): \(operation.name)"
            try #require((first == second) == true, "\(what): \(first.text) — \(second.text)")
            if step % 100 == 99 { try disk.reopen() }
            let (rows, others) = (try memory.rows(), try disk.rows())
            try #require((rows == others) == true, "\(what)")
            let counts = Dictionary(grouping: rows, by: \.kind).mapValues {
                Dictionary(grouping: $0, by: \.apiVersion).mapValues(\.count)
            }
            try #require(try memory.store.countByAPIVersion() == counts, "\(what)")
            try #require(try disk.store.countByAPIVersion() == counts, "\(what)")
            let isSame = (rows == before) == true
            try #require(first.text.isEmpty && !isDry || isSame, "\(what) changed something: \(first.text)")
            if step % 10 == 9 {
                let wrong = violations(of: rows)
                try #require(wrong.isEmpty, "\(what): \(wrong)")
            }
            let events = try await memory.store.driver.events(after: sequence, limit: 1000)
            let others2 = try await disk.store.driver.events(after: sequence, limit: 1000)
            try #require((events == others2) == true, "\(what)")
            try #require(memory.store.lastSequence == disk.store.lastSequence, "\(what)")
            if first.text.isEmpty {
                done[String(operation.name.prefix { $0 != " " }), default: 0] += isDry ? 0 : 1
            } else {
                refused += 1
            }
            before = rows
        }
        // The sequence was worth something: nearly all operations went through, and many did not.
        #expect(done.count >= 30 && done.values.reduce(0, +) > 300 && refused > 300, "\(done), \(refused) refused")
    }

    /// Rows that come from elsewhere replace all of what was there.
    @Test(arguments: Backing.allCases)
    func importedRowsReplaceEverything(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        try await test.furnish()
        let old = try #require(try test.store.read { $0.find(.app, in: nil, key: "demo") })
        let other = Row(
            kind: .token, id: old.id, parent: Sample.id(1), key: "moved", apiVersion: 9, revision: 70,
            createdAt: Timestamp(nanoseconds: -3), updatedAt: Timestamp(nanoseconds: 4), references: [Sample.id(5)],
            claims: ["x", "y"], sealed: [0, 1], body: [])
        try await test.change { transaction throws(Failure) in transaction.put(other) }
        #expect(try test.store.read { $0.find(.app, in: nil, key: "demo") } == nil)
        #expect(try test.rows().contains(other))
        try test.reopen()
        #expect(try test.rows().contains(other))
    }
}
