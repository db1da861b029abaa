package import Access
package import Loop
package import Model
internal import Synchronization
package import Telemetry
package import Wire

/// Limits of one client connection; the rest is in ``Connection/Options``.
package struct SessionLimits: Sendable {
    /// Calls and streams that one connection may have open.
    package var maxStreams = 1024
    /// Output that may wait before further calls of the connection are refused, bytes; beyond it, a peer that makes
    /// mistakes is not read until it reads. Its streams together hold as much again before their producers wait.
    package var maxOutputBytes = 8 << 20

    /// Bytes of a request to the daemon's own services; the largest carries a chunk of 256 KiB.
    package var managementBytes = 320 << 10
    /// Messages that wait in one stream for their handler.
    package var inputMessages = 64
    /// Their bytes; a message of any size is taken when none waits.
    package var inputBytes = 1 << 20
    /// Input that all streams of one connection may hold while one of them is stuck, bytes.
    package var connectionInputBytes = 16 << 20
    /// Metadata of a request.
    package var envelope = EnvelopeLimits.standard

    /// Payload of one message of InvokeStream, bytes.
    package static let chunkBytes = 256 << 10
    /// How long a connection is not read when a stream's input is full and nothing of it is taken, milliseconds.
    static let pauseMilliseconds: UInt64 = 20
    /// How long a stream's input may stay full without anything taken, nanoseconds.
    static let stuckNanos: UInt64 = 1_000_000_000
    /// Output of one stream that waits for its turn, bytes; its producer is held up beyond.
    static let outputBytes = 256 << 10

    /// Changes that one connection was not allowed to make and that the audit log takes in a minute.
    static let denials = 60

    package init() {}
}

/// The socket that a connection came through.
package struct ListenerInfo: Sendable {
    /// As it is configured.
    package let address: String
    /// The app of calls that name none; empty: none.
    package let defaultApp: String
    package let isTLS: Bool

    package init(address: String, defaultApp: String, isTLS: Bool) {
        self.address = address
        self.defaultApp = defaultApp
        self.isTLS = isTLS
    }
}

/// What all client connections share. Immutable.
package final class SessionContext: Sendable {
    let dispatcher: Dispatcher
    let methods: MethodTable
    let limits: SessionLimits
    /// Every byte that waits anywhere counts here.
    let budget: ByteBudget
    /// Who holds a bearer token.
    let authenticator: Authenticator
    /// The versions of the daemon's own methods.
    let apiVersions: APIVersions
    /// Who a client certificate's common name is; `nil`: nobody that is known.
    let certificatePrincipal: @Sendable (String) -> Principal?
    /// `fnrpcd VERSION`.
    let serverName: String
    /// One line to the daemon's log.
    let log: @Sendable (String) -> Void
    package let sessions: SessionRegistry

    package init(
        dispatcher: Dispatcher, methods: MethodTable, limits: SessionLimits, budget: ByteBudget,
        sessions: SessionRegistry, authenticator: Authenticator, apiVersions: APIVersions,
        certificatePrincipal: @escaping @Sendable (String) -> Principal?, serverName: String,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.dispatcher = dispatcher
        self.methods = methods
        self.limits = limits
        self.budget = budget
        self.sessions = sessions
        self.authenticator = authenticator
        self.apiVersions = apiVersions
        self.certificatePrincipal = certificatePrincipal
        self.serverName = serverName
        self.log = log
    }

    /// Says that the daemon's buffers are full.
    var noRoom: Failure { dispatcher.noRoom }
}

/// The last token of a connection, so that a caller that shows the same one again costs a comparison. Loop-confined.
struct BearerCache {
    private var text: [UInt8] = []
    private var principal: Principal?
    private var generation: UInt64 = 0

    /// - Parameter text: the whole value of the metadata entry.
    mutating func principal(
        _ text: UnsafeRawBufferPointer, _ authenticator: Authenticator
    ) throws(Failure) -> Principal {
        let now = Timestamp.now()
        // What is compared is what this very connection has shown before; how long that takes tells it nothing.
        if let principal, self.text.count == text.count, self.text.withUnsafeBytes({ $0.elementsEqual(text) }),
            authenticator.confirm(principal, generation: generation, now: now)
        {
            return principal
        }
        principal = nil
        guard let secret = Authenticator.bearer(authorization: text) else {
            throw Failure(.unauthenticated, "authorization: only bearer tokens are understood: Bearer TOKEN")
        }
        generation = authenticator.generation
        let found = try authenticator.principal(bearer: secret, now: now).get()
        self.text = Array(text)
        principal = found
        return found
    }
}

/// Every open client connection. Thread-safe.
package final class SessionRegistry: Sendable {
    private let state = Lock(State())
    private let lastID = Atomic<UInt64>(0)
    private let counters: Counters

    private struct State {
        var open: [UInt64: Session] = [:]
        /// What has passed over those that are closed, bytes.
        var received: UInt64 = 0
        var sent: UInt64 = 0
    }

    package init(counters: Counters) {
        self.counters = counters
    }

    /// All of them, the oldest first.
    package var all: [Session] { state.withLock { $0.open.values.sorted { $0.id < $1.id } } }

    /// What has passed over all connections since the start, bytes; inside TLS. Never less than the last time.
    package var traffic: (received: UInt64, sent: UInt64) {
        var (received, sent, open) = state.withLock { ($0.received, $0.sent, Array($0.open.values)) }
        // Their figures stay when they close meanwhile.
        for session in open {
            let statistics = session.connection?.statistics
            received += statistics?.bytesReceived ?? 0
            sent += statistics?.bytesSent ?? 0
        }
        return (received, sent)
    }

    /// One of them.
    package func session(_ id: UInt64) -> Session? { state.withLock { $0.open[id] } }

    func nextID() -> UInt64 { lastID.wrappingAdd(1, ordering: .relaxed).newValue }

    func add(_ session: Session) { state.withLock { $0.open[session.id] = session } }

    func remove(_ session: Session) {
        // Final: the connection is closed.
        let statistics = session.connection?.statistics
        let wasOpen = state.withLock { state -> Bool in
            guard state.open.removeValue(forKey: session.id) != nil else { return false }
            state.received += statistics?.bytesReceived ?? 0
            state.sent += statistics?.bytesSent ?? 0
            return true
        }
        guard wasOpen else { return }
        counters.connections.change(by: -1)
    }
}
