internal import Glibc
package import Model

/// Where the daemon listens, and for which app.
package struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    /// What is listened on.
    package enum Endpoint: Sendable, Equatable {
        case unix(String)
        case tcp(host: String, port: UInt16)
        /// TCP with TLS.
        case tls(host: String, port: UInt16)
    }

    package var endpoint: Endpoint
    /// Where calls go that name a service and no app.
    package var app: Name?

    package init(_ endpoint: Endpoint, app: Name? = nil) {
        self.endpoint = endpoint
        self.app = app
    }

    package static func unix(_ path: String) -> ListenAddress { ListenAddress(.unix(path)) }

    package static func tcp(host: String, port: UInt16) -> ListenAddress { ListenAddress(.tcp(host: host, port: port)) }

    package static func tls(host: String, port: UInt16) -> ListenAddress { ListenAddress(.tls(host: host, port: port)) }

    /// Reads `unix:PATH`, `tcp:HOST:PORT` or `tls:HOST:PORT`, each perhaps with `?app=NAME`.
    package init(_ text: String) throws(Failure) {
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 {
            guard parts[1].hasPrefix("app=") else {
                throw Self.failure(text, "what follows ? must be app=NAME; a path cannot contain ?")
            }
            app = try Name(String(parts[1].dropFirst(4)), field: "listen: \(quoted(text)): app")
        }
        let address = String(parts[0])
        if address.hasPrefix("unix:") {
            let path = String(address.dropFirst(5))
            guard path.hasPrefix("/"), path.utf8.count <= 107, !path.utf8.contains(0) else {
                throw Self.failure(text, "the path must be absolute and have at most 107 bytes")
            }
            endpoint = .unix(path)
        } else if address.hasPrefix("tcp:") || address.hasPrefix("tls:") {
            let (host, port) = try Self.hostAndPort(String(address.dropFirst(4)), text)
            endpoint = address.hasPrefix("tcp:") ? .tcp(host: host, port: port) : .tls(host: host, port: port)
        } else {
            throw Failure(
                .invalid, "listen: \(quoted(text)) is no address; write unix:PATH, tcp:HOST:PORT or tls:HOST:PORT")
        }
    }

    /// Reads `tcp:HOST:PORT` of this machine: whoever reaches it reads the metrics, without TLS or token.
    init(metrics text: String) throws(Failure) {
        guard text.hasPrefix("tcp:") else {
            throw Failure(.invalid, "metrics-listen: \(quoted(text)) is no address; write tcp:127.0.0.1:PORT")
        }
        do throws(Failure) { self = try ListenAddress(text) } catch {
            throw Failure(.invalid, "metrics-\(error.message)")
        }
        guard app == nil, isLoopback else {
            throw Failure(
                .invalid,
                "metrics-listen: \(quoted(text)) must be an address of this machine alone, such as tcp:127.0.0.1:9464")
        }
    }

    private static func hostAndPort(_ address: String, _ text: String) throws(Failure) -> (String, UInt16) {
        guard let colon = address.lastIndex(of: ":"), colon > address.startIndex else {
            throw Failure(.invalid, "listen: \(quoted(text)) is no address; write \(text.prefix(4))HOST:PORT")
        }
        var host = String(address[..<colon])
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            throw failure(text, "an IPv6 address belongs in brackets: \(text.prefix(4))[::1]:7433")
        }
        guard (1...253).contains(host.utf8.count), host.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw failure(text, "the host must have 1 to 253 printable ASCII characters")
        }
        guard let port = UInt16(address[address.index(after: colon)...]) else {
            throw failure(text, "the port must be a number from 0 to 65535")
        }
        return (host, port)
    }

    private static func failure(_ text: String, _ reason: String) -> Failure {
        Failure(.invalid, "listen: \(quoted(text)): \(reason)")
    }

    package var description: String {
        let suffix = app.map { "?app=\($0)" } ?? ""
        return switch endpoint {
        case .unix(let path): "unix:\(path)\(suffix)"
        case .tcp(let host, let port): "tcp:\(Self.bracketed(host)):\(port)\(suffix)"
        case .tls(let host, let port): "tls:\(Self.bracketed(host)):\(port)\(suffix)"
        }
    }

    private static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }

    /// TCP without TLS.
    package var isPlaintext: Bool {
        if case .tcp = endpoint { true } else { false }
    }

    package var isTLS: Bool {
        if case .tls = endpoint { true } else { false }
    }

    /// Whether only this machine reaches it. By the text alone: names other than `localhost` count as beyond, whatever
    /// they mean today.
    package var isLoopback: Bool {
        switch endpoint {
        case .unix: return true
        case .tcp(let host, _), .tls(let host, _):
            if host == "localhost" { return true }
            var v4 = in_addr()
            if inet_pton(AF_INET, host, &v4) == 1 { return UInt32(bigEndian: v4.s_addr) >> 24 == 127 }
            var v6 = in6_addr()
            guard inet_pton(AF_INET6, host, &v6) == 1 else { return false }
            return withUnsafeBytes(of: v6) { $0.dropLast().allSatisfy { $0 == 0 } && $0[15] == 1 }
        }
    }
}
