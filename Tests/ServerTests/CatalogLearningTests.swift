import Catalog
import Model
import Store
import Testing
import Wire

@testable import Server

/// What the catalog reads again when the store has changed.
@Suite struct CatalogLearningTests {
    /// A store's source that notes which functions are read by their ids.
    private struct Noting: CatalogSource {
        let source: StoreSource
        let reads = Lock<[Identifier]>([])

        func function(app: String, name: String) -> CatalogAnswer { source.function(app: app, name: name) }

        func function(id: Identifier) -> CatalogAnswer {
            reads.withLock { $0.append(id) }
            return source.function(id: id)
        }

        func triggers(app: String) -> (app: Identifier, triggers: [Trigger])? { source.triggers(app: app) }
        func servers(of service: String) -> [(app: String, function: Identifier)] { source.servers(of: service) }
    }

    private let store: Store
    private let source: Noting
    private let catalog: Catalog

    init() async throws {
        let store = try Store(MemoryDriver(now: Timestamp(nanoseconds: 1)))
        (self.store, source) = (store, Noting(source: StoreSource(store: store)))
        let catalog = Catalog(source: source)
        self.catalog = catalog
        // By its digest, so that it can be published.
        let image = "registry/x@sha256:" + String(repeating: "1", count: 64)
        try await store.change { tx throws(Failure) in
            for app in ["a", "b"] {
                for path in ["/one", "/two"] {
                    _ = try tx.createRoute(CreateRouteRequest(app: app, path: path, image: image))
                }
            }
        }
        store.observe { catalog.learn($0) }
    }

    /// The id of the function of a route, which is known now because it was called.
    private func call(_ number: Int, of app: String) throws -> Identifier {
        let function = try store.read { (tables) throws(Failure) in
            tables.children(.trigger, of: try tables.named(app, .app).id)[number].references[0]
        }
        guard case .runnable(let found) = catalog.find(function: function, split: { _ in 0 }) else {
            Issue.record("route \(number) of \(app) cannot be called")
            return function
        }
        #expect(found.function.meta.id == function)
        return function
    }

    private func takeReads() -> [Identifier] {
        source.reads.withLock { reads in
            defer { reads = [] }
            return reads
        }
    }

    @Test func aBatchReadsEachFunctionOnce() async throws {
        let (one, two, other) = (try call(0, of: "a"), try call(1, of: "a"), try call(0, of: "b"))
        _ = takeReads()
        // One operation, many rows: the working copy twice, five versions, and the app that both are in.
        try await store.change { tx throws(Failure) in
            for number in 0..<5 {
                _ = try tx.updateFunction(
                    UpdateFunctionRequest(app: "a", function: one.description, labels: ["n": "\(number)"]))
                _ = try tx.publishVersion(PublishVersionRequest(app: "a", function: one.description))
            }
            _ = try tx.updateApp(UpdateAppRequest(app: "a", config: ["K": "new"]))
        }
        #expect(takeReads().sorted() == [one, two].sorted())
        guard case .runnable(let found) = catalog.find(function: two, split: { _ in 0 }) else {
            Issue.record("it is gone")
            return
        }
        #expect(found.appConfig == ["K": "new"])
        guard case .runnable = catalog.find(function: one, .version(5), split: { _ in 0 }) else {
            Issue.record("a version is not known")
            return
        }
        #expect(takeReads().isEmpty, "all of it is known")

        try await store.change { tx throws(Failure) in
            _ = try tx.updateApp(UpdateAppRequest(app: "b", config: ["K": "1"]))
            _ = try tx.updateApp(UpdateAppRequest(app: "b", config: ["K": "2"]))
        }
        #expect(takeReads() == [other])
    }

    /// Stores a row as a newer daemon would have.
    private func age(_ find: @escaping @Sendable (borrowing Tables) -> Row?) async throws {
        try await store.change { tx throws(Failure) in
            guard let row = find(tx.tables) else { throw Failure(.notFound, "the row is missing") }
            tx.put(
                Row(
                    kind: row.kind, id: row.id, parent: row.parent, key: row.key, apiVersion: 9, revision: 2,
                    createdAt: row.createdAt, updatedAt: row.updatedAt, references: row.references, claims: row.claims,
                    sealed: row.sealed, body: [0xFF]))
        }
    }

    private func isNewer(_ found: Catalog.Result) -> Bool {
        guard case .unreadable(let failure) = found else { return false }
        return failure.code == .precondition && failure.message.contains("has api_version 9")
    }

    /// It is not missing: a caller is told so, and not to deploy it.
    @Test func whatANewerDaemonStoredIsThere() async throws {
        let id = try call(0, of: "a")
        try await age { $0[id] }
        let text = id.description
        let named = "a".utf8.withContiguousStorageIfAvailable { app in
            text.utf8.withContiguousStorageIfAvailable { function in
                catalog.find(app: UnsafeRawBufferPointer(app), function: UnsafeRawBufferPointer(function)) { _ in 0 }
            }
        }
        #expect(isNewer(try #require(named.flatMap { $0 })))
        #expect(isNewer(catalog.find(function: id) { _ in 0 }))
    }

    /// Nor are its versions and aliases; older ones do not stand in for them.
    @Test func newerVersionsAndAliasesAreThere() async throws {
        let id = try call(0, of: "a")
        try await store.change { tx throws(Failure) in
            for _ in 0..<2 { _ = try tx.publishVersion(PublishVersionRequest(app: "a", function: id.description)) }
            for (alias, version) in [("one", 1), ("two", 2), ("three", 1)] as [(String, UInt32)] {
                _ = try tx.createAlias(
                    CreateAliasRequest(app: "a", function: id.description, name: alias, version: version))
            }
        }
        let three = try store.read { (tables) throws(Failure) in
            try tables.named("three", .alias, in: try tables.function("a", id.description)).id
        }
        try await age { tables in tables.children(.version, of: id).max { $0.key < $1.key } }
        try await age { $0[three] }
        func find(_ choice: VersionChoice) -> Catalog.Result { catalog.find(function: id, choice) { _ in 0 } }
        func find(alias: String) -> Catalog.Result {
            Array(alias.utf8).withUnsafeBytes { find(.alias($0)) }
        }
        #expect(isNewer(find(.version(2))) && isNewer(find(.latest)) && isNewer(find(.aliasID(three))))
        for alias in ["latest", "two", "three", three.description] { #expect(isNewer(find(alias: alias)), "\(alias)") }
        for known in [find(.working), find(.version(1)), find(alias: "one")] {
            guard case .runnable = known else {
                Issue.record("\(known)")
                return
            }
        }
        guard case .noVersion(3) = find(.version(3)), case .noAlias = find(alias: "four") else {
            Issue.record("what is missing is missing")
            return
        }
    }

    @Test func whatABatchDeletesIsNotRead() async throws {
        let one = try call(0, of: "a")
        _ = takeReads()
        try await store.change { tx throws(Failure) in
            _ = try tx.updateFunction(
                UpdateFunctionRequest(app: "a", function: one.description, labels: ["n": "1"]))
            _ = try tx.deleteRoute(DeleteRouteRequest(app: "a", path: "/one"))
        }
        #expect(takeReads().isEmpty)
        guard case .noFunction = catalog.find(function: one, split: { _ in 0 }) else {
            Issue.record("it is still known")
            return
        }
    }
}
