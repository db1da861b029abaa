import Extensions
import Model
import Testing
import Wire

@testable import Store

@Suite struct MaintenanceMigrationTests {
    private func migrate(
        _ test: TestStore, to version: UInt32?, dryRun: Bool = false
    ) async throws -> [MigrateEntitiesProgress] {
        var steps: [MigrateEntitiesProgress] = []
        try await test.store.migrate(MigrateEntitiesRequest(to: version, dryRun: dryRun)) { steps.append($0) }
        return steps
    }

    private func apps(_ count: Int, in test: TestStore) async throws {
        try await test.change { (transaction) throws(Failure) in
            for number in 0..<count {
                _ = try transaction.createApp(
                    CreateAppRequest(
                        name: "a\(number)", syslogURL: "tcp://log:\(number + 1)",
                        extra: ["attr4": "\"four\"", "attr5": "\"5\"", "other": "[1]"]))
            }
        }
    }

    @Test(arguments: Backing.allCases) func upAndDownLosesNothingAndTellsNobody(backing: Backing) async throws {
        let next = TestStore.surroundings(dialects: Dialects([NextDialect()]))
        let test = try TestStore(backing, surroundings: next)
        try await test.furnish()
        try await test.deploy()
        try await apps(450, in: test)
        let before = try test.rows()
        let sequence = test.store.lastSequence
        let listener = CountingListener()
        test.store.listen(ListenerRegistry(entities: [listener]))

        let total = before.filter { $0.apiVersion != 3 }.count
        let dry = try await migrate(test, to: 3, dryRun: true)
        #expect(dry.last?.done == UInt64(total))
        #expect((try test.rows() == before) == true)

        let up = try await migrate(test, to: 3)
        #expect(up.count == (total + 199) / 200 && up.first?.done == 200 && up.last?.done == UInt64(total))
        #expect(up.allSatisfy { $0.total == UInt64(total) && $0.refused == 0 && $0.unknown == 0 })
        let above = try test.rows()
        #expect(above.allSatisfy { $0.apiVersion == 3 })
        #expect(zip(before, above).allSatisfy { $0.revision == $1.revision && $0.updatedAt == $1.updatedAt })
        let app: App = try test.store.entity { (tables) throws(Failure) in try tables.named("a7", .app) }
        #expect(app.syslogURL == "tcp://log:8" && app.meta.extra["attr4"] == "\"four\"")
        #expect(try await migrate(test, to: 3).map(\.total) == [0])

        if backing == .sqlite { try test.reopen() }
        #expect(try await migrate(test, to: 1).last?.done == UInt64(above.count))
        let after = try test.rows()
        // Packages were of the oldest version before.
        #expect((after.filter { $0.kind != .package } == before.filter { $0.kind != .package }) == true)
        #expect(test.store.lastSequence == sequence && listener.count == 0)
    }

    @Test func whatCannotBeConvertedIsNamedAndStays() async throws {
        let next = TestStore.surroundings(dialects: Dialects([NextDialect()]))
        let test = try TestStore(surroundings: next)
        try await apps(3, in: test)
        // An app whose extra has the reserved key already.
        let row = try test.store.read { (tables) throws(Failure) in try tables.named("a1", .app) }
        var app: App = try test.store.entity { (tables) throws(Failure) in try tables.named("a1", .app) }
        app.meta.extra[NextDialect.syslogKey] = "\"x\""
        let body = app.encoded()
        try await test.change { (transaction) throws(Failure) in
            transaction.put(
                Row(
                    kind: .app, id: row.id, parent: nil, key: row.key, apiVersion: 1, revision: row.revision,
                    createdAt: row.createdAt, updatedAt: row.updatedAt, body: body))
        }
        for dryRun in [true, false] {
            let last = try #require(try await migrate(test, to: 3, dryRun: dryRun).last)
            #expect(last.done == 2 && last.total == 3 && last.refused == 1)
            #expect(last.problems == ["app a1: syslog_url: extra has it already"])
        }
        let versions = try test.rows().map { "\($0.key) \($0.apiVersion)" }.sorted()
        #expect(versions == ["a0 3", "a1 1", "a2 3"])
    }

    @Test func rowsOfNewerDaemonsAreNotTouchedAndCanBeReadRaw() async throws {
        let test = try TestStore()
        try await apps(1, in: test)
        let newer = Row(
            kind: .app, id: Sample.id(9), parent: nil, key: "newer", apiVersion: 7, revision: 4,
            createdAt: Timestamp(nanoseconds: 1), updatedAt: Timestamp(nanoseconds: 2), body: [0xFF, 0x01])
        try await test.change { (transaction) throws(Failure) in transaction.put(newer) }
        let last = try #require(try await migrate(test, to: 2).last)
        #expect(last.done == 1 && last.total == 1 && last.unknown == 1 && last.refused == 0)
        #expect(last.unknownIDs == [newer.id.description])
        #expect(try test.store.read { $0[newer.id] } === newer)
        let raw = try await test.store.raw(GetRawRequest(kind: "app", id: newer.id.description))
        #expect(raw.body == [0xFF, 0x01] && raw.apiVersion == 7 && raw.name == "newer" && raw.revision == 4)
        // All are counted, the first hundred are named.
        try await test.change { (transaction) throws(Failure) in
            for number in 0..<100 {
                transaction.put(
                    Row(
                        kind: .app, id: Sample.id(UInt64(1000 - number)), parent: nil, key: "n\(number)", apiVersion: 7,
                        revision: 1, createdAt: newer.createdAt, updatedAt: newer.updatedAt, body: []))
            }
        }
        let many = try #require(try await migrate(test, to: 1, dryRun: true).last)
        let ids = (901...1000).map { Sample.id(UInt64($0)).description }
        #expect(many.unknown == 101 && many.unknownIDs == [newer.id.description] + ids.dropLast())
    }

    @Test(arguments: [3, 7, nil] as [UInt32?]) func unknownTargetsAreRefusedWithTheList(version: UInt32?) async throws {
        let test = try TestStore()
        let refused = await failure { try await migrate(test, to: version) }
        #expect(refused.code == .invalid && refused.message.hasPrefix("to: ") && refused.message.hasSuffix("0, 1, 2"))
    }

    @Test func whatWasBrokenOffGoesOn() async throws {
        struct Stop: Error {}
        let test = try TestStore(.sqlite)
        try await apps(500, in: test)
        await #expect(throws: Stop.self) {
            try await test.store.migrate(MigrateEntitiesRequest(to: 2)) { progress in
                if progress.done == 400 { throw Stop() }
            }
        }
        try test.reopen()
        #expect(try test.rows().filter { $0.apiVersion == 2 }.count == 400)
        let rest = try await migrate(test, to: 2)
        #expect(rest.map(\.done) == [100] && rest.map(\.total) == [100])
    }

    @Test func changesGoOnMeanwhile() async throws {
        let test = try TestStore()
        try await apps(600, in: test)
        try await test.store.migrate(MigrateEntitiesRequest(to: 2)) { progress in
            // Between two batches others delete and make what it has not come to.
            let done = progress.done
            try await test.change { (transaction) throws(Failure) in
                _ = try transaction.createApp(CreateAppRequest(name: "new\(done)"))
                _ = try transaction.deleteApp(DeleteAppRequest(app: "a\(599 - done / 200)"))
            }
        }
        let versions = Dictionary(grouping: try test.rows(), by: \.apiVersion).mapValues(\.count)
        #expect(versions == [1: 3, 2: 597])
    }
}

/// Hears everything and counts it.
private final class CountingListener: EntityListener {
    private let heard = Lock(0)
    var count: Int { heard.withLock { $0 } }
    let interest = Interest.everything

    func before(_ event: EntityEvent) async throws(Failure) { heard.withLock { $0 += 1 } }
    func after(_ event: EntityEvent) { heard.withLock { $0 += 1 } }
}
