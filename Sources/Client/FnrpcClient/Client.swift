internal import Model
internal import NIOCore
internal import Synchronization
internal import Wire

/// A client of one daemon: any number of calls at once over one connection. Thread-safe.
///
/// A lost connection fails the calls that wait on it; the next call connects again. The same happens, without any
/// failure, when a connection has used all its stream ids.
public final class Client: Sendable {
    /// The limits of a client.
    package struct Limits: Sendable {
        /// How long a connect may take.
        package var connectTimeout: Duration = .seconds(5)
        /// The last stream id of a connection; ttrpc has 32 bits for it.
        package var lastStreamID: UInt32 = .max
        /// Most calls that wait on one connection; more are refused with code `busy`.
        package var pendingCalls = 16_384
        /// How much longer than the daemon's clock the local one runs, so that the daemon's answer, which knows the
        /// call's id, comes first.
        package var timeoutGrace: Duration = .milliseconds(100)
        /// How long a stream whose reader does not read may stop the other calls of its connection.
        package var stallTime: Duration = .seconds(1)
        /// Bytes that wait for the peer to read; streams send no more meanwhile.
        package var outputBytes = 512 << 10

        package init() {}
    }

    private struct State {
        var isClosed = false
        var current: Connection?
        var connecting: Task<Result<Connection, ClientError>, Never>?
    }

    /// What it is connected to.
    public var address: Address { settings.address }
    let settings: Connection.Settings
    private let state = Mutex(State())
    /// A call that was not sent may go to another connection; one retry suffices unless connections end at once.
    static let connectionAttempts = 3

    private init(_ settings: Connection.Settings) {
        self.settings = settings
    }

    deinit {
        state.withLock { $0.current }?.close()
    }

    /// Connects to a daemon.
    ///
    /// - Throws: code `unavailable` with the address and the reason; `invalid` for options that cannot be used.
    public static func connect(
        to address: Address, options: ClientOptions = ClientOptions()
    ) async throws(ClientError) -> Client {
        try await connect(to: address, options: options, limits: Limits())
    }

    /// Connects with other limits.
    package static func connect(
        to address: Address, options: ClientOptions = ClientOptions(), limits: Limits
    ) async throws(ClientError) -> Client {
        var tls: TLSTransport?
        if case .tls(let host, _) = address.endpoint {
            tls = try TLSTransport(options.tls ?? TLSOptions(), host: host)
        } else if options.tls != nil {
            throw ClientError(.invalid, "TLS options are given, but \(address) is without TLS; write tls:HOST:PORT")
        }
        let client = Client(
            Connection.Settings(
                address: address, limits: limits, metadata: try options.requestMetadata(), tls: tls,
                onWarning: options.onWarning))
        _ = try await client.connection()
        return client
    }

    /// Calls any method by its ttrpc name.
    ///
    /// - Parameters:
    ///   - payload: the encoded request message.
    ///   - timeout: for the whole call, on both ends; `nil`: the daemon's own limits only.
    /// - Throws: the daemon's error; `tooLarge` before anything is sent if the frame is over 4 MiB; `unavailable` if
    ///   the connection is lost; `timeout`; `cancelled` if the task is.
    public func call(
        service: String, method: String, payload: [UInt8], metadata: [Header] = [], timeout: Duration? = nil
    ) async throws(ClientError) -> Reply {
        let request = RequestEncoder(
            service: service, method: method, payload: payload, timeoutNanos: timeout?.clampedNanoseconds ?? 0,
            metadata: settings.metadata + metadata)
        let expiry = try expiry(timeout, "\(service)/\(method)")
        for _ in 0..<Self.connectionAttempts {
            switch try await connection().call(request, expiry: expiry) {
            case .reply(let reply):
                if let onWarning = settings.onWarning, let text = reply.metadata("\(APIVersions.warningKey)") {
                    onWarning(text)
                }
                return reply
            case .failure(let error): throw error
            case .notSent(let why): if let why { throw why }
            }
        }
        throw closesAtOnce
    }

    /// The local clock of a call.
    func expiry(
        _ timeout: Duration?, _ name: String
    ) throws(ClientError) -> (after: TimeAmount, error: ClientError)? {
        guard let timeout else { return nil }
        guard timeout > .zero else {
            throw ClientError(.timeout, "\(name): the time was up before the call was sent")
        }
        return (
            .nanoseconds((timeout + settings.limits.timeoutGrace).clampedNanoseconds),
            ClientError(.timeout, "\(name): no reply within \(timeout)")
        )
    }

    var closesAtOnce: ClientError {
        ClientError(.unavailable, "\(address) closes every connection at once; look at the daemon's log")
    }

    /// Calls a function.
    ///
    /// - Parameter timeout: as for ``call(service:method:payload:metadata:timeout:)``.
    public func invoke(
        _ target: InvocationTarget, payload: [UInt8], contentType: String = "application/octet-stream",
        headers: [Header] = [], timeout: Duration? = nil
    ) async throws(ClientError) -> Invocation {
        let request = InvokeBody(
            payload: payload, contentType: contentType,
            headers: headers.map { CallHeader(name: $0.name, value: $0.value) })
        let reply = try await call(
            service: "fnrpc.v1.Invocation", method: "Invoke", payload: request.encoded(for: target.encoded),
            timeout: timeout)
        return try Invocation(reply)
    }

    /// Calls a function by its name.
    ///
    /// - Parameters:
    ///   - version: 0 is the function as last deployed.
    ///   - timeout: as for ``call(service:method:payload:metadata:timeout:)``.
    public func invoke(
        app: String, function: String, version: UInt32 = 0, payload: [UInt8],
        contentType: String = "application/octet-stream", headers: [Header] = [], timeout: Duration? = nil
    ) async throws(ClientError) -> Invocation {
        try await invoke(
            .function(app: app, name: function, revision: .version(version)), payload: payload,
            contentType: contentType, headers: headers, timeout: timeout)
    }

    /// Asks whether the daemon serves; waits 30 s at most.
    public func health() async throws(ClientError) -> Health {
        let response: HealthCheckResponse = try await call(
            "grpc.health.v1.Health", "Check", HealthCheckRequest(), timeout: .seconds(30))
        return switch response.status {
        case .serving: .serving
        case .notServing: .notServing
        case .unknown, .serviceUnknown: .unknown
        }
    }

    /// Closes the connection; pending and later calls fail with code `unavailable`.
    public func close() async {
        let connection = state.withLock { state -> Connection? in
            state.isClosed = true
            defer { state.current = nil }
            return state.current
        }
        connection?.close()
    }

    /// The open connection, or a new one; callers at the same time share the attempt.
    func connection() async throws(ClientError) -> Connection {
        enum Step {
            case use(Connection)
            case wait(Task<Result<Connection, ClientError>, Never>)
            case refuse
        }
        let step = state.withLock { state -> Step in
            if state.isClosed { return .refuse }
            if let current = state.current, current.isOpen { return .use(current) }
            if let connecting = state.connecting { return .wait(connecting) }
            let task = Task { await self.reconnect() }
            state.connecting = task
            return .wait(task)
        }
        switch step {
        case .use(let connection): return connection
        case .wait(let task): return try await task.value.get()
        case .refuse: throw ClientError(.unavailable, "the client is closed")
        }
    }

    private func reconnect() async -> Result<Connection, ClientError> {
        let result: Result<Connection, ClientError>
        do throws(ClientError) {
            result = .success(try await Connection.open(settings))
        } catch {
            result = .failure(error)
        }
        let isClosed = state.withLock { state -> Bool in
            state.connecting = nil
            if case .success(let connection) = result, !state.isClosed { state.current = connection }
            return state.isClosed
        }
        if case .success(let connection) = result, isClosed { connection.close() }
        return result
    }
}
