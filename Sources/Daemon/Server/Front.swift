internal import Calls
internal import Glibc
internal import Logging
internal import Loop
internal import Model
internal import Synchronization
internal import Telemetry

/// The listeners and the sessions that they made. Thread-safe.
// SAFETY: `state` is guarded by its lock; the listeners in it are closed on their loop.
final class Front: @unchecked Sendable {
    private let loops: [EventLoop]
    private let dispatcher: Dispatcher
    private let services: any ServiceRouter
    private let counters: Counters
    private let maxConnections: Int
    private let log: Logger
    private let state = Lock(State())
    private let nextLoop = Atomic<Int>(0)

    private struct State {
        var listeners: [Listener] = []
        var addresses: [String] = []
        var paths: [String] = []
        var sessions: [ObjectIdentifier: Session] = [:]
    }

    init(
        loops: [EventLoop], dispatcher: Dispatcher, services: any ServiceRouter, counters: Counters,
        maxConnections: Int,
        log: Logger
    ) {
        self.loops = loops
        self.dispatcher = dispatcher
        self.services = services
        self.counters = counters
        self.maxConnections = maxConnections
        self.log = log
    }

    /// The addresses as clients write them, with the ports that were got.
    var addresses: [String] { state.withLock { $0.addresses } }

    /// Serves every address, or none.
    func listen(_ addresses: [ListenAddress]) async throws(Failure) {
        for address in addresses {
            do throws(Failure) {
                switch address {
                case .unix(let path):
                    try Self.makeParent(of: path)
                    let descriptor = try ListeningSocket.unix(path: path)
                    state.withLock { $0.paths.append(path) }
                    await serve(descriptor, address)
                case .tcp(let host, let port):
                    let bound = try ListeningSocket.tcp(host: host, port: port)
                    log.warning("\(address): everybody on this machine can administer the daemon through TCP")
                    await serve(bound.descriptor, .tcp(host: host, port: bound.port))
                }
            } catch {
                await close()
                throw error
            }
        }
    }

    /// Stops listening, lets the answers that wait leave, and closes every connection.
    func close() async {
        let (listeners, paths, sessions) = state.withLock { state -> ([Listener], [String], [Session]) in
            defer {
                state.listeners = []
                state.paths = []
            }
            return (state.listeners, state.paths, Array(state.sessions.values))
        }
        for path in paths { unlink(path) }
        for session in sessions { session.finish() }
        let carrier = Carrier(listeners: listeners)
        await withCheckedContinuation { continuation in
            loops[0].post {
                for listener in carrier.listeners { listener.close() }
                continuation.resume()
            }
        }
        let deadline = Instant.now().advanced(byNanoseconds: 1_000_000_000)
        while counters.connections.load(ordering: .relaxed) > 0, Instant.now() < deadline {
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Carries listeners to their loop.
    // SAFETY: used on the listeners' loop only.
    private struct Carrier: @unchecked Sendable {
        let listeners: [Listener]
    }

    private func serve(_ descriptor: Int32, _ address: ListenAddress) async {
        await withCheckedContinuation { continuation in
            loops[0].post { [self] in
                let listener = Listener(loop: loops[0], descriptor: descriptor) { [unowned self] accepted in
                    self.accept(accepted.descriptor, address)
                }
                state.withLock {
                    $0.listeners.append(listener)
                    $0.addresses.append(address.description)
                }
                continuation.resume()
            }
        }
    }

    private func accept(_ socket: Int32, _ address: ListenAddress) {
        guard counters.connections.load(ordering: .relaxed) < maxConnections else {
            log.warning("\(address): refused a connection: \(maxConnections) are open, the limit (max-connections)")
            Glibc.close(socket)
            return
        }
        counters.connections.change(by: 1)
        let loop = loops[nextLoop.wrappingAdd(1, ordering: .relaxed).newValue % loops.count]
        loop.run { [self] in
            let session = Session(
                loop: loop, descriptor: socket, dispatcher: dispatcher, services: services,
                onForeign: { [log] kind in
                    log.warning("\(address): closed a connection: it sent \(kind.rawValue); this address speaks ttrpc")
                },
                onClose: { [weak self] session in
                    guard let self else { return }
                    self.counters.connections.change(by: -1)
                    self.state.withLock { _ = $0.sessions.removeValue(forKey: ObjectIdentifier(session)) }
                })
            state.withLock { $0.sessions[ObjectIdentifier(session)] = session }
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
