import Model

/// What the daemon remembers: apps, functions, versions, packages (their rows, not their bytes) and call records.
///
/// Two implementations, ``SQLiteStore`` and ``MemoryStore``, behave alike; one conformance suite holds them to it.
/// Thread-safe. Values are stored as they are given: whoever calls validates specs and labels.
///
/// An app or function is referred to by its name or its id, as text; what is neither is `invalid`. Parents are looked
/// up first: in a missing app every function is reported as a missing app. Every method may throw `internalError` if
/// the disk is full or the database fails; then nothing of it has happened.
package protocol Store: Sendable {
    /// The number of the newest migration that the data has.
    var schemaVersion: Int { get }
    /// Made at random with the store, and kept.
    var instanceID: Identifier { get }

    /// - Throws: `exists`.
    func createApp(name: Name, labels: [String: String]) async throws(Failure) -> App
    /// - Throws: `notFound`.
    func app(_ app: String) async throws(Failure) -> App
    /// By name.
    func apps(page: PageRequest) async throws(Failure) -> Page<App>

    /// Publishes a version, in one transaction: creates app and function if they are absent, gives the version the next
    /// number (never used again), and makes it the function's working copy. The function serves the services of this
    /// version from now on, and none that only earlier ones had.
    ///
    /// - Throws: `notFound` if the package is not stored; `exists` if another function of the app has one of the
    ///   services.
    func deploy(_ deployment: Deployment) async throws(Failure) -> DeployResult
    /// - Throws: `notFound`.
    func function(app: String, function: String) async throws(Failure) -> Function
    /// By name.
    ///
    /// - Throws: `notFound` for the app.
    func functions(app: String, page: PageRequest) async throws(Failure) -> Page<Function>
    /// - Parameter number: from 1.
    /// - Throws: `notFound`; `invalid` for 0.
    func version(app: String, function: String, number: UInt32) async throws(Failure) -> Version
    /// Newest first.
    ///
    /// - Throws: `notFound` for app or function.
    func versions(app: String, function: String, page: PageRequest) async throws(Failure) -> Page<Version>
    /// Everything that is callable, to build the catalog at start.
    func catalog() async throws(Failure) -> CatalogContents

    /// Makes a token. The store never sees its secret.
    ///
    /// - Parameters:
    ///   - expiresAt: `nil`: never.
    ///   - hash: of the secret, 32 bytes.
    /// - Throws: `exists` if a token has the name, expired or not; `precondition` if there are ``TokenLimits/tokens``.
    func createToken(name: Name, scopes: [Scope], expiresAt: Timestamp?, hash: [UInt8]) async throws(Failure) -> Token
    /// By name; with those that have expired, which stay until they are revoked.
    func tokens(page: PageRequest) async throws(Failure) -> Page<Token>
    /// Deletes a token.
    ///
    /// - Parameter token: name or id.
    /// - Returns: the token as it was.
    /// - Throws: `notFound`.
    func revokeToken(_ token: String) async throws(Failure) -> Token
    /// All tokens with their hashes, by id: for the authenticator only.
    func allTokens() async throws(Failure) -> [Credential]
    /// Notes when tokens were last used; neither their revision nor the time of their change. Later uses that are
    /// noted already, and tokens that are gone, are left alone.
    func touchTokens(_ uses: [(id: Identifier, usedAt: Timestamp)]) async throws(Failure)

    /// Remembers a package; if its digest is known, nothing happens and the known one is returned.
    func addPackage(_ package: StoredPackage) async throws(Failure) -> StoredPackage
    /// - Throws: `notFound`.
    func package(_ digest: Digest) async throws(Failure) -> StoredPackage

    /// Stores records of finished calls, all or none. Survives a crash of the daemon; the last ones may be lost with the
    /// machine's power.
    ///
    /// - Throws: `exists` if a record with one of the ids is stored.
    func append(_ calls: [CallRecord]) async throws(Failure)
    /// Newest first, without their logs. An empty function: of the whole app; both empty: of all.
    ///
    /// - Throws: `notFound` for app or function.
    func calls(app: String, function: String, page: PageRequest) async throws(Failure) -> Page<CallRecord>
    /// One record, without its log.
    ///
    /// - Throws: `invalid` if `id` is none; `notFound`.
    func call(_ id: String) async throws(Failure) -> CallRecord
    /// - Throws: `invalid` if `id` is none; `notFound` if there is no such call.
    func callLog(_ id: String) async throws(Failure) -> CallLog
    /// Removes the oldest calls with their logs.
    ///
    /// - Parameter keep: how many stay; not negative.
    /// - Returns: how many were removed.
    @discardableResult
    func pruneCalls(keep: Int) async throws(Failure) -> Int

    /// How much there is.
    func counts() async throws(Failure) -> StoreCounts
}

/// How many tokens there may be.
package enum TokenLimits {
    /// All of them are in the daemon's memory.
    package static let tokens = 10_000
}

/// What to publish.
package struct Deployment: Hashable, Sendable {
    /// Created if absent.
    package var app: Name
    /// Created if absent.
    package var function: Name
    package var spec: FunctionSpec
    package var package: Digest
    /// Of the version, for people.
    package var description: String
    /// Of the version; they become the function's too, unless there are none.
    package var labels: [String: String]
    /// The interpreter as it names itself; empty for programs.
    package var interpreter: String

    package init(
        app: Name, function: Name, spec: FunctionSpec, package: Digest, description: String = "",
        labels: [String: String] = [:], interpreter: String = ""
    ) {
        self.app = app
        self.function = function
        self.spec = spec
        self.package = package
        self.description = description
        self.labels = labels
        self.interpreter = interpreter
    }
}

/// What a deployment made.
package struct DeployResult: Hashable, Sendable {
    package var app: App
    package var function: Function
    package var version: Version
    package var createdApp: Bool
    package var createdFunction: Bool

    package init(app: App, function: Function, version: Version, createdApp: Bool, createdFunction: Bool) {
        self.app = app
        self.function = function
        self.version = version
        self.createdApp = createdApp
        self.createdFunction = createdFunction
    }
}

/// Everything that is callable.
package struct CatalogContents: Hashable, Sendable {
    /// By app, then name.
    package var functions: [Function]
    /// By function, then number; ``Version/functionID`` names the function.
    package var versions: [Version]

    package init(functions: [Function], versions: [Version]) {
        self.functions = functions
        self.versions = versions
    }
}

/// A call's log.
package struct CallLog: Hashable, Sendable {
    package var bytes: [UInt8]
    /// Whether the log was longer.
    package var truncated: Bool

    package init(bytes: [UInt8], truncated: Bool) {
        self.bytes = bytes
        self.truncated = truncated
    }
}

/// How much a store holds.
package struct StoreCounts: Hashable, Sendable {
    package var apps = 0
    package var functions = 0
    package var versions = 0
    package var packages = 0
    package var calls = 0

    package init(apps: Int = 0, functions: Int = 0, versions: Int = 0, packages: Int = 0, calls: Int = 0) {
        self.apps = apps
        self.functions = functions
        self.versions = versions
        self.packages = packages
        self.calls = calls
    }
}
