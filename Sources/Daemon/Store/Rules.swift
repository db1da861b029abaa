import Model

/// How callers name an entity.
enum Reference: Hashable, Sendable {
    case name(Name)
    case id(Identifier)

    /// - Parameter field: how the error calls it.
    init(_ text: String, field: String) throws(Failure) {
        if let id = Identifier(text) {
            self = .id(id)
        } else {
            self = .name(try Name(text, field: field))
        }
    }

    /// The column and the value to look for.
    var match: (column: String, value: String) {
        switch self {
        case .name(let name): ("name", name.text)
        case .id(let id): ("id", id.description)
        }
    }
}

/// The rules that both stores share.
enum Rules {
    /// The entity ids of callers that are only ids.
    static func callID(_ text: String) throws(Failure) -> Identifier {
        guard let id = Identifier(text) else {
            throw Failure(.invalid, "call: \(quoted(text)) is not the id of a call")
        }
        return id
    }

    static func versionNumber(_ number: UInt32) throws(Failure) -> UInt32 {
        guard number > 0 else { throw Failure(.invalid, "version: 0 is out of range; versions count from 1") }
        return number
    }

    static func newID(_ now: Timestamp) -> Identifier {
        var generator = SystemRandomNumberGenerator()
        return Identifier(now: now, using: &generator)
    }

    /// The function and the version that a deployment leads to.
    static func publish(
        _ deployment: Deployment, app: App, function: Function?, package: StoredPackage, now: Timestamp
    ) throws(Failure) -> (function: Function, version: Version) {
        var result =
            function
            ?? Function(
                meta: Meta(id: newID(now), revision: 0, createdAt: now), appID: app.meta.id, appName: app.name,
                name: deployment.function, spec: deployment.spec, package: deployment.package, latestVersion: 0)
        guard result.latestVersion < UInt32.max else {
            throw Failure(.precondition, "function \(app.name)/\(result.name): there are no version numbers left")
        }
        result.meta.revision += 1
        result.meta.updatedAt = now
        if !deployment.labels.isEmpty { result.meta.labels = deployment.labels }
        result.spec = deployment.spec
        result.package = deployment.package
        result.latestVersion += 1
        let version = Version(
            meta: Meta(id: newID(now), createdAt: now, labels: deployment.labels), functionID: result.meta.id,
            number: result.latestVersion, description: deployment.description, spec: deployment.spec,
            package: deployment.package, packageBytes: package.bytes, runtime: FrozenRuntime(interpreter: deployment.interpreter))
        return (result, version)
    }

    static func credential(_ token: Token, hash: [UInt8]) -> Credential {
        Credential(
            id: token.meta.id, name: token.name, grants: Grants(token.scopes), expiresAt: token.expiresAt, hash: hash)
    }

    static func noApp(_ app: String) -> Failure {
        Failure(.notFound, "app \(quoted(app)) was not found; list the apps to see what is there")
    }

    static func noFunction(_ app: App, _ function: String) -> Failure {
        Failure(.notFound, "function \(quoted(function)) was not found in app \(quoted(app.name.text))")
    }

    static func noVersion(_ function: Function, _ number: UInt32) -> Failure {
        Failure(
            .notFound,
            "version \(number) of \(function.appName)/\(function.name) was not found; the latest is "
                + "\(function.latestVersion)")
    }

    static func noPackage(_ digest: Digest) -> Failure {
        Failure(.notFound, "package \(digest) is not stored; upload it first")
    }

    static func noCall(_ id: Identifier) -> Failure {
        Failure(.notFound, "call \(id) was not found; only the newest calls are kept")
    }

    static func appExists(_ name: Name) -> Failure {
        Failure(.exists, "app \(quoted(name.text)) exists")
    }

    static func tokenExists(_ name: Name) -> Failure {
        Failure(.exists, "token \(quoted(name.text)) exists; revoke it first or choose another name")
    }

    static func tooManyTokens() -> Failure {
        Failure(
            .precondition, "there are \(TokenLimits.tokens) tokens, the limit; revoke those that nobody needs",
            quota: "tokens")
    }

    static func noToken(_ token: String) -> Failure {
        Failure(.notFound, "token \(quoted(token)) was not found; list the tokens to see what is there")
    }

    static func serviceTaken(_ service: String, app: Name, by function: String) -> Failure {
        Failure(
            .exists,
            "services: \(quoted(service)) is served by function \(quoted("\(app)/\(function)")) already; a service name "
                + "is unique in an app")
    }

    static func callExists() -> Failure {
        Failure(.exists, "a call with the same id is recorded; none of the records was stored")
    }
}
