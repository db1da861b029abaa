/// What every stored entity carries.
package struct Meta: Hashable, Sendable {
    /// The entity version that this daemon writes: 0, pre-release.
    package static let currentAPIVersion: UInt32 = 0

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

    package init(meta: Meta, name: Name) {
        self.meta = meta
        self.name = name
    }
}

/// A function: its working copy, and the count of its versions.
package struct Function: Hashable, Sendable {
    package var meta: Meta
    /// The app that it belongs to.
    package var appID: Identifier
    /// The app's name, for display.
    package var appName: Name
    /// Unique within the app; never changes.
    package var name: Name
    /// As last deployed.
    package var spec: FunctionSpec
    /// Package of the working copy.
    package var package: Digest
    /// The highest version number ever published; numbers are never used again.
    package var latestVersion: UInt32

    package init(
        meta: Meta, appID: Identifier, appName: Name, name: Name, spec: FunctionSpec, package: Digest,
        latestVersion: UInt32
    ) {
        self.meta = meta
        self.appID = appID
        self.appName = appName
        self.name = name
        self.spec = spec
        self.package = package
        self.latestVersion = latestVersion
    }
}

/// An immutable published version of a function.
package struct Version: Hashable, Sendable {
    package var meta: Meta
    package var functionID: Identifier
    /// From 1, growing by one.
    package var number: UInt32
    package var description: String
    /// Frozen when it was published.
    package var spec: FunctionSpec
    /// Its code.
    package var package: Digest
    /// Size of the canonical tar, bytes.
    package var packageBytes: UInt64
    /// The interpreter as it named itself when the version was published; empty for programs.
    package var interpreter: String

    package init(
        meta: Meta, functionID: Identifier, number: UInt32, description: String, spec: FunctionSpec, package: Digest,
        packageBytes: UInt64, interpreter: String
    ) {
        self.meta = meta
        self.functionID = functionID
        self.number = number
        self.description = description
        self.spec = spec
        self.package = package
        self.packageBytes = packageBytes
        self.interpreter = interpreter
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

/// The record of a finished call.
package struct CallRecord: Hashable, Sendable {
    package var meta: Meta
    package var appID: Identifier
    /// The app's name at call time.
    package var appName: String
    package var functionID: Identifier
    package var functionName: String
    package var version: UInt32
    package var status: Status
    /// Why it did not succeed; empty on success.
    package var error: String
    /// When the function got it; `nil` if it never did.
    package var startedAt: Timestamp?
    package var completedAt: Timestamp
    /// From acceptance to dispatch, nanoseconds.
    package var waitNanos: UInt64
    /// Time to start the container that served it, nanoseconds; `nil` if it was hot.
    package var coldStartNanos: UInt64?
    /// From dispatch to the answer, nanoseconds.
    package var runNanos: UInt64
    /// The container that served it; empty if none did.
    package var container: String
    /// What it wrote to standard error and output, cut to the limit.
    package var log: [UInt8]
    /// Whether ``log`` was cut.
    package var logTruncated: Bool
    /// The W3C trace that its caller named, 32 hexadecimal digits; `nil`: none.
    package var traceID: String?

    /// How a call ended.
    package enum Status: String, Sendable, CaseIterable {
        /// The function answered.
        case success
        /// The user's code failed.
        case failed
        /// The platform failed.
        case error
        /// A clock ran out.
        case timeout
        /// The caller went away.
        case cancelled
    }

    package init(
        meta: Meta, appID: Identifier, appName: String, functionID: Identifier, functionName: String, version: UInt32,
        status: Status, error: String, startedAt: Timestamp?, completedAt: Timestamp, waitNanos: UInt64,
        coldStartNanos: UInt64?, runNanos: UInt64, container: String, log: [UInt8], logTruncated: Bool,
        traceID: String? = nil
    ) {
        self.meta = meta
        self.appID = appID
        self.appName = appName
        self.functionID = functionID
        self.functionName = functionName
        self.version = version
        self.status = status
        self.error = error
        self.startedAt = startedAt
        self.completedAt = completedAt
        self.waitNanos = waitNanos
        self.coldStartNanos = coldStartNanos
        self.runNanos = runNanos
        self.container = container
        self.log = log
        self.logTruncated = logTruncated
        self.traceID = traceID
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
