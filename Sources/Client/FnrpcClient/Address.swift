/// Where a daemon listens: `unix:PATH`, `tcp:HOST:PORT` or `tls:HOST:PORT`.
public struct Address: Sendable, Hashable, CustomStringConvertible {
    /// The kinds of socket.
    public enum Endpoint: Sendable, Hashable {
        /// A Unix socket at a path.
        case unix(path: String)
        /// A TCP port; an IPv6 address is without brackets here.
        case tcp(host: String, port: Int)
        /// The same with TLS.
        case tls(host: String, port: Int)
    }

    /// Where the daemon listens if nobody says otherwise.
    public static let standard = Address(endpoint: .unix(path: "/run/fnrpc/fnrpc.sock"))

    /// `sun_path` of unix(7), less its final NUL.
    static let maxPathBytes = 107

    /// What to connect to.
    public let endpoint: Endpoint

    init(endpoint: Endpoint) {
        self.endpoint = endpoint
    }

    /// Reads `unix:PATH`, `tcp:HOST:PORT` or `tls:HOST:PORT`; an IPv6 address is in brackets: `tcp:[::1]:PORT`.
    ///
    /// - Throws: code `invalid` with what is wrong and what to write.
    public init(_ text: String) throws(ClientError) {
        if text.hasPrefix("unix:") {
            self.init(endpoint: .unix(path: try Self.path(String(text.dropFirst(5)), in: text)))
        } else if text.hasPrefix("tcp:") {
            let (host, port) = try Self.hostAndPort(String(text.dropFirst(4)), "tcp", in: text)
            self.init(endpoint: .tcp(host: host, port: port))
        } else if text.hasPrefix("tls:") {
            let (host, port) = try Self.hostAndPort(String(text.dropFirst(4)), "tls", in: text)
            self.init(endpoint: .tls(host: host, port: port))
        } else {
            throw ClientError(.invalid, "address \"\(text)\": write unix:PATH, tcp:HOST:PORT or tls:HOST:PORT")
        }
    }

    public var description: String {
        switch endpoint {
        case .unix(let path): "unix:\(path)"
        case .tcp(let host, let port): "tcp:\(Self.hostText(host)):\(port)"
        case .tls(let host, let port): "tls:\(Self.hostText(host)):\(port)"
        }
    }

    private static func hostText(_ host: String) -> String {
        host.contains(":") ? "[\(host)]" : host
    }

    private static func path(_ path: String, in text: String) throws(ClientError) -> String {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw ClientError(.invalid, "address \"\(text)\": the path is missing; write unix:/run/fnrpc/fnrpc.sock")
        }
        guard path.utf8.count <= maxPathBytes else {
            throw ClientError(
                .invalid,
                "address \"\(text)\": the path has \(path.utf8.count) bytes; a Unix socket allows \(maxPathBytes)")
        }
        return path
    }

    private static func hostAndPort(
        _ rest: String, _ scheme: String, in text: String
    ) throws(ClientError) -> (host: String, port: Int) {
        guard let colon = rest.lastIndex(of: ":") else {
            throw ClientError(.invalid, "address \"\(text)\": the port is missing; write \(scheme):HOST:PORT")
        }
        var host = String(rest[..<colon])
        let digits = String(rest[rest.index(after: colon)...])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            throw ClientError(.invalid, "address \"\(text)\": put an IPv6 address in brackets: \(scheme):[::1]:PORT")
        }
        guard !host.isEmpty, !host.utf8.contains(0) else {
            throw ClientError(.invalid, "address \"\(text)\": the host is missing; write \(scheme):HOST:PORT")
        }
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = Int(digits), (1...65_535).contains(port)
        else {
            throw ClientError(.invalid, "address \"\(text)\": \"\(digits)\" is not a port from 1 to 65535")
        }
        return (host, port)
    }
}
