/// Where a daemon listens: `unix:PATH` or `tcp:HOST:PORT`.
public struct Address: Sendable, Hashable, CustomStringConvertible {
    /// The two kinds of socket.
    public enum Endpoint: Sendable, Hashable {
        /// A Unix socket at a path.
        case unix(path: String)
        /// A TCP port; an IPv6 address is without brackets here.
        case tcp(host: String, port: Int)
    }

    /// Where the daemon listens if nobody says otherwise.
    public static let standard = Address(endpoint: .unix(path: "/run/fnrpc/fnrpc.sock"))

    /// `sun_path` of unix(7), less its final NUL.
    static let maxPathBytes = 107

    /// What to connect to.
    public let endpoint: Endpoint

    private init(endpoint: Endpoint) {
        self.endpoint = endpoint
    }

    /// Reads `unix:PATH`, `tcp:HOST:PORT` or `tcp:[IPV6]:PORT`.
    ///
    /// - Throws: code `invalid` with what is wrong and what to write.
    public init(_ text: String) throws(ClientError) {
        if text.hasPrefix("unix:") {
            self.init(endpoint: .unix(path: try Self.path(String(text.dropFirst(5)), in: text)))
        } else if text.hasPrefix("tcp:") {
            self.init(endpoint: try Self.hostAndPort(String(text.dropFirst(4)), in: text))
        } else {
            throw ClientError(.invalid, "address \"\(text)\": write unix:PATH or tcp:HOST:PORT")
        }
    }

    public var description: String {
        switch endpoint {
        case .unix(let path): "unix:\(path)"
        case .tcp(let host, let port): host.contains(":") ? "tcp:[\(host)]:\(port)" : "tcp:\(host):\(port)"
        }
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

    private static func hostAndPort(_ rest: String, in text: String) throws(ClientError) -> Endpoint {
        guard let colon = rest.lastIndex(of: ":") else {
            throw ClientError(.invalid, "address \"\(text)\": the port is missing; write tcp:HOST:PORT")
        }
        var host = String(rest[..<colon])
        let digits = String(rest[rest.index(after: colon)...])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            throw ClientError(.invalid, "address \"\(text)\": put an IPv6 address in brackets: tcp:[::1]:PORT")
        }
        guard !host.isEmpty, !host.utf8.contains(0) else {
            throw ClientError(.invalid, "address \"\(text)\": the host is missing; write tcp:HOST:PORT")
        }
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = Int(digits), (1...65_535).contains(port)
        else {
            throw ClientError(.invalid, "address \"\(text)\": \"\(digits)\" is not a port from 1 to 65535")
        }
        return .tcp(host: host, port: port)
    }
}
