internal import Access
internal import Calls
internal import Glibc
internal import Logging
internal import Loop
internal import Model
internal import Synchronization
internal import Telemetry

/// The listeners, and the connections that come through them. Thread-safe.
// SAFETY: `state` is guarded by its lock; the listeners in it are closed on their loop.
final class Front: @unchecked Sendable {
    private let loops: [EventLoop]
    private let context: SessionContext
    private let counters: Counters
    private let configuration: Configuration
    private let budget: ByteBudget
    private let rules: PeerRules
    /// `nil`: no listener has TLS.
    private let tls: TLSContext?
    private let log: Logger
    private let connectionLimit: Int
    private let state = Lock(State())
    private let nextLoop = Atomic<Int>(0)

    private struct State {
        var listeners: [Listener] = []
        var addresses: [String] = []
        var paths: [String] = []
    }

    init(
        loops: [EventLoop], context: SessionContext, counters: Counters, configuration: Configuration,
        budget: ByteBudget, rules: PeerRules, tls: TLSContext?, log: Logger
    ) {
        self.loops = loops
        self.context = context
        self.counters = counters
        self.configuration = configuration
        self.budget = budget
        self.rules = rules
        self.tls = tls
        self.log = log
        connectionLimit = Self.connectionLimit(configuration, log)
    }

    /// Descriptors that are left for containers, the store and the daemon itself.
    private static let reservedFiles = 1024

    /// `max-connections`, or what the limit on open files leaves room for.
    private static func connectionLimit(_ configuration: Configuration, _ log: Logger) -> Int {
        let wanted = Int(configuration.maxConnections)
        var files = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 else { return wanted }
        let room = max(Int(clamping: files.rlim_cur) - reservedFiles, 16)
        if room < wanted {
            log.warning(
                "max-connections: \(room) instead of \(wanted): only \(files.rlim_cur) files may be open (ulimit -n)")
        }
        return min(room, wanted)
    }

    /// The addresses as clients write them, with the ports that were got.
    var addresses: [String] { state.withLock { $0.addresses } }

    /// Serves every address, or none.
    func listen(_ addresses: [ListenAddress]) async throws(Failure) {
        let group =
            configuration.unixGroup.isEmpty
            ? nil : try Accounts.groupNumber(configuration.unixGroup, field: "unix-group")
        for address in addresses {
            do throws(Failure) {
                try await listen(address, group: group)
            } catch {
                await stopListening()
                throw error
            }
        }
    }

    private func listen(_ address: ListenAddress, group: UInt32?) async throws(Failure) {
        let app = address.app
        switch address.endpoint {
        case .unix(let path):
            try Self.makeParent(of: path)
            let descriptor = try ListeningSocket.unix(path: path, mode: configuration.unixMode, group: group)
            state.withLock { $0.paths.append(path) }
            await serve(descriptor, address)
        case .tcp(let host, let port):
            if configuration.insecureTCP {
                log.warning(
                    "\(address): insecure-tcp: everybody who reaches it administers the daemon, without a token")
            }
            if !address.isLoopback {
                log.warning("\(address): force-plaintext-tcp: tokens and payloads cross the network in clear text")
            }
            let bound = try ListeningSocket.tcp(
                host: host, port: port, loopbackOnly: !configuration.forcePlaintextTCP)
            await serve(bound.descriptor, ListenAddress(.tcp(host: host, port: bound.port), app: app))
        case .tls(let host, let port):
            let bound = try ListeningSocket.tcp(host: host, port: port, loopbackOnly: false)
            await serve(bound.descriptor, ListenAddress(.tls(host: host, port: bound.port), app: app))
        }
    }

    /// Takes no further connections; those that are open go on.
    func stopListening() async {
        let (listeners, paths) = state.withLock { state -> ([Listener], [String]) in
            defer {
                state.listeners = []
                state.paths = []
            }
            return (state.listeners, state.paths)
        }
        for path in paths { unlink(path) }
        let carrier = Carrier(listeners: listeners)
        await withCheckedContinuation { continuation in
            loops[0].post {
                for listener in carrier.listeners { listener.close() }
                continuation.resume()
            }
        }
    }

    /// Lets the answers that wait leave, and closes every connection.
    func closeConnections() async {
        for session in context.sessions.all { session.finish() }
        let deadline = Instant.now().advanced(byNanoseconds: 1_000_000_000)
        while counters.connections.load(ordering: .relaxed) > 0, Instant.now() < deadline {
            try? await Task.sleep(for: .milliseconds(5))
        }
        for session in context.sessions.all { session.close() }
    }

    /// Carries listeners to their loop.
    // SAFETY: used on the listeners' loop only.
    private struct Carrier: @unchecked Sendable {
        let listeners: [Listener]
    }

    private func serve(_ descriptor: Int32, _ address: ListenAddress) async {
        let info = ListenerInfo(
            address: address.description, defaultApp: address.app?.text ?? "", isTLS: address.isTLS)
        await withCheckedContinuation { continuation in
            loops[0].post { [self] in
                let listener = Listener(loop: loops[0], descriptor: descriptor) { [unowned self] socket in
                    self.accept(socket, info)
                }
                state.withLock {
                    $0.listeners.append(listener)
                    // Without its app: what follows `ready` is what clients are given.
                    $0.addresses.append(ListenAddress(address.endpoint).description)
                }
                continuation.resume()
            }
        }
    }

    private func accept(_ socket: AcceptedSocket, _ listener: ListenerInfo) {
        let limit = connectionLimit
        guard counters.connections.load(ordering: .relaxed) < limit else {
            log.warning("\(listener.address): refused a connection: \(limit) are open, the limit (max-connections)")
            Glibc.close(socket.descriptor)
            return
        }
        var options = Connection.Options()
        options.budget = budget
        options.maxStalledOutput = Int(configuration.maxOutputMiB) << 20
        options.maxMovingOutput = Int(configuration.bufferBudgetMiB) << 20
        options.stallNanos = UInt64(configuration.writeTimeout * 1e9)
        options.frameNanos = UInt64(configuration.frameTimeout * 1e9)
        options.firstNanos = UInt64(configuration.handshakeTimeout * 1e9)
        if listener.isTLS {
            do throws(Failure) {
                options.tls = try tls?.makeSession(descriptor: socket.descriptor)
            } catch {
                log.error("\(listener.address): \(error.message)")
                Glibc.close(socket.descriptor)
                return
            }
        }
        counters.connections.change(by: 1)
        let loop = loops[nextLoop.wrappingAdd(1, ordering: .relaxed).newValue % loops.count]
        // Who comes by TLS shows a certificate or a token, whatever plain TCP may do.
        let principal = listener.isTLS ? nil : rules.principal(for: Self.identity(socket.peer))
        loop.run { [self, options] in
            _ = Session(
                loop: loop, descriptor: socket.descriptor, options: options, context: context, listener: listener,
                peer: socket.peer.description, principal: principal)
        }
    }

    private static func identity(_ peer: Peer) -> PeerIdentity {
        switch peer {
        case .unix(let uid, let gid, let groups, _): .unix(uid: uid, gid: gid, groups: groups)
        case .tcp: .tcp
        }
    }

    /// The default socket is in /run, which is empty after a boot.
    private static func makeParent(of path: String) throws(Failure) {
        let parent = "/" + path.split(separator: "/").dropLast().joined(separator: "/")
        guard mkdir(parent, 0o755) == 0 || errno == EEXIST else {
            throw Failure(.precondition, "listen: the folder \(quoted(parent)): \(String(cString: strerror(errno)))")
        }
    }
}
