internal import Glibc
package import Model

/// Accepts connections of one listening socket. Loop-confined.
package final class Listener {
    /// What comes in before it is accepted; the kernel caps it at net.core.somaxconn.
    package static let backlog: Int32 = 4096

    private let loop: EventLoop
    private let descriptor: Int32
    private let onAccept: (Int32) -> Void
    private var watcher: Watcher?
    private var retry: LoopTimer?

    /// - Parameters:
    ///   - descriptor: a bound, listening, nonblocking socket; taken over.
    ///   - onAccept: gets connected, nonblocking, close-on-exec sockets on the loop.
    package init(loop: EventLoop, descriptor: Int32, onAccept: @escaping (Int32) -> Void) {
        self.loop = loop
        self.descriptor = descriptor
        self.onAccept = onAccept
        watcher = Watcher(loop, descriptor) { [unowned self] _ in self.accept() }
        watcher?.watch(.readable)
    }

    /// Stops listening; idempotent.
    package func close() {
        guard let watcher else { return }
        watcher.close()
        self.watcher = nil
        retry?.close()
        retry = nil
        Glibc.close(descriptor)
    }

    private func accept() {
        // Several per turn, but not without end: connections that talk have their turn too.
        for _ in 0..<64 {
            let socket = Glibc.accept(descriptor, nil, nil)
            guard socket >= 0 else {
                if errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM { pause() }
                return
            }
            _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
            _ = fcntl(socket, F_SETFL, O_NONBLOCK)
            onAccept(socket)
        }
    }

    /// No descriptors left: a level-triggered loop would spin, so look again in a moment.
    private func pause() {
        watcher?.watch([])
        let timer = LoopTimer(loop) { [weak self] in
            self?.retry?.close()
            self?.retry = nil
            self?.watcher?.watch(.readable)
        }
        retry = timer
        timer.start(milliseconds: 100)
    }
}

/// Makes listening sockets.
package enum ListeningSocket {
    /// A Unix socket at `path` with mode 0600.
    ///
    /// A leftover socket that nobody serves is replaced; a served one, or a file that is no socket, is refused.
    package static func unix(path: String) throws(Failure) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw Failure(
                .invalid, "listen: the path \(quoted(path)) has \(bytes.count) bytes; at most 107 are allowed")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        try removeLeftover(path, address)
        let descriptor = socket(AF_UNIX, streamType, 0)
        guard descriptor >= 0 else { throw failed("socket", path) }
        let oldMask = umask(0o177)
        let bound = withAddress(&address) { bind(descriptor, $0, $1) }
        umask(oldMask)
        guard bound == 0, chmod(path, 0o600) == 0, listen(descriptor, Listener.backlog) == 0 else {
            let failure = failed("bind", path)
            close(descriptor)
            throw failure
        }
        return descriptor
    }

    /// A TCP socket on a loopback address; gives the port that it got.
    ///
    /// - Parameter port: 0 lets the kernel choose.
    package static func tcp(host: String, port: UInt16) throws(Failure) -> (descriptor: Int32, port: UInt16) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0, let found = list else {
            throw Failure(.invalid, "listen: the host \(quoted(host)) has no address")
        }
        defer { freeaddrinfo(list) }
        guard isLoopback(found.pointee) else {
            throw Failure(
                .invalid,
                "listen: \(quoted(host)) is not a loopback address; TCP is limited to loopback until tokens exist")
        }
        let descriptor = socket(found.pointee.ai_family, streamType, 0)
        guard descriptor >= 0 else { throw failed("socket", "\(host):\(port)") }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard bind(descriptor, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0,
            listen(descriptor, Listener.backlog) == 0
        else {
            let failure = failed("bind", "\(host):\(port)")
            close(descriptor)
            throw failure
        }
        return (descriptor, boundPort(descriptor))
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
