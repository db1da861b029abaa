internal import NIOCore
internal import Wire

extension Client {
    /// Opens a stream of any method by its ttrpc name.
    ///
    /// - Parameters:
    ///   - payload: the encoded request message of a server stream; other kinds send theirs on the stream.
    ///   - timeout: for the whole stream, on both ends; `nil`: the daemon's own limits only.
    /// - Returns: a stream whose request was sent; whether the server takes it shows when it is used.
    /// - Throws: as ``call(service:method:payload:metadata:timeout:)``; `invalid` for a payload that belongs on the
    ///   stream.
    public func stream(
        service: String, method: String, kind: StreamKind, payload: [UInt8] = [], metadata: [Header] = [],
        timeout: Duration? = nil
    ) async throws(ClientError) -> ClientStream {
        try await stream(
            service: service, method: method, kind: kind, payload: payload, metadata: metadata, timeout: timeout,
            inboxBytes: StreamInbox.maxBytes)
    }

    /// Opens a stream.
    ///
    /// - Parameter inboxBytes: what may wait for the reader until the connection stops.
    func stream(
        service: String, method: String, kind: StreamKind, payload: [UInt8] = [], metadata: [Header] = [],
        timeout: Duration?, inboxBytes: Int
    ) async throws(ClientError) -> ClientStream {
        let name = "\(service)/\(method)"
        guard kind == .serverStreaming || payload.isEmpty else {
            throw ClientError(.invalid, "\(name): this kind of stream takes its messages by send(), not in the request")
        }
        let expiry = try expiry(timeout, name)
        let nanos = timeout?.clampedNanoseconds ?? 0
        // Go's client and server have no time limit in the Request of a stream; metadata has the same number.
        let limit = timeout == nil ? [] : [Header("fnrpc-timeout", "\(nanos)ns")]
        let request = RequestEncoder(
            service: service, method: method, payload: payload, timeoutNanos: nanos,
            metadata: settings.metadata + limit + metadata, flags: kind.requestFlags)
        for _ in 0..<Self.connectionAttempts {
            let connection = try await connection()
            let ticket = Ticket()
            let inbox = StreamInbox(maxBytes: inboxBytes)
            switch try await connection.open(request, ticket: ticket, inbox: inbox, kind: kind, expiry: expiry) {
            case nil:
                return ClientStream(
                    kind: kind, name: name, connection: connection, ticket: ticket, inbox: inbox, client: self)
            case .failure(let error): throw error
            case .notSent(let why): if let why { throw why }
            // Not a way of opening.
            case .reply: continue
            }
        }
        throw closesAtOnce
    }
}

extension StreamKind {
    /// Flags of the Request frame: whether the client sends Data.
    fileprivate var requestFlags: UInt8 {
        switch self {
        case .serverStreaming: 0x01
        case .clientStreaming, .bidirectional: 0x02
        }
    }
}
