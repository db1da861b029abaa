internal import Catalog
internal import Model
internal import Store

/// A store that keeps what can be called in memory, and tells the catalog of changes. Thread-safe.
final class CatalogStore: Store, CatalogSource {
    private let store: SQLiteStore
    private let state = Lock(State())

    private struct State {
        var apps: [String: App] = [:]
        /// By app and name.
        var functions: [String: [String: Identifier]] = [:]
        var contents: [Identifier: CatalogFunction] = [:]
        var catalog: Catalog?
    }

    /// Reads everything.
    init(_ store: SQLiteStore) async throws(Failure) {
        self.store = store
        var page = PageRequest(size: PageRequest.maxSize)
        repeat {
            let apps = try await store.apps(page: page)
            state.withLock { state in for app in apps.items { state.apps[app.name.text] = app } }
            page.cursor = apps.nextCursor
        } while !page.cursor.isEmpty
        let catalog = try await store.catalog()
        let versions = Dictionary(grouping: catalog.versions) { $0.functionID }
        state.withLock { state in
            for function in catalog.functions {
                guard let app = state.apps[function.appName.text] else { continue }
                Self.put(
                    CatalogFunction(app: app, function: function, versions: versions[function.meta.id] ?? []), &state)
            }
        }
    }

    /// Who is told of changes.
    func attach(_ catalog: Catalog) { state.withLock { $0.catalog = catalog } }

    private static func put(_ contents: CatalogFunction, _ state: inout State) {
        var contents = contents
        contents.function.workingVersion = contents.function.latestVersion
        let id = contents.function.meta.id
        state.contents[id] = contents
        state.functions[contents.app.name.text, default: [:]][contents.function.name.text] = id
    }

    // MARK: - What can be called

    func function(app: String, name: String) -> CatalogAnswer {
        state.withLock { state in
            guard let app = Self.app(app, state) else { return .noApp }
            let named = state.functions[app.name.text]?[name] ?? Identifier(name)
            guard let id = named, let found = state.contents[id], found.app.meta.id == app.meta.id else {
                return .noFunction
            }
            return .found(found)
        }
    }

    func function(id: Identifier) -> CatalogFunction? { state.withLock { $0.contents[id] } }

    func triggers(app: String) -> (app: Identifier, triggers: [Trigger])? {
        state.withLock { Self.app(app, $0) }.map { ($0.meta.id, []) }
    }

    func servers(of service: String) -> [(app: String, function: Identifier)] {
        allServices().filter { $0.service == service }.map { ($0.app, $0.function) }
    }

    func allServices() -> [(service: String, app: String, function: Identifier)] {
        state.withLock { Array($0.contents.values) }.flatMap { contents in
            contents.function.spec.services.map {
                (service: $0, app: contents.app.name.text, function: contents.function.meta.id)
            }
        }.sorted { ($0.service, $0.app) < ($1.service, $1.app) }
    }

    func functionNames() -> [String] {
        state.withLock { $0.contents.values.map { "\($0.app.name)/\($0.function.name)" } }.sorted()
    }

    private static func app(_ text: String, _ state: State) -> App? {
        state.apps[text] ?? Identifier(text).flatMap { id in state.apps.values.first { $0.meta.id == id } }
    }

    // MARK: - Changes

    func createApp(name: Name, labels: [String: String]) async throws(Failure) -> App {
        let app = try await store.createApp(name: name, labels: labels)
        let catalog = state.withLock { state in
            state.apps[name.text] = app
            return state.catalog
        }
        catalog?.changed(app: app.meta.id)
        return app
    }

    func deploy(_ deployment: Deployment) async throws(Failure) -> DeployResult {
        let result = try await store.deploy(deployment)
        let catalog = state.withLock { state in
            state.apps[result.app.name.text] = result.app
            var known = state.contents[result.function.meta.id]?.versions ?? []
            known.append(result.version)
            // Deployments at the same time may come here in the other order.
            let older = state.contents[result.function.meta.id].map(\.function)
            let newest = older.map { $0.meta.revision > result.function.meta.revision ? $0 : nil } ?? nil
            Self.put(
                CatalogFunction(app: result.app, function: newest ?? result.function, versions: known), &state)
            return state.catalog
        }
        catalog?.changed(function: result.function.meta.id)
        return result
    }

    // MARK: - Everything else is the store's

    var schemaVersion: Int { store.schemaVersion }
    var instanceID: Identifier { store.instanceID }
    func app(_ app: String) async throws(Failure) -> App { try await store.app(app) }
    func apps(page: PageRequest) async throws(Failure) -> Page<App> { try await store.apps(page: page) }
    func function(app: String, function: String) async throws(Failure) -> Function {
        try await store.function(app: app, function: function)
    }
    func functions(app: String, page: PageRequest) async throws(Failure) -> Page<Function> {
        try await store.functions(app: app, page: page)
    }
    func version(app: String, function: String, number: UInt32) async throws(Failure) -> Version {
        try await store.version(app: app, function: function, number: number)
    }
    func versions(app: String, function: String, page: PageRequest) async throws(Failure) -> Page<Version> {
        try await store.versions(app: app, function: function, page: page)
    }
    func catalog() async throws(Failure) -> CatalogContents { try await store.catalog() }
    func createToken(
        name: Name, scopes: [Scope], expiresAt: Timestamp?, hash: [UInt8]
    ) async throws(Failure) -> Token {
        try await store.createToken(name: name, scopes: scopes, expiresAt: expiresAt, hash: hash)
    }
    func tokens(page: PageRequest) async throws(Failure) -> Page<Token> { try await store.tokens(page: page) }
    func revokeToken(_ token: String) async throws(Failure) -> Token { try await store.revokeToken(token) }
    func allTokens() async throws(Failure) -> [Credential] { try await store.allTokens() }
    func touchTokens(_ uses: [(id: Identifier, usedAt: Timestamp)]) async throws(Failure) {
        try await store.touchTokens(uses)
    }
    func addPackage(_ package: StoredPackage) async throws(Failure) -> StoredPackage {
        try await store.addPackage(package)
    }
    func package(_ digest: Digest) async throws(Failure) -> StoredPackage { try await store.package(digest) }
    func append(_ calls: [CallRecord]) async throws(Failure) { try await store.append(calls) }
    func calls(app: String, function: String, page: PageRequest) async throws(Failure) -> Page<CallRecord> {
        try await store.calls(app: app, function: function, page: page)
    }
    func call(_ id: String) async throws(Failure) -> CallRecord { try await store.call(id) }
    func callLog(_ id: String) async throws(Failure) -> CallLog { try await store.callLog(id) }
    func pruneCalls(keep: Int) async throws(Failure) -> Int { try await store.pruneCalls(keep: keep) }
    func counts() async throws(Failure) -> StoreCounts { try await store.counts() }
}
