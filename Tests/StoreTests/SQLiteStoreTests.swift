import Foundation
import Model
import Store
import Testing

@Suite struct SQLiteStoreTests {
    @Test func everythingSurvivesReopening() async throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let first = try SQLiteStore(path: path)
        _ = try await first.addPackage(Sample.package(1))
        let deployed = try await first.deploy(Sample.deployment("demo", "hello"))
        try await first.append([Sample.call(1, of: deployed.function, log: "x")])
        let (instance, counts, catalog) = (first.instanceID, try await first.counts(), try await first.catalog())
        try first.close()

        let second = try SQLiteStore(path: path)
        #expect(second.instanceID == instance && second.schemaVersion == 3)
        #expect(try await second.counts() == counts)
        #expect(try await second.catalog() == catalog)
        #expect(try await second.package(Sample.digest(1)) == Sample.package(1))
        #expect(try await second.callLog(Sample.id(1).description).bytes == Array("x".utf8))
        #expect(try await second.deploy(Sample.deployment("demo", "hello")).version.number == 2)
        try second.close()
        let info = try FileManager.default.attributesOfItem(atPath: path)
        #expect(info[.posixPermissions] as? Int == 0o600)
    }

    @Test func theDatabaseIsSetUpForSafety() async throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let store = try SQLiteStore(path: path)
        _ = try await store.addPackage(Sample.package(1))
        #expect(try Python.sql(path, "PRAGMA journal_mode") == "wal")
        #expect(try Python.sql(path, "SELECT count(*) FROM sqlite_master WHERE sql LIKE '%STRICT%'") == "10")
        // A function whose app is absent cannot be stored, whoever writes it.
        let orphan = "INSERT INTO functions SELECT id, 0, 1, 0, 0, '', '', 'none', 'x', '', digest, 1 FROM packages"
        #expect(try Python.sql(path, orphan) == "refused")
        try store.close()
    }

    @Test func aNewerSchemaIsRefused() async throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        try SQLiteStore(path: path).close()
        _ = try Python.sql(path, "INSERT INTO schema_migrations VALUES (4, 'later', '', 0)")
        let refusal = await failure { try SQLiteStore(path: path) }
        #expect(refusal.code == .precondition && refusal.message.contains("written by a newer fnrpcd"))
    }

    @Test func anOlderSchemaIsBroughtUpToDate() async throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let first = try SQLiteStore(path: path)
        _ = try await first.addPackage(Sample.package(1))
        let deployed = try await first.deploy(Sample.deployment("demo", "hello"))
        try await first.append([Sample.call(1, of: deployed.function)])
        try first.close()
        try Migrations.migrator.migrate(path, to: 1, force: true)
        let second = try SQLiteStore(path: path)
        #expect(try await second.function(app: "demo", function: "hello") == deployed.function)
        _ = try await second.createToken(
            name: Sample.name("ci"), scopes: [.admin], expiresAt: nil, hash: Sample.hash(1))
        var next = try Sample.deployment("demo", "hello")
        next.spec.services = ["pkg.Greeter"]
        #expect(try await second.deploy(next).version.number == 2)
        var old = Sample.call(1, of: deployed.function)
        old.traceID = nil
        try await second.append([Sample.call(3, of: deployed.function)])
        let calls = try await second.calls(app: "demo", function: "", page: PageRequest())
        #expect(calls.items == [Sample.call(3, of: deployed.function), old])
        try second.close()
    }

    @Test func whatIsNoDatabaseIsRefused() async throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        try Data(repeating: 0x41, count: 8192).write(to: URL(fileURLWithPath: path))
        let damaged = await failure { try SQLiteStore(path: path) }
        #expect(damaged.code == .internalError && damaged.message.hasPrefix("the database is damaged"))
        let absent = await failure { try SQLiteStore(path: scratch.path + "/no/fnrpc.db") }
        #expect(absent.message.hasPrefix("the database cannot be opened"))
    }

    @Test func aDaemonThatDiesLeavesWholeTransactions() async throws {
        let scratch = try Scratch()
        let store = try SQLiteStore(path: scratch.path + "/fnrpc.db")
        _ = try await store.addPackage(Sample.package(1))
        _ = try await store.deploy(Sample.deployment("demo", "hello"))
        // What kill -9 leaves: the files as they are, WAL and all.
        let copy = try Scratch()
        for name in ["fnrpc.db", "fnrpc.db-wal"] {
            try FileManager.default.copyItem(atPath: scratch.path + "/" + name, toPath: copy.path + "/" + name)
        }
        let reopened = try SQLiteStore(path: copy.path + "/fnrpc.db")
        let counts = try await store.counts()
        #expect(try await reopened.counts() == counts)
        #expect(try await reopened.function(app: "demo", function: "hello").latestVersion == 1)
        try reopened.close()
        try store.close()
    }

    @Test func specsOfOlderRowsTakeTheDefaults() async throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let store = try SQLiteStore(path: path)
        _ = try await store.addPackage(Sample.package(1))
        _ = try await store.deploy(Sample.deployment("demo", "hello"))
        let text = try Python.sql(path, "SELECT spec FROM functions")
        #expect(text.hasPrefix("{\"annotations\":{\"note\":\"x\"},\"concurrency\":7,\"config\":{\"A\":\"1\\n\","))
        let old = #"{"runtime":"shell","entry":"a.sh","format":"default"}"#
        _ = try Python.sql(path, "UPDATE functions SET spec = '\(old)'")
        let spec = try await store.function(app: "demo", function: "hello").spec
        #expect(spec == FunctionSpec(runtime: .shell, entry: "a.sh", format: .default))
        _ = try Python.sql(path, "UPDATE functions SET spec = replace(spec, 'shell', 'ruby')")
        let unknown = await failure { try await store.function(app: "demo", function: "hello") }
        #expect(unknown.code == .internalError && unknown.message.contains("the runtime \"ruby\", which is unknown"))
        try store.close()
    }
}
