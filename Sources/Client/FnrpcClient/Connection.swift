internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Wire

/// One connection to a daemon. Thread-safe.
final class Connection: Sendable {
    /// What connecting takes, made once for each client.
    struct Settings: Sendable {
        let address: Address
        let limits: Client.Limits
        /// Sent with every request.
        let metadata: [Header]
        /// `nil`: no TLS.
        let tls: TLSTransport?
        /// ``ClientOptions/onWarning``.
        let onWarning: (@Sendable (String) -> Void)?
    }

    private let channel: any Channel
    private let handler: NIOLoopBound<CallHandler>
    private let openFlag: OpenFlag

    private init(channel: any Channel, handler: NIOLoopBound<CallHandler>, openFlag: OpenFlag) {
        self.channel = channel
        self.handler = handler
        self.openFlag = openFlag
    }

    /// Whether further calls can be sent.
    var isOpen: Bool { openFlag.isSet && channel.isActive }

    /// Connects; fails with code `unavailable` and the address.
    static func open(_ settings: Settings) async throws(ClientError) -> Connection {
        let limits = settings.limits
        let openFlag = OpenFlag()
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let hello = try RequestEncoder.hello(settings.metadata).frame(ByteBufferAllocator())
        let timeout = TimeAmount.nanoseconds(limits.connectTimeout.clampedNanoseconds)
        do {
            let handler = try await loop.submit {
                NIOLoopBound(
                    CallHandler(address: settings.address, limits: limits, hello: hello, isOpen: openFlag),
                    eventLoop: loop)
            }.get()
            let secured = loop.makePromise(of: Void.self)
            let bootstrap = ClientBootstrap(group: loop)
                .connectTimeout(timeout)
                .channelOption(
                    .writeBufferWaterMark, value: .init(low: limits.outputBytes / 2, high: limits.outputBytes)
                )
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        if let tls = settings.tls {
                            try pipeline.addHandler(tls.handler())
                            try pipeline.addHandler(TLSHandshake(done: secured, timeout: timeout))
                        }
                        try pipeline.addHandler(handler.value)
                    }
                }
            if settings.tls == nil { secured.succeed() }
            let channel: any Channel
            do {
                switch settings.address.endpoint {
                case .unix(let path): channel = try await bootstrap.connect(unixDomainSocketPath: path).get()
                case .tcp(let host, let port), .tls(let host, let port):
                    channel = try await bootstrap.connect(host: host, port: port).get()
                }
            } catch {
                secured.fail(error)
                throw error
            }
            try await secured.futureResult.get()
            return Connection(channel: channel, handler: handler, openFlag: openFlag)
        } catch {
            throw ConnectFailure(error).described(settings.address)
        }
    }

    /// Sends a call and waits for its end.
    func call(
        _ request: RequestEncoder, expiry: (after: TimeAmount, error: ClientError)?
    ) async throws(ClientError) -> CallOutcome {
        let frame = try request.frame(channel.allocator)
        let ticket = Ticket()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                channel.eventLoop.execute { [handler] in
                    let target = CallHandler.Waiter.Target.call { continuation.resume(returning: $0) }
                    let refused = handler.value.open(frame, ticket: ticket, expiry: expiry, target: target)
                    if let refused { continuation.resume(returning: refused) }
                }
            }
        } onCancel: {
            cancel(ticket)
        }
    }

    /// Opens a stream.
    ///
    /// - Returns: `nil` if it is open.
    func open(
        _ request: RequestEncoder, ticket: Ticket, inbox: StreamInbox, kind: StreamKind,
        expiry: (after: TimeAmount, error: ClientError)?
    ) async throws(ClientError) -> CallOutcome? {
        let frame = try request.frame(channel.allocator)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                channel.eventLoop.execute { [handler] in
                    continuation.resume(
                        returning: handler.value.open(
                            frame, ticket: ticket, expiry: expiry, target: .stream(inbox, kind)))
                }
            }
        } onCancel: {
            cancel(ticket)
        }
    }

    /// Sends a Data frame of a stream; returns when the connection has taken it.
    ///
    /// - Parameter message: at most `FrameHeader.maxLength` bytes.
    func send(
        _ message: [UInt8], flags: UInt8, ticket: Ticket, inbox: StreamInbox
    ) async throws(ClientError) {
        let frame = channel.allocator.frame(
            message, streamID: ticket.streamID.load(ordering: .acquiring), type: FrameHeader.data, flags: flags)
        let failure = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                channel.eventLoop.execute { [handler] in
                    handler.value.write(frame, ticket: ticket, inbox: inbox) { continuation.resume(returning: $0) }
                }
            }
        } onCancel: {
            cancel(ticket)
        }
        if let failure { throw failure }
    }

    /// Sends a small message of a stream without waiting; if the stream has ended, nothing happens.
    func post(_ message: [UInt8], ticket: Ticket, inbox: StreamInbox) {
        let frame = channel.allocator.frame(
            message, streamID: ticket.streamID.load(ordering: .acquiring), type: FrameHeader.data)
        channel.eventLoop.execute { [handler] in
            handler.value.write(frame, ticket: ticket, inbox: inbox, isUrgent: true) { _ in }
        }
    }

    /// Gives up a call or stream.
    func cancel(_ ticket: Ticket) {
        ticket.isCancelled.store(true, ordering: .releasing)
        channel.eventLoop.execute { [handler] in handler.value.finish(ticket, .cancelledByTask) }
    }

    /// The reader of a stream took what left no room.
    func readerMadeRoom(_ inbox: StreamInbox) {
        channel.eventLoop.execute { [handler] in handler.value.readerMadeRoom(inbox) }
    }

    /// Closes; pending calls fail.
    func close() {
        openFlag.clear()
        channel.eventLoop.execute { [handler] in
            handler.value.fail(ClientError(.unavailable, "the client was closed before the reply came"))
        }
    }
}

extension Duration {
    /// Nanoseconds, cut to what 63 bits hold.
    var clampedNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carry ? .max : sum
    }
}
