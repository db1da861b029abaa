/// Where a syslog server listens, out of a URL: `udp://HOST[:PORT]`, `tcp://HOST[:PORT]`, `tcp+tls://HOST[:PORT]`,
/// `unix:///PATH` for a stream, `unixgram:///PATH` for datagrams. An IPv6 address stands in brackets.
package struct SyslogAddress: Hashable, Sendable {
    package enum Transport: String, Sendable, CaseIterable {
        case udp
        case tcp
        case tls = "tcp+tls"
        case unix
        case unixgram

        /// As the services are registered; 0: it has none.
        var port: UInt16 {
            switch self {
            case .udp: 514
            case .tcp: 601
            case .tls: 6514
            case .unix, .unixgram: 0
            }
        }

        /// Whether what is sent keeps its borders.
        package var isDatagram: Bool { self == .udp || self == .unixgram }
    }

    package let transport: Transport
    /// A name or an address; of Unix sockets the path.
    package let host: String
    /// 0: a Unix socket.
    package let port: UInt16

    /// Reads a URL.
    ///
    /// - Throws: `invalid` with what is wrong with it.
    package init(_ url: String) throws(Failure) {
        func failure(_ problem: String) -> Failure { Failure(.invalid, "syslog_url: \(quoted(url)) \(problem)") }
        let parts = url.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let transport = Transport(rawValue: String(parts[0])), parts[1].hasPrefix("//") else {
            let known = Transport.allCases.map(\.rawValue).joined(separator: ", ")
            throw failure("is not understood; write SCHEME://ADDRESS with one of: \(known)")
        }
        self.transport = transport
        let rest = parts[1].dropFirst(2)
        guard transport != .unix && transport != .unixgram else {
            guard rest.hasPrefix("/"), rest.utf8.count < 108 else {
                throw failure("names no absolute path of less than 108 bytes")
            }
            (host, port) = (String(rest), 0)
            return
        }
        var name = rest
        var digits: Substring?
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
            name = rest[rest.index(after: rest.startIndex)..<end]
            let behind = rest[rest.index(after: end)...]
            guard behind.isEmpty || behind.hasPrefix(":") else { throw failure("has something behind its address") }
            if !behind.isEmpty { digits = behind.dropFirst() }
        } else if let colon = rest.firstIndex(of: ":") {
            name = rest[..<colon]
            digits = rest[rest.index(after: colon)...]
        }
        guard !name.isEmpty, !name.contains("/"), !name.contains("@") else { throw failure("names no host") }
        host = String(name)
        guard let digits else {
            port = transport.port
            return
        }
        guard let port = UInt16(digits), port > 0 else { throw failure("has no port from 1 to 65535") }
        self.port = port
    }
}
