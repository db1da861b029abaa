internal import COpenSSL
internal import Glibc
internal import Model

/// A connection to a syslog server. Blocks, for a bounded time. Confined to one thread.
final class SyslogConnection {
    /// For connecting, and for each write, seconds.
    private static let timeoutSeconds = 3

    private let descriptor: Int32
    private let transport: SyslogAddress.Transport
    private var ssl: OpaquePointer?

    /// Connects.
    ///
    /// - Throws: `unavailable` with why it cannot.
    init(_ address: SyslogAddress, caFile: String) throws(Failure) {
        transport = address.transport
        descriptor =
            address.port == 0
            ? try Self.connectUnix(address.host, isDatagram: transport.isDatagram) : try Self.connectHost(address)
        guard transport == .tls else { return }
        do throws(Failure) { ssl = try Self.handshake(descriptor, address.host, caFile) } catch {
            close(descriptor)
            throw error
        }
    }

    deinit {
        if let ssl {
            SSL_shutdown(ssl)
            SSL_free(ssl)
        }
        close(descriptor)
    }

    /// Whether the server has not closed it: what is written after that is lost without a word.
    var isOpen: Bool {
        if transport.isDatagram { return true }
        var byte: UInt8 = 0
        let count = recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
        return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))
    }

    /// Sends a message, framed as its transport wants it; `false`: it did not get there, and nothing else will.
    func send(_ message: [UInt8]) -> Bool {
        if transport.isDatagram { return write(message) == message.count }
        // Octet counting, RFC 6587 and RFC 5425.
        let frame = Array("\(message.count) ".utf8) + message
        var done = 0
        while done < frame.count {
            let count = write(Array(frame[done...]))
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    private func write(_ bytes: [UInt8]) -> Int {
        if let ssl { return Int(SSL_write(ssl, bytes, Int32(bytes.count))) }
        while true {
            let count = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            if count < 0 && errno == EINTR { continue }
            return count
        }
    }

    // MARK: - Connecting

    private static func unavailable(_ problem: String) -> Failure { Failure(.unavailable, problem) }

    private static func socket(_ family: Int32, isDatagram: Bool) throws(Failure) -> Int32 {
        let type = isDatagram ? SOCK_DGRAM : SOCK_STREAM
        let descriptor = Glibc.socket(family, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw unavailable("no socket: \(String(cString: strerror(errno)))") }
        // Holds for connecting as well.
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        for option in [SO_SNDTIMEO, SO_RCVTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
        }
        return descriptor
    }

    private static func connectUnix(_ path: String, isDatagram: Bool) throws(Failure) -> Int32 {
        let descriptor = try socket(AF_UNIX, isDatagram: isDatagram)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let code = errno
            close(descriptor)
            throw unavailable("cannot connect: \(String(cString: strerror(code)))")
        }
        return descriptor
    }

    private static func connectHost(_ address: SyslogAddress) throws(Failure) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32((address.transport.isDatagram ? SOCK_DGRAM : SOCK_STREAM).rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(address.host, String(address.port), &hints, &found)
        guard code == 0 else {
            throw unavailable("host \(quoted(address.host)): \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(found) }
        var problem = "it has no address"
        var next = found
        while let candidate = next?.pointee {
            next = candidate.ai_next
            let descriptor = try socket(candidate.ai_family, isDatagram: address.transport.isDatagram)
            if connect(descriptor, candidate.ai_addr, candidate.ai_addrlen) == 0 { return descriptor }
            // A connection that times out is still in progress.
            problem = errno == EINPROGRESS ? "no answer in \(timeoutSeconds) s" : String(cString: strerror(errno))
            close(descriptor)
        }
        throw unavailable("cannot connect: \(problem)")
    }

    private static func handshake(
        _ descriptor: Int32, _ host: String, _ caFile: String
    ) throws(Failure) -> OpaquePointer {
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw unavailable("TLS: no context") }
        // The session keeps it.
        defer { SSL_CTX_free(context) }
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        let trusted =
            caFile.isEmpty
            ? SSL_CTX_set_default_verify_paths(context) : SSL_CTX_load_verify_locations(context, caFile, nil)
        guard trusted == 1 else { throw unavailable("TLS: the file of authorities \(quoted(caFile)): \(sslError())") }
        guard let ssl = SSL_new(context), SSL_set_fd(ssl, descriptor) == 1 else {
            throw unavailable("TLS: no session: \(sslError())")
        }
        let parameters = SSL_get0_param(ssl)
        if X509_VERIFY_PARAM_set1_ip_asc(parameters, host) != 1 {
            ERR_clear_error()
            SSL_set1_host(ssl, host)
            _ = host.withCString {
                SSL_ctrl(
                    ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name),
                    UnsafeMutableRawPointer(mutating: $0))
            }
        }
        guard SSL_connect(ssl) == 1 else {
            let problem = sslError()
            SSL_free(ssl)
            throw unavailable("TLS: \(problem)")
        }
        return ssl
    }

    private static func sslError() -> String {
        let code = ERR_get_error()
        guard code != 0 else { return "the connection was lost or took longer than \(timeoutSeconds) s" }
        var buffer = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &buffer, buffer.count)
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
