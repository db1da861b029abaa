import Catalog
import Model
import Testing

@Suite struct CatalogTests {
    @Test func namesAndIDsLeadToOneFunction() throws {
        let source = TestSource()
        let (app, other) = (try source.add(app: "app"), try source.add(app: "other"))
        for id in 0..<200 { source.put(try contents(app, "f\(id)", UInt64(id))) }
        let catalog = Catalog(source: source)
        for id in 0..<200 { #expect(try catalog.name("app", "f\(id)") == "app/f\(id)@1") }
        #expect(try catalog.name("app", "f200") == "no function")
        #expect(try catalog.name("app", "") == "no function" && catalog.name("app", "f1/") == "no function")
        #expect(try catalog.name("", "f1") == "no app" && catalog.name("app/f1", "") == "no app")
        #expect(try catalog.name("other", "f1") == "no function")
        #expect(try catalog.name("app", String(repeating: "f", count: 100_000)) == "no function")
        #expect(try catalog.name(String(repeating: "a", count: 100_000), "f1") == "no app")

        let (appID, id) = (app.meta.id.description, Identifier(high: 2, low: 7))
        let one = try #require(try catalog.runnable("app", "f7"))
        #expect(try catalog.runnable(appID, "f7") === one && catalog.runnable("app", id.description) === one)
        #expect(try catalog.runnable(appID, id.description) === one)
        guard case .runnable(let byID) = catalog.find(function: id, split: { _ in 0 }) else {
            Issue.record("not found by its id")
            return
        }
        #expect(byID === one)
        #expect(try catalog.name(other.meta.id.description, id.description) == "no function")
        #expect(
            catalog.describe(catalog.find(function: Identifier(high: 2, low: 999), split: { _ in 0 })) == "no function")
        #expect(catalog.size.functions == 200 && catalog.size.names == 204)
    }

    @Test func whatIsNotCalledCostsNothing() throws {
        let source = TestSource()
        let app = try source.add(app: "app")
        for id in 0..<100_000 { source.put(try contents(app, "f\(id)", UInt64(id))) }
        let catalog = Catalog(source: source)
        #expect(catalog.size == (0, 0) && catalog.all.isEmpty && source.reads == 0)
        #expect(try catalog.name("app", "nope") == "no function")
        #expect(catalog.loaded(.function(Identifier(high: 2, low: 5))).isEmpty)
        source.change(Identifier(high: 2, low: 5)) { $0.publish() }
        catalog.changed(function: Identifier(high: 2, low: 5))
        catalog.changed(app: app.meta.id)
        #expect(catalog.size == (0, 0) && source.reads == 2)
        #expect(try catalog.name("app", "f5") == "app/f5@2")
        #expect(catalog.size == (1, 1) && catalog.all.count == 1)
        // A call of what is known asks nobody.
        let reads = source.reads
        for _ in 0..<100 { #expect(try catalog.name("app", "f5") == "app/f5@2") }
        #expect(source.reads == reads)
    }

    @Test func versionsAreMadeWhenTheyAreCalled() throws {
        let source = TestSource()
        source.put(try contents(try source.add(app: "app"), "f", 1, versions: 1...50))
        let catalog = Catalog(source: source)
        #expect(try catalog.name("app", "f", version: 17) == "app/f@17")
        #expect(catalog.all.map(\.version.number) == [17])
        #expect(try catalog.name("app", "f", version: 51) == "no version 51")
        #expect(try catalog.name("app", "f", alias: "latest") == "app/f@50")
        // The working copy equals the last version, and is not it.
        let working = try #require(try catalog.runnable("app", "f"))
        let last = try #require(try catalog.runnable("app", "f", version: 50))
        #expect(working.name == "app/f@50" && working.isWorkingCopy && !last.isWorkingCopy)
        #expect(working !== last && working.pool !== last.pool)
        let id = Identifier(high: 2, low: 1)
        #expect(catalog.loaded(.version(17, of: id)).map(\.version.number) == [17])
        #expect(catalog.loaded(.version(50, of: id)).map { $0 === last } == [true])
        #expect(catalog.loaded(.version(18, of: id)).isEmpty && catalog.loaded(.version(0, of: id)).isEmpty)
        #expect(catalog.loaded(.function(id)).count == 3 && catalog.loaded(.app(last.function.appID)).count == 3)
        #expect(catalog.all.count == 3)
    }

    @Test func aWorkingCopyThatEqualsNoVersionIsItsOwn() throws {
        let source = TestSource()
        var made = try contents(try source.add(app: "app"), "f", 1, versions: 1...2)
        made.update { $0.memoryMiB = 999 }
        made.function.runtime = FrozenRuntime(interpreter: "x", command: ["y"])
        source.put(made)
        let catalog = Catalog(source: source)
        let working = try #require(try catalog.runnable("app", "f"))
        #expect(working.version.number == 0 && working.version.spec.memoryMiB == 999 && working.name == "app/f")
        #expect(working.version.runtime.command == ["y"] && working.version.package == digest)
        #expect(try catalog.name("app", "f", alias: "latest") == "app/f@2")
        #expect(catalog.loaded(.function(made.function.meta.id)).count == 2)

        // Never published.
        made.function.latestVersion = 0
        made.versions = []
        source.put(made)
        catalog.changed(function: made.function.meta.id)
        #expect(try catalog.runnable("app", "f") === working)
        #expect(try catalog.name("app", "f", alias: "latest") == "no alias")
        #expect(try catalog.name("app", "f", version: 1) == "no version 1")
    }

    @Test func versionAndAliasExcludeEachOther() throws {
        let catalog = Catalog(source: TestSource())
        #expect {
            try catalog.name("app", "f", version: 3, alias: "prod")
        } throws: { error in
            (error as? Failure)?.code == .invalid
                && "\(error)" == "alias: \"prod\" and version 3 exclude each other; give one of them"
        }
    }

    @Test func pathsAreThoseOfTheApp() throws {
        let source = TestSource()
        let app = try source.add(app: "app")
        func trigger(_ number: UInt64) throws -> Trigger {
            Trigger(
                meta: meta(Identifier(high: 7, low: number)), appID: app.meta.id,
                functionID: Identifier(high: 2, low: 1),
                name: try Name("t\(number)", field: "trigger"), source: "/\(number)")
        }
        source.set([try trigger(1)], of: "app")
        let catalog = Catalog(source: source)
        func paths(_ app: String) -> AppPaths? { Array(app.utf8).withUnsafeBytes { catalog.paths($0) } }
        let first = try #require(paths("app"))
        #expect(first.app == app.meta.id && first.triggers.values.map(\.source) == ["/1"])
        #expect(paths("app") === first && paths("nope") == nil && paths("") == nil)
        #expect(paths(app.meta.id.description)?.triggers.count == 1)
        source.set([try trigger(1), try trigger(2)], of: "app")
        catalog.changed(app: app.meta.id)
        #expect(paths("app")?.triggers.count == 2 && paths(app.meta.id.description)?.triggers.count == 2)
    }
}
