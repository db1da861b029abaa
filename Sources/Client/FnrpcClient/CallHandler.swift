internal import Model
internal import NIOCore
internal import Wire

/// The frames of one connection. Loop-confined.
final class CallHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Who waits on a stream id.
    struct Waiter {
        enum Target {
            /// A unary call; called exactly once, on the loop.
            case call((CallOutcome) -> Void)
            case stream(StreamInbox, StreamKind)
        }

        let ticket: Ticket
        let timer: Scheduled<Void>?
        let target: Target
    }

    /// A frame of a stream that waits until the connection takes more.
    struct BlockedWrite {
        let ticket: Ticket
        let inbox: StreamInbox
        let frame: ByteBuffer
        let resume: (ClientError?) -> Void
    }

    /// A message that its stream has no room for; nothing is read meanwhile.
    struct Stall {
        let id: UInt32
        let inbox: StreamInbox
        let message: [UInt8]
        let isLast: Bool
        let timer: Scheduled<Void>?
    }

    let address: Address
    let limits: Client.Limits
    let isOpen: OpenFlag
    var context: ChannelHandlerContext?
    var table: CallTable<Waiter>
    var input = FrameInput()
    var blocked = CircularBuffer<BlockedWrite>()
    var stall: Stall?
    /// Whether the channel is gone and what it left in `input` is handed out without regard to room.
    var isDraining = false
    /// The frame of Hello until it is sent, with stream id 0.
    var hello: ByteBuffer?
    var helloID: UInt32?
    /// Why TLS ended the connection; a daemon refuses a client's certificate only after the handshake.
    var refusal: ClientError?
    /// What the peer agreed to.
    var features: Set<String> = []

    /// - Parameters:
    ///   - hello: sent behind the first request.
    ///   - isOpen: cleared when no further call can be sent.
    init(address: Address, limits: Client.Limits, hello: ByteBuffer?, isOpen: OpenFlag) {
        self.address = address
        self.limits = limits
        self.hello = hello
        self.isOpen = isOpen
        table = CallTable(lastID: limits.lastStreamID, limit: limits.pendingCalls)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        input.append(unwrapInboundIn(data))
        readFrames()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        writeBlocked()
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        drain()
        end(
            ClientError(
                .unavailable, "the daemon closed the connection to \(address) before it answered; the call may have run"
            ))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        drain()
        if let described = ConnectFailure(error).describedTLS(address) {
            refusal = described
            fail(described)
        } else {
            fail(ClientError(.unavailable, "the connection to \(address) was lost (\(error)); the call may have run"))
        }
    }

    /// Nothing more comes: what is here already still reaches its streams, at most a socket's buffer over their limits.
    private func drain() {
        isDraining = true
        unstall()
    }

    /// Fails everything that waits and closes the connection.
    func fail(_ error: ClientError) {
        end(error)
        context?.close(promise: nil)
    }

    /// Gives up a call or stream; what still comes for it is ignored. The peer is told if it wants to know.
    func finish(_ ticket: Ticket, _ error: ClientError) {
        let id = ticket.streamID.load(ordering: .acquiring)
        guard id != 0, let waiter = table.take(id) else { return }
        sendCancel(id)
        complete(waiter, .failure(error))
        unstall(id)
        closeIfUsedUp()
    }

    /// Ends a call or stream by what the peer sent.
    func finish(_ id: UInt32, _ outcome: CallOutcome) {
        guard let waiter = table.take(id) else { return }
        complete(waiter, outcome)
        closeIfUsedUp()
    }

    private func complete(_ waiter: Waiter, _ outcome: CallOutcome) {
        waiter.timer?.cancel()
        switch waiter.target {
        case .call(let resume): resume(outcome)
        case .stream(let inbox, let kind):
            switch outcome {
            case .reply(let reply) where kind == .clientStreaming: inbox.end(.response(reply))
            case .reply(let reply):
                // A server that ends a stream by a Response may put its last message there.
                if !reply.payload.isEmpty { inbox.add(reply.payload) }
                inbox.end(.closed(reply.metadata))
            case .failure(let error): inbox.end(.failure(error))
            case .notSent:
                inbox.end(
                    .failure(ClientError(.unavailable, "the daemon at \(address) is stopping; the call did not run")))
            }
            dropBlocked(waiter.ticket, inbox)
        }
    }

    private func end(_ error: ClientError) {
        isOpen.clear()
        helloID = nil
        for waiter in table.end() { complete(waiter, .failure(error)) }
    }

    /// A connection that takes no further calls closes after its last reply.
    private func closeIfUsedUp() {
        if !table.isOpen && table.isEmpty { context?.close(promise: nil) }
    }

    /// The peer takes no further calls; those that it never took can go elsewhere.
    func goAway(lastTaken: UInt32) {
        isOpen.clear()
        table.close()
        for waiter in table.takeAll(above: lastTaken) { complete(waiter, .notSent(why: nil)) }
        closeIfUsedUp()
    }
}
