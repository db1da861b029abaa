import Glibc
import Loop
import Model
import Testing

@Suite struct ListenerTests {
    /// Accepts one connection to `listening`.
    private func accept(_ listening: Int32, _ dial: () -> Int32) async -> (AcceptedSocket?, Int32) {
        let bench = Bench()
        let accepted = Lock<AcceptedSocket?>(nil)
        let listener = Lock<Listener?>(nil)
        await bench.run { [loop = bench.loop] in
            let made = Listener(loop: loop, descriptor: listening) { socket in
                accepted.withLock { $0 = socket }
            }
            listener.withLock { $0 = made }
        }
        let far = dial()
        await bench.until({ accepted.withLock { $0 != nil } }, "nothing was accepted")
        await bench.run { listener.withLock { $0?.close() } }
        return (accepted.withLock { $0 }, far)
    }

    private func connectUnix(_ path: String) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(result == 0)
        return descriptor
    }

    private func option(_ descriptor: Int32, _ level: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = -1
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, level, name, &value, &size)
        return value
    }

    @Test func unixPeersAreNamedByTheKernel() async throws {
        let path = "/tmp/fnrpc-listener-\(getpid()).sock"
        defer { unlink(path) }
        let (socket, far) = await accept(try ListeningSocket.unix(path: path)) { connectUnix(path) }
        let accepted = try #require(socket)
        defer {
            close(far)
            close(accepted.descriptor)
        }
        var groups = [gid_t](repeating: 0, count: 65_536)
        let count = Int(getgroups(Int32(groups.count), &groups))
        #expect(
            accepted.peer
                == .unix(uid: geteuid(), gid: getegid(), groups: Array(groups.prefix(count)), pid: getpid()))
        #expect(fcntl(accepted.descriptor, F_GETFL) & O_NONBLOCK != 0)
        #expect(fcntl(accepted.descriptor, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test(arguments: ["127.0.0.1", "::1"])
    func tcpPeersAreTunedAndNamed(host: String) async throws {
        guard host != "::1" || access("/proc/sys/net/ipv6/conf/lo/disable_ipv6", F_OK) == 0 else { return }
        guard let bound = try? ListeningSocket.tcp(host: host, port: 0) else {
            #expect(host == "::1", "only IPv6 may be missing")
            return
        }
        let (socket, far) = await accept(bound.descriptor) { connectTCP(host, bound.port) }
        let accepted = try #require(socket)
        defer {
            close(far)
            close(accepted.descriptor)
        }
        guard case .tcp(let name, let port) = accepted.peer else {
            Issue.record("the peer is \(accepted.peer)")
            return
        }
        #expect(name == host && port > 0 && port != bound.port)
        let tcp = Int32(IPPROTO_TCP)
        #expect(option(accepted.descriptor, tcp, TCP_NODELAY) == 1)
        #expect(option(accepted.descriptor, SOL_SOCKET, SO_KEEPALIVE) == 1)
        #expect(option(accepted.descriptor, tcp, TCP_KEEPIDLE) == 60)
        #expect(option(accepted.descriptor, tcp, TCP_KEEPINTVL) == 10)
        #expect(option(accepted.descriptor, tcp, TCP_KEEPCNT) == 6)
        #expect(option(accepted.descriptor, tcp, TCP_USER_TIMEOUT) == 60_000)
        #expect(fcntl(accepted.descriptor, F_GETFL) & O_NONBLOCK != 0)
    }

    private func connectTCP(_ host: String, _ port: UInt16) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0, let info = list?.pointee else { return -1 }
        defer { freeaddrinfo(list) }
        let descriptor = socket(info.ai_family, info.ai_socktype, 0)
        #expect(connect(descriptor, info.ai_addr, info.ai_addrlen) == 0)
        return descriptor
    }

    @Test func unixSocketsGetTheirModeAndGroup() throws {
        let path = "/tmp/fnrpc-mode-\(getpid()).sock"
        defer { unlink(path) }
        let descriptor = try ListeningSocket.unix(path: path, mode: 0o660, group: getegid())
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o660 && status.st_gid == getegid())
        close(descriptor)
        #expect(throws: Failure.self) { try ListeningSocket.unix(path: path, mode: 0o1777) }
        #expect(throws: Failure.self) { try ListeningSocket.unix(path: "") }
        #expect(throws: Failure.self) { try ListeningSocket.unix(path: String(repeating: "x", count: 108)) }
    }

    @Test func loopbackIsToldFromTheRest() throws {
        for host in ["127.0.0.1", "127.9.9.9", "::1", "localhost"] {
            #expect(ListeningSocket.isLoopback(host: host), "\(host)")
        }
        for host in ["0.0.0.0", "::", "192.0.2.1", "no-such-host.invalid", ""] {
            #expect(!ListeningSocket.isLoopback(host: host), "\(host)")
        }
        #expect(throws: Failure.self) { try ListeningSocket.tcp(host: "0.0.0.0", port: 0, loopbackOnly: true) }
        let bound = try ListeningSocket.tcp(host: "0.0.0.0", port: 0, loopbackOnly: false)
        #expect(bound.port > 0)
        close(bound.descriptor)
    }
}
