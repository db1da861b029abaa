import Model
import Store
import Testing

/// The implementations that the suite runs against.
enum Implementation: String, CaseIterable, Sendable {
    case memory
    case sqlite

    func with(_ body: (any Store) async throws -> Void) async throws {
        let clock = ManualClock()
        switch self {
        case .memory: try await body(MemoryStore(now: clock.now))
        case .sqlite:
            let scratch = try Scratch()
            let store = try SQLiteStore(path: scratch.path + "/fnrpc.db", now: clock.now)
            try await body(store)
            try store.close()
        }
    }
}

@Suite struct StoreConformanceTests {
    @Test(arguments: Implementation.allCases)
    func appsAreMadeAndFound(_ implementation: Implementation) async throws {
        try await implementation.with { store in
            let app = try await store.createApp(name: Sample.name("demo"), labels: ["a": "b"])
            #expect(app.meta.revision == 1 && app.meta.labels == ["a": "b"] && app.meta.apiVersion == 0)
            #expect(try await store.app("demo") == app)
            #expect(try await store.app(app.meta.id.description) == app)
            let again = await failure { try await store.createApp(name: Sample.name("demo"), labels: [:]) }
            #expect(again.code == .exists && again.message == "app \"demo\" exists")
            let absent = await failure { try await store.app("nope") }
            #expect(absent.code == .notFound && absent.message.hasPrefix("app \"nope\" was not found"))
            #expect(await failure { try await store.app(Sample.id(1).description) }.code == .notFound)
            #expect(await failure { try await store.app("a/b") }.code == .invalid)
            #expect(await failure { try await store.app("") }.code == .invalid)
        }
    }

    @Test(arguments: Implementation.allCases)
    func deploymentMakesWhatIsAbsent(_ implementation: Implementation) async throws {
        try await implementation.with { store in
            let unknown = await failure { try await store.deploy(Sample.deployment("demo", "hello")) }
            #expect(unknown.code == .notFound && unknown.message.contains("is not stored; upload it first"))
            #expect(try await store.counts() == StoreCounts())

            let package = try await store.addPackage(Sample.package(1))
            let first = try await store.deploy(Sample.deployment("demo", "hello"))
            #expect(first.createdApp && first.createdFunction)
            #expect(first.version.number == 1 && first.function.latestVersion == 1)
            #expect(first.function.meta.revision == 1 && first.version.packageBytes == package.bytes)
            #expect(first.version.spec == Sample.spec() && first.version.interpreter == "Python 3.11.2")
            #expect(first.version.description == "as of today" && first.version.meta.labels == ["team": "a"])

            var next = try Sample.deployment("demo", "hello")
            next.spec = Sample.spec("other.main")
            next.labels = [:]
            let second = try await store.deploy(next)
            #expect(!second.createdApp && !second.createdFunction)
            #expect(second.version.number == 2 && second.function.meta.revision == 2)
            #expect(second.function.meta.id == first.function.meta.id)
            #expect(second.function.meta.updatedAt > first.function.meta.updatedAt)
            #expect(second.function.meta.createdAt == first.function.meta.createdAt)
            #expect(second.function.meta.labels == ["team": "a"] && second.version.meta.labels.isEmpty)
            #expect(second.app == first.app)

            #expect(try await store.version(app: "demo", function: "hello", number: 1) == first.version)
            #expect(try await store.function(app: "demo", function: "hello") == second.function)
            let ids = (first.app.meta.id.description, first.function.meta.id.description)
            #expect(try await store.function(app: ids.0, function: ids.1) == second.function)
            let all = CatalogContents(functions: [second.function], versions: [first.version, second.version])
            #expect(try await store.catalog() == all)
            let counts = StoreCounts(apps: 1, functions: 1, versions: 2, packages: 1, calls: 0)
            #expect(try await store.counts() == counts)
        }
    }

    @Test(arguments: Implementation.allCases)
    func parentsAreMissedFirst(_ implementation: Implementation) async throws {
        try await implementation.with { store in
            _ = try await store.addPackage(Sample.package(1))
            let here = try await store.deploy(Sample.deployment("demo", "hello"))
            _ = try await store.createApp(name: Sample.name("other"), labels: [:])
            let noApp = await failure { try await store.function(app: "nope", function: "hello") }
            #expect(noApp.code == .notFound && noApp.message.hasPrefix("app \"nope\""))
            let noCalls = await failure { try await store.calls(app: "nope", function: "x", page: PageRequest()) }
            #expect(noCalls.message == noApp.message)
            let noList = await failure { try await store.functions(app: "nope", page: PageRequest()) }
            #expect(noList.message == noApp.message)
            let noFunction = await failure { try await store.version(app: "demo", function: "nope", number: 1) }
            #expect(noFunction.message == "function \"nope\" was not found in app \"demo\"")
            let noVersion = await failure { try await store.version(app: "demo", function: "hello", number: 2) }
            #expect(noVersion.message == "version 2 of demo/hello was not found; the latest is 1")
            let zero = await failure { try await store.version(app: "demo", function: "hello", number: 0) }
            #expect(zero.code == .invalid)
            // A function's id counts only within its own app.
            let id = here.function.meta.id.description
            #expect(await failure { try await store.function(app: "other", function: id) }.code == .notFound)
        }
    }

    @Test(arguments: Implementation.allCases)
    func parallelDeploymentsGetEachNumberOnce(_ implementation: Implementation) async throws {
        try await implementation.with { store in
            _ = try await store.addPackage(Sample.package(1))
            let results = try await withThrowingTaskGroup(of: DeployResult.self) { group in
                for _ in 0..<20 { group.addTask { try await store.deploy(Sample.deployment("demo", "hello")) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results.map(\.version.number).sorted() == Array(1...20))
            #expect(results.count { $0.createdApp } == 1 && results.count { $0.createdFunction } == 1)
            #expect(try await store.function(app: "demo", function: "hello").meta.revision == 20)
        }
    }

    @Test(arguments: Implementation.allCases)
    func packagesAreAddedOnce(_ implementation: Implementation) async throws {
        try await implementation.with { store in
            let first = try await store.addPackage(Sample.package(3))
            var other = try Sample.package(3)
            other.meta.id = Sample.id(9)
            #expect(try await store.addPackage(other) == first)
            #expect(try await store.package(Sample.digest(3)) == first)
            #expect(await failure { try await store.package(Sample.digest(4)) }.code == .notFound)
        }
    }

    @Test(arguments: Implementation.allCases)
    func callsAreKeptWithTheirLogs(_ implementation: Implementation) async throws {
        try await implementation.with { store in
            _ = try await store.addPackage(Sample.package(1))
            let function = try await store.deploy(Sample.deployment("demo", "hello")).function
            let other = try await store.deploy(Sample.deployment("demo", "other")).function
            try await store.append((1...10).map { Sample.call($0, of: function, log: $0 == 7 ? "line\n\0" : "") })
            try await store.append([Sample.call(11, of: other)])
            try await store.append([])
            let page = try await store.calls(app: "demo", function: "hello", page: PageRequest())
            #expect(page.items == (1...10).reversed().map { Sample.call($0, of: function) })
            #expect(page.nextCursor == "")
            let id = Sample.id(7).description
            #expect(try await store.call(id) == Sample.call(7, of: function))
            #expect(try await store.callLog(id) == CallLog(bytes: Array("line\n\0".utf8), truncated: true))
            let empty = CallLog(bytes: [], truncated: false)
            #expect(try await store.callLog(Sample.id(8).description) == empty)
            #expect(await failure { try await store.call("hello") }.code == .invalid)
            #expect(await failure { try await store.callLog(Sample.id(99).description) }.code == .notFound)

            let twice = await failure {
                try await store.append([Sample.call(20, of: function), Sample.call(7, of: function)])
            }
            #expect(twice.code == .exists)
            #expect(await failure { try await store.call(Sample.id(20).description) }.code == .notFound)

            #expect(try await store.pruneCalls(keep: 20) == 0)
            #expect(try await store.pruneCalls(keep: 4) == 7)
            let rest = try await store.calls(app: "demo", function: "hello", page: PageRequest())
            #expect(rest.items.map(\.meta.id) == [Sample.id(10), Sample.id(9), Sample.id(8)])
            #expect(await failure { try await store.callLog(id) }.code == .notFound)
            #expect(try await store.pruneCalls(keep: 0) == 4)
            #expect(try await store.counts().calls == 0)
        }
    }
}
