internal import Glibc
package import Model

/// Who is at the other end of a connection, by what cannot be forged.
package enum PeerIdentity: Hashable, Sendable {
    /// By the kernel: SO_PEERCRED and SO_PEERGROUPS.
    case unix(uid: UInt32, gid: UInt32, groups: [UInt32])
    /// By TLS: the common name of a client certificate that was verified.
    case certificate(name: String)
    /// Nothing is known.
    case tcp
}

/// One entry of the setting `peer-scopes`: `uid:1000=admin`, `group:deploy=invoke:shop+read`, `cert:build=admin`.
package struct PeerRule: Hashable, Sendable, CustomStringConvertible {
    /// Whom it is about.
    package enum Subject: Hashable, Sendable {
        case uid(UInt32)
        /// By name; looked up when the daemon starts.
        case user(String)
        case gid(UInt32)
        /// By name; looked up when the daemon starts.
        case group(String)
        /// Common name of a client certificate.
        case certificate(String)
    }

    package let subject: Subject
    /// In the order in which they were given.
    package let scopes: [Scope]

    /// Reads `KIND:WHO=SCOPE`, more scopes joined by `+`.
    ///
    /// - Throws: `invalid` with the entry and what to write.
    package init(_ text: String) throws(Failure) {
        // A certificate's name may contain `=`; scopes do not.
        guard let equals = text.lastIndex(of: "="), let colon = text.firstIndex(of: ":"), colon < equals else {
            throw Self.failure(text, "is no entry; write uid:1000=admin, group:NAME=invoke:APP+read or cert:NAME=admin")
        }
        let who = String(text[text.index(after: colon)..<equals])
        guard (1...255).contains(who.utf8.count), !who.utf8.contains(where: { $0 < 32 || $0 == 127 }) else {
            throw Self.failure(text, "needs 1 to 255 printable bytes after the colon")
        }
        switch text[..<colon] {
        case "uid": subject = .uid(try Self.number(who, text))
        case "gid": subject = .gid(try Self.number(who, text))
        case "user": subject = .user(who)
        case "group": subject = .group(who)
        case "cert": subject = .certificate(who)
        default: throw Self.failure(text, "begins with none of uid:, user:, gid:, group:, cert:")
        }
        let parts = text[text.index(after: equals)...].split(separator: "+", omittingEmptySubsequences: false)
        guard parts.count <= Grants.maxScopes else {
            throw Self.failure(text, "has \(parts.count) scopes; at most \(Grants.maxScopes) are allowed")
        }
        var scopes: [Scope] = []
        for part in parts { scopes.append(try Scope(String(part), field: "peer-scopes: \(quoted(text))")) }
        self.scopes = scopes
    }

    /// The entry as it is read.
    package var description: String {
        let who =
            switch subject {
            case .uid(let uid): "uid:\(uid)"
            case .user(let name): "user:\(name)"
            case .gid(let gid): "gid:\(gid)"
            case .group(let name): "group:\(name)"
            case .certificate(let name): "cert:\(name)"
            }
        return who + "=" + scopes.map(\.description).joined(separator: "+")
    }

    /// The last number is -1, which the kernel takes for "nobody in particular".
    private static func number(_ digits: String, _ text: String) throws(Failure) -> UInt32 {
        guard let number = UInt32(digits), number < UInt32.max else {
            throw failure(text, "needs a number from 0 to \(UInt32.max - 1) after the colon")
        }
        return number
    }

    private static func failure(_ text: String, _ reason: String) -> Failure {
        Failure(.invalid, "peer-scopes: \(quoted(text)) \(reason)")
    }
}

/// What peers may do without a token. Immutable.
///
/// User 0 and the daemon's own user may do everything; beyond that only what the rules say. All rules that fit add up.
package struct PeerRules: Sendable {
    /// Most rules.
    package static let maxRules = 256

    private let users: [UInt32: [Scope]]
    private let groups: [UInt32: [Scope]]
    private let certificates: [String: [Scope]]
    private let insecureTCP: Bool

    /// Looks the names up; blocks while the machine's user database answers.
    ///
    /// - Parameters:
    ///   - insecureTCP: peers of TCP without TLS may do everything, without a token.
    ///   - ownUser: the daemon's effective uid.
    /// - Throws: `invalid` with the first user or group that the machine does not have.
    package init(_ rules: [PeerRule], insecureTCP: Bool, ownUser: UInt32 = geteuid()) throws(Failure) {
        var users: [UInt32: [Scope]] = [0: [.admin]]
        users[ownUser] = [.admin]
        var groups: [UInt32: [Scope]] = [:]
        var certificates: [String: [Scope]] = [:]
        for rule in rules {
            switch rule.subject {
            case .uid(let uid): users[uid, default: []] += rule.scopes
            case .user(let name): users[try Accounts.user(name, field: "peer-scopes"), default: []] += rule.scopes
            case .gid(let gid): groups[gid, default: []] += rule.scopes
            case .group(let name): groups[try Accounts.group(name, field: "peer-scopes"), default: []] += rule.scopes
            case .certificate(let name): certificates[name, default: []] += rule.scopes
            }
        }
        self.users = users
        self.groups = groups
        self.certificates = certificates
        self.insecureTCP = insecureTCP
    }

    /// Who a peer is; `nil` if it may do nothing, and so needs a token.
    package func principal(for peer: PeerIdentity) -> Principal? {
        switch peer {
        case .unix(let uid, let gid, let others):
            var scopes = users[uid] ?? []
            if !groups.isEmpty { for group in Set(others).union([gid]) { scopes += groups[group] ?? [] } }
            return scopes.isEmpty ? nil : Principal(.user(uid: uid, gid: gid), grants: Grants(scopes))
        case .certificate(let name):
            return certificates[name].map { Principal(.certificate(name: name), grants: Grants($0)) }
        case .tcp:
            return insecureTCP ? Principal(.nobody, grants: .all) : nil
        }
    }
}

/// The machine's users and groups.
package enum Accounts {
    /// The uid of a user. Blocks.
    ///
    /// - Parameter field: how the error calls it.
    /// - Throws: `invalid` if there is no such user.
    package static func user(_ name: String, field: String) throws(Failure) -> UInt32 {
        let uid = withBuffer { buffer, count -> UInt32? in
            var entry = passwd()
            var found: UnsafeMutablePointer<passwd>?
            return getpwnam_r(name, &entry, buffer, count, &found) == 0 && found != nil ? entry.pw_uid : nil
        }
        guard let uid else { throw Failure(.invalid, "\(field): the user \(quoted(name)) does not exist here") }
        return uid
    }

    /// The gid of a group. Blocks.
    ///
    /// - Parameter field: how the error calls it.
    /// - Throws: `invalid` if there is no such group.
    package static func group(_ name: String, field: String) throws(Failure) -> UInt32 {
        let gid = withBuffer { buffer, count -> UInt32? in
            var entry = Glibc.group()
            var found: UnsafeMutablePointer<Glibc.group>?
            return getgrnam_r(name, &entry, buffer, count, &found) == 0 && found != nil ? entry.gr_gid : nil
        }
        guard let gid else { throw Failure(.invalid, "\(field): the group \(quoted(name)) does not exist here") }
        return gid
    }

    /// The gid of a group by its number or name. Blocks.
    ///
    /// - Parameter field: how the error calls it.
    /// - Throws: `invalid` if it is no number and there is no such group.
    package static func groupNumber(_ text: String, field: String) throws(Failure) -> UInt32 {
        if let number = UInt32(text), number < UInt32.max { return number }
        return try group(text, field: field)
    }

    /// Room for an entry; a group with thousands of members needs much.
    private static func withBuffer<R>(_ body: (UnsafeMutablePointer<CChar>, Int) -> R) -> R {
        let count = 1 << 20
        let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: count)
        defer { buffer.deallocate() }
        return body(buffer, count)
    }
}
