internal import Glibc
package import Model

/// Makes listening sockets.
package enum ListeningSocket {
    /// A Unix socket at `path`.
    ///
    /// A leftover socket that nobody serves is replaced; a served one, or a file that is no socket, is refused. Nobody
    /// whom `mode` and `group` shut out can connect at any moment.
    ///
    /// - Parameters:
    ///   - path: at most 107 bytes.
    ///   - mode: permissions, 0 to 0o777; who may write may connect.
    ///   - group: the file's group id; `nil`: the daemon's.
    package static func unix(path: String, mode: UInt32 = 0o600, group: UInt32? = nil) throws(Failure) -> Int32 {
        guard mode <= 0o777 else {
            throw Failure(
                .invalid, "listen: the mode 0\(String(mode, radix: 8)) of \(quoted(path)) must be 0 to 0777")
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.isEmpty, !bytes.contains(0) else {
            throw Failure(
                .invalid, "listen: the path \(quoted(path)) has \(bytes.count) bytes; 1 to 107 without NUL are allowed")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        try removeLeftover(path, address)
        let descriptor = socket(AF_UNIX, streamType, 0)
        guard descriptor >= 0 else { throw failed("socket", path) }
        let oldMask = umask(0o177)
        let bound = withAddress(&address) { bind(descriptor, $0, $1) }
        let failure = bound == 0 ? nil : failed("bind", path)
        umask(oldMask)
        if let failure {
            close(descriptor)
            throw failure
        }
        do throws(Failure) {
            // Nobody can connect before `listen`.
            if let group, chown(path, uid_t.max, group) != 0 { throw failed("group \(group)", path) }
            guard chmod(path, mode) == 0 else { throw failed("mode", path) }
            guard listen(descriptor, Listener.backlog) == 0 else { throw failed("listen", path) }
        } catch {
            close(descriptor)
            unlink(path)
            throw error
        }
        return descriptor
    }

    /// A TCP socket; gives the port that it got.
    ///
    /// - Parameters:
    ///   - host: a name or a numeric address; of several addresses the first.
    ///   - port: 0 lets the kernel choose.
    ///   - loopbackOnly: refuse every other address.
    package static func tcp(
        host: String, port: UInt16, loopbackOnly: Bool = true
    ) throws(Failure) -> (descriptor: Int32, port: UInt16) {
        guard let list = resolve(host, port) else {
            throw Failure(.invalid, "listen: the host \(quoted(host)) has no address")
        }
        defer { freeaddrinfo(list) }
        let found = list.pointee
        guard !loopbackOnly || isLoopback(found) else {
            throw Failure(.invalid, "listen: \(quoted(host)) is not a loopback address")
        }
        let descriptor = socket(found.ai_family, streamType, 0)
        guard descriptor >= 0 else { throw failed("socket", "\(host):\(port)") }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard bind(descriptor, found.ai_addr, found.ai_addrlen) == 0, listen(descriptor, Listener.backlog) == 0 else {
            let failure = failed("bind", "\(host):\(port)")
            close(descriptor)
            throw failure
        }
        return (descriptor, boundPort(descriptor))
    }

    /// Whether every address of `host` is one that only this machine reaches; `false` if it has none.
    package static func isLoopback(host: String) -> Bool {
        guard let list = resolve(host, 0) else { return false }
        defer { freeaddrinfo(list) }
        var next: UnsafeMutablePointer<addrinfo>? = list
        while let info = next {
            if !isLoopback(info.pointee) { return false }
            next = info.pointee.ai_next
        }
        return true
    }

    private static func resolve(_ host: String, _ port: UInt16) -> UnsafeMutablePointer<addrinfo>? {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        return getaddrinfo(host, String(port), &hints, &list) == 0 ? list : nil
    }

    private static let streamType = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)

    private static func removeLeftover(_ path: String, _ address: sockaddr_un) throws(Failure) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw Failure(.precondition, "listen: \(quoted(path)) exists and is not a socket; choose another path")
        }
        let probe = socket(AF_UNIX, streamType, 0)
        guard probe >= 0 else { throw failed("socket", path) }
        defer { close(probe) }
        var address = address
        let connected = withAddress(&address) { connect(probe, $0, $1) }
        guard connected != 0, errno == ECONNREFUSED else {
            throw Failure(.precondition, "listen: \(quoted(path)) is served by another process")
        }
        unlink(path)
    }

    private static func isLoopback(_ info: addrinfo) -> Bool {
        guard let raw = info.ai_addr else { return false }
        switch info.ai_family {
        case AF_INET:
            return raw.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                UInt32(bigEndian: $0.pointee.sin_addr.s_addr) >> 24 == 127
            }
        case AF_INET6:
            return raw.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                withUnsafeBytes(of: pointer.pointee.sin6_addr) { $0.dropLast().allSatisfy { $0 == 0 } && $0[15] == 1 }
            }
        default: return false
        }
    }

    private static func boundPort(_ descriptor: Int32) -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            let raw = UnsafeMutableRawPointer(pointer)
            guard getsockname(descriptor, raw.assumingMemoryBound(to: sockaddr.self), &length) == 0 else { return 0 }
            // The port is at the same place for IPv4 and IPv6.
            return UInt16(bigEndian: raw.load(fromByteOffset: 2, as: UInt16.self))
        }
    }

    private static func withAddress(
        _ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func failed(_ call: String, _ target: String) -> Failure {
        Failure(.precondition, "listen: \(call) \(target): \(String(cString: strerror(errno)))")
    }
}
