internal import Synchronization

/// One thing that somebody may do.
package enum Scope: Hashable, Sendable, CustomStringConvertible {
    /// Everything.
    case admin
    /// Look at everything, call nothing.
    case read
    /// Call every function.
    case invoke
    /// Call the functions of an app.
    case invokeApp(Name)
    /// Call one function.
    case invokeFunction(app: Name, function: Name)

    /// Reads `admin`, `read`, `invoke`, `invoke:APP` or `invoke:APP/FUNCTION`.
    ///
    /// - Throws: `invalid` with the field, the value and what to write.
    package init(_ text: String, field: String) throws(Failure) {
        switch text {
        case "admin": self = .admin
        case "read": self = .read
        case "invoke": self = .invoke
        default:
            guard text.hasPrefix("invoke:") else {
                throw Failure(
                    .invalid,
                    "\(field): \(quoted(text)) is no scope; write admin, read, invoke, invoke:APP or invoke:APP/FUNCTION"
                )
            }
            let parts = text.dropFirst(7).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            let app = try Name(String(parts[0]), field: field)
            self =
                parts.count == 1
                ? .invokeApp(app) : .invokeFunction(app: app, function: try Name(String(parts[1]), field: field))
        }
    }

    package var description: String {
        switch self {
        case .admin: "admin"
        case .read: "read"
        case .invoke: "invoke"
        case .invokeApp(let app): "invoke:\(app.text)"
        case .invokeFunction(let app, let function): "invoke:\(app.text)/\(function.text)"
        }
    }
}

/// What somebody may do, in a form that is asked without allocating.
package struct Grants: Hashable, Sendable {
    /// Most scopes of one token or peer.
    package static let maxScopes = 64

    /// As they were given, sorted by text.
    package let scopes: [Scope]
    /// Whether everything is allowed.
    package let allowsAdmin: Bool
    /// Whether looking is allowed.
    package let allowsRead: Bool
    /// Whether every function may be called.
    package let allowsAllCalls: Bool
    private let targets: [Target]

    private struct Target: Hashable, Sendable {
        let app: [UInt8]
        /// Empty: every function of the app.
        let function: [UInt8]
    }

    /// Nothing at all.
    package static let none = Grants([])
    /// Everything.
    package static let all = Grants([.admin])

    package init(_ scopes: some Sequence<Scope>) {
        self.scopes = Set(scopes).sorted { $0.description < $1.description }
        allowsAdmin = self.scopes.contains(.admin)
        allowsRead = allowsAdmin || self.scopes.contains(.read)
        allowsAllCalls = allowsAdmin || self.scopes.contains(.invoke)
        targets = self.scopes.compactMap { scope in
            switch scope {
            case .invokeApp(let app): Target(app: Array(app.text.utf8), function: [])
            case .invokeFunction(let app, let function):
                Target(app: Array(app.text.utf8), function: Array(function.text.utf8))
            default: nil
            }
        }
    }

    /// Whether nothing is allowed.
    package var isEmpty: Bool { scopes.isEmpty }

    /// Whether any function at all may be called.
    package var allowsSomeCalls: Bool { allowsAllCalls || !targets.isEmpty }

    /// Whether a function may be called; its names as they came off the wire. Allocates nothing.
    package func allowsCall(app: UnsafeRawBufferPointer, function: UnsafeRawBufferPointer) -> Bool {
        if allowsAllCalls { return true }
        for target in targets where Self.same(target.app, app) {
            if target.function.isEmpty || Self.same(target.function, function) { return true }
        }
        return false
    }

    /// Whether every function of an app may be called, those too that are not there; its name as it came off the wire.
    package func allowsCalls(in app: UnsafeRawBufferPointer) -> Bool {
        allowsAllCalls || targets.contains { $0.function.isEmpty && Self.same($0.app, app) }
    }

    /// Whether a function may be called; its names as UTF-8.
    @inlinable
    package func allowsCall(app: some Collection<UInt8>, function: some Collection<UInt8>) -> Bool {
        Self.withBytes(app) { app in Self.withBytes(function) { allowsCall(app: app, function: $0) } }
    }

    @inlinable
    package static func withBytes<R>(_ text: some Collection<UInt8>, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        text.withContiguousStorageIfAvailable { body(UnsafeRawBufferPointer($0)) }
            ?? Array(text).withUnsafeBytes(body)
    }

    private static func same(_ name: [UInt8], _ other: UnsafeRawBufferPointer) -> Bool {
        name.count == other.count && name.withUnsafeBytes { $0.elementsEqual(other) }
    }

    /// The app that all calls go to, if the scopes name exactly one.
    package var onlyApp: String? {
        guard !allowsAllCalls, let first = targets.first, targets.allSatisfy({ $0.app == first.app }) else {
            return nil
        }
        return String(decoding: first.app, as: UTF8.self)
    }
}

/// A token as the daemon recognises it.
package struct Credential: Hashable, Sendable {
    /// The token's.
    package let id: Identifier
    /// The token's.
    package let name: Name
    package let grants: Grants
    /// From when on it is refused; `nil`: never.
    package let expiresAt: Timestamp?
    /// SHA-256 of its secret, 32 bytes.
    package let hash: [UInt8]

    package init(id: Identifier, name: Name, grants: Grants, expiresAt: Timestamp?, hash: [UInt8]) {
        self.id = id
        self.name = name
        self.grants = grants
        self.expiresAt = expiresAt
        self.hash = hash
    }
}

/// Who a caller is, and what it may do. Thread-safe.
package final class Principal: Sendable, CustomStringConvertible {
    /// How it was recognised.
    package enum Kind: Hashable, Sendable {
        /// By the kernel, at a Unix socket.
        case user(uid: UInt32, gid: UInt32)
        /// By a bearer token.
        case token(id: Identifier, name: String)
        /// By a TLS client certificate's subject common name.
        case certificate(name: String)
        /// Not at all.
        case nobody
    }

    package let kind: Kind
    package let grants: Grants
    /// From when on it is nobody; `nil`: never.
    package let expiresAt: Timestamp?
    /// Nanoseconds since 1970 of the last use that was noted; 0: none.
    private let usedAt = Atomic<Int64>(0)

    package init(_ kind: Kind, grants: Grants, expiresAt: Timestamp? = nil) {
        self.kind = kind
        self.grants = grants
        self.expiresAt = expiresAt
    }

    /// Whether its time is over.
    package func isExpired(at now: Timestamp) -> Bool { expiresAt.map { $0 <= now } ?? false }

    /// Notes a use, to the second: busy callers on several threads do not pass one cache line around.
    package func noteUse(at now: Timestamp) {
        let noted = usedAt.load(ordering: .relaxed)
        if now.nanoseconds - noted >= 1_000_000_000 { usedAt.store(now.nanoseconds, ordering: .relaxed) }
    }

    /// The last use that was noted.
    package var lastUse: Timestamp? {
        let noted = usedAt.load(ordering: .relaxed)
        return noted == 0 ? nil : Timestamp(nanoseconds: noted)
    }

    /// For logs and lists: `uid 0`, `token ci`, `certificate build`, `nobody`.
    package var description: String {
        switch kind {
        case .user(let uid, _): "uid \(uid)"
        case .token(_, let name): "token \(name)"
        case .certificate(let name): "certificate \(name)"
        case .nobody: "nobody"
        }
    }
}
