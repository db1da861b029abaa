import Foundation
import Model
import Testing
import Wire

@testable import Store

@Suite struct SQLiteDriverTests {
    @Test func everythingSurvivesReopening() async throws {
        let test = try TestStore(.sqlite)
        try await test.furnish()
        for operation in Operations.setUp + Operations.all.prefix(23) { try await test.change(operation.run) }
        try await test.store.driver.append([Sample.call(1, log: "x")])
        let (rows, driver, last) = (try test.rows(), test.store.driver, test.store.lastSequence)
        let events = try await driver.events(after: 0, limit: 1000)
        #expect(Set(rows.map(\.kind)) == Set(EntityKind.allCases))
        try test.reopen()
        #expect((try test.rows() == rows) == true)
        let again = test.store.driver
        #expect(again.instanceID == driver.instanceID && again.schemaVersion == Migrations.all.count)
        #expect(test.store.lastSequence == last)
        #expect((try await again.events(after: 0, limit: 1000) == events) == true)
        #expect(try await again.callContents(Sample.id(1))?.log == Array("x".utf8))
    }

    @Test func theDatabaseIsSetUpForSafety() async throws {
        let test = try TestStore(.sqlite)
        try await test.furnish()
        let driver = try #require(test.store.driver as? SQLiteDriver)
        #expect(try Python.sql(test.path, "PRAGMA journal_mode") == "wal")
        for suffix in ["", "-wal", "-shm"] {
            let info = try FileManager.default.attributesOfItem(atPath: test.path + suffix)
            #expect(info[.posixPermissions] as? Int == 0o600, "\(suffix)")
        }
        #expect(try driver.synchronous() == 2)
        // Records of calls are not flushed; what is written after them is, also when they failed.
        try await driver.append([Sample.call(1)])
        #expect(try driver.synchronous() == 2)
        #expect(await failure { try await driver.append([Sample.call(2), Sample.call(1)]) }.code == .exists)
        #expect(try driver.synchronous() == 2)
        #expect(try await driver.callCount() == 1)
        // Types and keys are held by the database itself, whoever writes.
        let text = "UPDATE entities SET revision = 'many'"
        #expect(try Python.sql(test.path, text) == "refused")
        let twice = """
            INSERT INTO entities SELECT 'other', kind, parent, key, 1, 1, 0, 0, '', '', sealed, body FROM entities
            WHERE kind = 'app'
            """
        #expect(try Python.sql(test.path, twice) == "refused")
    }

    @Test func aNewerSchemaIsRefused() async throws {
        let test = try TestStore(.sqlite)
        try test.store.close()
        _ = try Python.sql(
            test.path, "INSERT INTO schema_migrations VALUES (\(Migrations.all.count + 1), 'later', '', 0)")
        let refusal = await failure { try SQLiteDriver(path: test.path) }
        #expect(refusal.code == .precondition && refusal.message.contains("written by a newer fnrpcd"))
    }

    @Test func whatIsNoDatabaseIsRefused() async throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        try Data(repeating: 0x41, count: 8192).write(to: URL(fileURLWithPath: path))
        let damaged = await failure { try SQLiteDriver(path: path) }
        #expect(damaged.code == .internalError && damaged.message.hasPrefix("the database is damaged"))
        let absent = await failure { try SQLiteDriver(path: scratch.path + "/no/fnrpc.db") }
        #expect(absent.message.hasPrefix("the database cannot be opened"))
    }

    /// The store does not start on what it does not understand: it would forget it.
    @Test(arguments: [
        ("UPDATE entities SET kind = 'thing' WHERE kind = 'app'", "the kind \"thing\", which is unknown"),
        ("UPDATE entities SET id = 'x' WHERE kind = 'app'", "the id \"x\", which is none"),
        ("UPDATE entities SET parent = 'x' WHERE kind = 'function'", "the id \"x\", which is none"),
        ("UPDATE entities SET refs = 'x y' WHERE kind = 'function'", "the id \"x\", which is none"),
    ])
    func damagedRowsAreNamed(_ statement: String, _ message: String) async throws {
        let test = try TestStore(.sqlite)
        try await test.furnish()
        try await test.deploy()
        try test.store.close()
        _ = try Python.sql(test.path, statement)
        let refusal = await failure { try test.reopen() }
        #expect(refusal.code == .internalError && refusal.message.contains(message), "\(refusal)")
    }

    /// A body that does not read is nobody's mistake who asks for it.
    @Test func damagedBodiesAreNamed() async throws {
        let test = try TestStore(.sqlite)
        try await test.furnish()
        try test.store.close()
        _ = try Python.sql(test.path, "UPDATE entities SET body = x'FF00' WHERE kind = 'app'")
        try test.reopen()
        let refusals = [
            await failure {
                try test.store.entity({ tables throws(Failure) in try tables.named("demo", .app) }, as: App.self)
            },
            await failure {
                try await test.change { tx throws(Failure) in
                    try tx.updateApp(UpdateAppRequest(app: "demo", labels: ["a": "b"]))
                }
            },
        ]
        for refusal in refusals {
            #expect(refusal.code == .internalError && refusal.message.hasPrefix("the stored app "), "\(refusal)")
            #expect(refusal.message.contains("is damaged"))
        }
        // It can be got rid of.
        try await test.change { tx throws(Failure) in _ = try tx.deleteApp(DeleteAppRequest(app: "demo")) }
    }

    @Test func aCopyOfTheFilesIsWhole() async throws {
        let test = try TestStore(.sqlite)
        try await test.furnish()
        try await test.deploy()
        // What kill -9 leaves: the files as they are, WAL and all.
        let copy = try Scratch()
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: test.path + suffix, toPath: copy.path + "/fnrpc.db" + suffix)
        }
        let reopened = try TestStore(.sqlite, path: copy.path + "/fnrpc.db")
        #expect((try reopened.rows() == test.rows()) == true)
        #expect(reopened.store.lastSequence == test.store.lastSequence)
    }
}
