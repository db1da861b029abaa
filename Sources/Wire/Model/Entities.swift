/// What every stored entity carries.
package struct Meta: Hashable, Sendable {
    /// The entity version that this daemon writes where none is asked for: the newest release.
    package static let currentAPIVersion: UInt32 = 1

    /// The shape and meaning of the entity; neither the wire's nor the database's version.
    package var apiVersion: UInt32
    /// Never changes, never used again.
    package var id: Identifier
    /// Grows by one with every change; starts at 1.
    package var revision: UInt64
    /// When it was made.
    package var createdAt: Timestamp
    /// When it last changed.
    package var updatedAt: Timestamp
    /// For selection.
    package var labels: [String: String]
    /// Data of newer or foreign tools; values are JSON text; never read by the daemon.
    package var extra: [String: String]

    package init(
        apiVersion: UInt32 = Meta.currentAPIVersion, id: Identifier, revision: UInt64 = 1, createdAt: Timestamp,
        updatedAt: Timestamp? = nil, labels: [String: String] = [:], extra: [String: String] = [:]
    ) {
        self.apiVersion = apiVersion
        self.id = id
        self.revision = revision
        self.createdAt = createdAt
        self.updatedAt = updatedAt ?? createdAt
        self.labels = labels
        self.extra = extra
    }
}

/// A group of functions.
package struct App: Hashable, Sendable {
    package var meta: Meta
    /// Unique on the machine; never changes.
    package var name: Name
    /// Environment of all its functions; a function's own config wins.
    package var config: [String: String]
    /// Notes; never read by the daemon.
    package var annotations: [String: String]
    /// Where the logs of its functions go; empty: nowhere else.
    package var syslogURL: String

    package init(
        meta: Meta, name: Name, config: [String: String] = [:], annotations: [String: String] = [:],
        syslogURL: String = ""
    ) {
        self.meta = meta
        self.name = name
        self.config = config
        self.annotations = annotations
        self.syslogURL = syslogURL
    }
}

/// How functions of a runtime that is not built in are started, frozen with the code.
package struct FrozenRuntime: Hashable, Sendable {
    /// The interpreter as it named itself; empty for programs.
    package var interpreter: String
    /// The runtime's command template; empty: the runtime is built in.
    package var command: [String]
    /// `host`, `folder:PATH` or `image:REFERENCE`; empty: host.
    package var root: String

    package init(interpreter: String = "", command: [String] = [], root: String = "") {
        self.interpreter = interpreter
        self.command = command
        self.root = root
    }
}

/// A function: its working copy, and the count of its versions.
package struct Function: Hashable, Sendable {
    package var meta: Meta
    /// The app that it belongs to.
    package var appID: Identifier
    /// The app's name, for display; not stored.
    package var appName: Name
    /// Unique within the app; never changes.
    package var name: Name
    /// The working copy: as last deployed or updated.
    package var spec: FunctionSpec
    /// Package of the working copy; `nil`: it has an image.
    package var package: Digest?
    /// The highest number that is published now; 0: none is.
    package var latestVersion: UInt32
    /// The highest number ever published; numbers are never used again.
    package var lastVersionNumber: UInt32
    /// The published version that the working copy equals; 0: none does.
    package var workingVersion: UInt32
    /// What starts the working copy.
    package var runtime: FrozenRuntime

    package init(
        meta: Meta, appID: Identifier, appName: Name, name: Name, spec: FunctionSpec, package: Digest?,
        latestVersion: UInt32 = 0, lastVersionNumber: UInt32 = 0, workingVersion: UInt32 = 0,
        runtime: FrozenRuntime = FrozenRuntime()
    ) {
        self.meta = meta
        self.appID = appID
        self.appName = appName
        self.name = name
        self.spec = spec
        self.package = package
        self.latestVersion = latestVersion
        self.lastVersionNumber = lastVersionNumber
        self.workingVersion = workingVersion
        self.runtime = runtime
    }
}

/// An immutable published version of a function.
package struct Version: Hashable, Sendable {
    package var meta: Meta
    package var functionID: Identifier
    /// From 1, growing by one.
    package var number: UInt32
    /// The only part that can change.
    package var description: String
    /// Frozen when it was published.
    package var spec: FunctionSpec
    /// Its code; `nil`: it has an image.
    package var package: Digest?
    /// Size of the canonical tar, bytes.
    package var packageBytes: UInt64
    /// What starts it, frozen when it was published.
    package var runtime: FrozenRuntime

    package init(
        meta: Meta, functionID: Identifier, number: UInt32, description: String, spec: FunctionSpec, package: Digest?,
        packageBytes: UInt64, runtime: FrozenRuntime = FrozenRuntime()
    ) {
        self.meta = meta
        self.functionID = functionID
        self.number = number
        self.description = description
        self.spec = spec
        self.package = package
        self.packageBytes = packageBytes
        self.runtime = runtime
    }
}

/// A stored package: a canonical tar, named by its digest.
package struct StoredPackage: Hashable, Sendable {
    package var meta: Meta
    package var digest: Digest
    /// Size of the canonical tar, bytes.
    package var bytes: UInt64
    /// Files, folders and links in it.
    package var entries: UInt32

    package init(meta: Meta, digest: Digest, bytes: UInt64, entries: UInt32) {
        self.meta = meta
        self.digest = digest
        self.bytes = bytes
        self.entries = entries
    }
}

/// A bearer token, without its secret.
package struct Token: Hashable, Sendable {
    package var meta: Meta
    /// Unique on the machine among the tokens; never changes.
    package var name: Name
    /// What its bearer may do; at most ``Grants/maxScopes``.
    package var scopes: [Scope]
    /// When it stops being valid; `nil`: never.
    package var expiresAt: Timestamp?
    /// When it was last shown; `nil`: never. May be a minute old.
    package var lastUsedAt: Timestamp?

    package init(
        meta: Meta, name: Name, scopes: [Scope], expiresAt: Timestamp? = nil, lastUsedAt: Timestamp? = nil
    ) {
        self.meta = meta
        self.name = name
        self.scopes = scopes
        self.expiresAt = expiresAt
        self.lastUsedAt = lastUsedAt
    }
}
