import Model
import Testing
import Wire

@testable import Store

@Suite struct DialectTests {
    private let both = Dialects([NextDialect()])

    private func app(_ random: inout SeededRandom) throws -> App {
        var extra: [String: String] = [:]
        for key in ["attr4", "attr5", "attr6"] where Bool.random(using: &random) {
            let values = [
                "\"\"", "\"text\"", "\"é\\n\\\"\"", "7", "null", "{\"a\":[1]}", "\"\\u0041\"", " \"x\"", "\"a\\/b\"",
            ]
            extra[key] = values.randomElement(using: &random)
        }
        var meta = Meta(apiVersion: 1, id: Identifier(now: .now(), using: &random), createdAt: .now())
        meta.extra = extra
        meta.revision = .random(in: 1...9, using: &random)
        meta.labels = Bool.random(using: &random) ? ["a": "b"] : [:]
        return App(
            meta: meta, name: try Sample.name("a"), config: Bool.random(using: &random) ? ["A": "1"] : [:],
            syslogURL: ["", "udp://h:1", "unix:///dev/log"].randomElement(using: &random) ?? "")
    }

    @Test func nothingIsLostThereAndBack() throws {
        var random = SeededRandom(state: 4)
        let (old, new) = (ReleaseOne(number: 1), NextDialect())
        var moved = 0
        for _ in 0..<2000 {
            let app = try app(&random)
            // From 1 to 3 and back, and on from there.
            let message = try new.encode(app)
            let back = try #require(try new.decode(.app, message, strict: true) as? App)
            #expect(back == app)
            #expect(try old.encode(back) == (try old.encode(app)))
            #expect(try new.encode(back) == message)
            // What 3 has fields for is in them, what it has none for is where it says.
            let stored = try App(decoding: message, strict: false)
            let fields = NextDialect.fields(message).filter { $0.0 >= 6 }
            let present = fields.count + NextDialect.attributes.count { stored.meta.extra[$0.key] != nil }
            #expect(present == NextDialect.attributes.count { app.meta.extra[$0.key] != nil })
            #expect(stored.syslogURL.isEmpty && stored.meta.extra["attr6"] == app.meta.extra["attr6"])
            #expect((stored.meta.extra[NextDialect.syslogKey] == nil) == app.syslogURL.isEmpty)
            moved += fields.count
        }
        #expect(moved > 500)
    }

    @Test func otherKindsAreAsTheyWere() throws {
        let package = try Sample.package(1)
        let message = try NextDialect().encode(package)
        #expect(message == package.encoded())
        #expect(try NextDialect().decode(.package, message, strict: true) as? StoredPackage == package)
    }

    /// Whoever reads converts; only who writes changes the row, into the version that it names.
    @Test(arguments: Backing.allCases)
    func rowsStayUntilTheyAreWritten(_ backing: Backing) async throws {
        let test = try TestStore(backing, surroundings: TestStore.surroundings(dialects: both))
        try await test.furnish()
        let made = try await test.change(apiVersion: 3) { tx throws(Failure) in
            try tx.createApp(
                CreateAppRequest(name: "three", syslogURL: "udp://h:1", extra: ["attr4": "\"four\"", "other": "1"]))
        }
        #expect(made.meta.apiVersion == 3 && made.syslogURL == "udp://h:1")
        let row = try test.store.read { (tables) throws(Failure) in try tables.named("three", .app) }
        #expect(row.apiVersion == 3)
        let stored = try App(decoding: row.body, strict: false)
        #expect(stored.meta.extra == ["other": "1", NextDialect.syslogKey: NextDialect.json("udp://h:1")])
        #expect(NextDialect.fields(row.body).last.map { "\($0.0) \($0.1)" } == "6 four")
        // As 1 sees it.
        let read: App = try test.store.entity { (tables) throws(Failure) in try tables.named("three", .app) }
        #expect(read == made && read.meta.extra == ["attr4": "\"four\"", "other": "1"])
        let message = try test.store.message { (tables) throws(Failure) in try tables.named("three", .app) }
        #expect(try App(decoding: message, strict: true) == made)
        let listed = try test.store.list(.app, ListRequest(filter: "api_version = 3")).items
        #expect(listed == [message])
        try await test.deploy("three", "hello")
        try test.reopen()
        #expect(try test.rows().contains(row))

        // Who names no version leaves it what it is; the fields of 3 are kept by an update that knows nothing of them.
        let update = UpdateAppRequest(app: "three", labels: ["a": "b"])
        let second = try await test.change { tx throws(Failure) in try tx.updateApp(update) }
        #expect(second.meta.apiVersion == 3 && second.meta.revision == 2 && second.meta.extra == made.meta.extra)
        // Who names 1 makes it one, also without another change; and back.
        for version: UInt32 in [1, 3, 2, 3] {
            let next = try await test.change(apiVersion: version) { tx throws(Failure) in try tx.updateApp(update) }
            let row = try test.store.read { (tables) throws(Failure) in try tables.named("three", .app) }
            #expect(row.apiVersion == version && next.meta.apiVersion == version)
            #expect(next.syslogURL == made.syslogURL && next.meta.extra == made.meta.extra)
            #expect(try App(decoding: row.body, strict: false).syslogURL == (version == 3 ? "" : "udp://h:1"))
        }
        // Without the dialect the row is there, and nothing else.
        let refusal = await failure {
            let plain = Dialects()
            let row = try test.store.read { (tables) throws(Failure) in try tables.named("three", .app) }
            return try plain.decode(row, row.body)
        }
        #expect(refusal.code == .precondition && refusal.message.contains("it knows 0, 1, 2"))
    }

    @Test func releasesAndTestVersionsAreShipped() throws {
        #expect(Dialects().numbers == [0, 1, 2] && Dialects().numbers == APIVersions.shipped.map(\.number))
        #expect(both.numbers == [0, 1, 2, 3] && both.knows(3) && !Dialects().knows(3))
    }

    @Test(arguments: [0, 1, 2] as [UInt32])
    func aRequestsVersionIsTheEntitys(_ version: UInt32) async throws {
        let test = try TestStore()
        try await test.furnish()
        let request = try Sample.deployment("versioned", "hello")
        let made = try await test.change(apiVersion: version) { tx throws(Failure) in try tx.deploy(request) }
        #expect(made.function.meta.apiVersion == version && made.version.meta.apiVersion == version)
        let counts = try test.store.countByAPIVersion()
        #expect(counts[.version] == [version: 1] && counts[.function] == [version: 1])
    }

    @Test func noVersionIsTheNewestRelease() async throws {
        let test = try TestStore()
        try await test.furnish()
        let made = try await test.deploy()
        #expect(made.function.meta.apiVersion == 1 && made.version.meta.apiVersion == 1)
        let unknown = await failure {
            try await test.change(apiVersion: 9) { tx throws(Failure) in try tx.createApp(CreateAppRequest(name: "x")) }
        }
        #expect(unknown.code == .precondition && unknown.message.hasPrefix("the app has api_version 9"))
    }

    /// Fields that a later daemon of the same release wrote.
    @Test(arguments: Backing.allCases)
    func unknownFieldsDoNotHinder(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        try await test.furnish()
        try await test.deploy()
        let later = try test.rows().map { row in
            Row(
                kind: row.kind, id: row.id, parent: row.parent, key: row.key, apiVersion: row.apiVersion,
                revision: row.revision, createdAt: row.createdAt, updatedAt: row.updatedAt,
                references: row.references, claims: row.claims, sealed: row.sealed,
                body: row.body + NextDialect.field(2000, "later"))
        }
        try await test.change { tx throws(Failure) in for row in later { tx.put(row) } }
        try test.reopen()
        let function: Function = try test.store.entity { (tables) throws(Failure) in
            try tables.function("demo", "hello")
        }
        #expect(function.latestVersion == 1 && function.appName.text == "demo")
        for kind in [EntityKind.app, .runtime, .package] {
            #expect(try test.store.list(kind, ListRequest()).items.count == later.count { $0.kind == kind })
        }
        try await test.deploy("demo", "neighbour")
        // Who works beside them changes none.
        let rows = try test.rows()
        #expect(later.allSatisfy { rows.contains($0) })
    }
}
