internal import Model
internal import NIOCore
internal import Synchronization
internal import Wire

/// One call that waits, as both the caller's task and the event loop see it. Thread-safe.
final class Ticket: Sendable {
    /// Set by the task before it tells the loop, so that a cancel which overtakes the send is not lost.
    let isCancelled = Atomic<Bool>(false)
}

/// What became of a call on one connection.
enum CallOutcome: Sendable {
    /// The peer answered with success.
    case reply(Reply)
    /// The call failed, or nobody knows whether it ran.
    case failure(ClientError)
    /// Nothing was sent: the connection was closed or had no ids left. It is safe to try another one.
    case notSent
}

/// The frames of one connection. Loop-confined.
final class CallHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct Waiter {
        let ticket: Ticket
        let timer: Scheduled<Void>?
        let resume: (CallOutcome) -> Void
    }

    private let address: Address
    private let isOpen: OpenFlag
    private var table: CallTable<Waiter>
    private var input = ByteBuffer()
    private var context: ChannelHandlerContext?

    /// - Parameter isOpen: cleared when no further call can be sent.
    init(address: Address, limits: Client.Limits, isOpen: OpenFlag) {
        self.address = address
        self.isOpen = isOpen
        table = CallTable(lastID: limits.lastStreamID, limit: limits.pendingCalls)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    /// Sends a call.
    ///
    /// - Parameters:
    ///   - frame: a whole frame, with stream id 0.
    ///   - expiry: how long to wait for the reply, and the error after that.
    ///   - resume: called exactly once, on the loop.
    func send(
        _ frame: ByteBuffer, ticket: Ticket, expiry: (after: TimeAmount, error: ClientError)?,
        resume: @escaping (CallOutcome) -> Void
    ) {
        guard !ticket.isCancelled.load(ordering: .acquiring) else { return resume(.failure(.cancelledByTask)) }
        guard let context, context.channel.isActive else { return resume(.notSent) }
        var id: UInt32 = 0
        let timer = expiry.map { expiry in
            context.eventLoop.assumeIsolated().scheduleTask(in: expiry.after) { [weak self] in
                guard let self else { return }
                self.finish(ticket, .failure(expiry.error))
            }
        }
        do throws(CallTable<Waiter>.Refusal) {
            id = try table.open(Waiter(ticket: ticket, timer: timer, resume: resume))
        } catch {
            timer?.cancel()
            switch error {
            case .ended: return resume(.notSent)
            case .full:
                return resume(
                    .failure(ClientError(.busy, "too many calls wait on the connection to \(address); try again later"))
                )
            }
        }
        if !table.isOpen { isOpen.clear() }
        var frame = frame
        // Bytes 4 to 7 of the header.
        frame.setInteger(id, at: frame.readerIndex + 4)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    /// Drops the caller of a call; its reply, if one comes, is ignored.
    func finish(_ ticket: Ticket, _ outcome: CallOutcome) {
        guard let waiter = table.take(where: { $0.ticket === ticket }) else { return }
        complete(waiter, outcome)
        closeIfUsedUp()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var incoming = unwrapInboundIn(data)
        if input.readableBytes == 0 { input = incoming } else { input.writeBuffer(&incoming) }
        while context.channel.isActive, let frame = nextFrame() { receive(frame.header, frame.data) }
        if input.readableBytes == 0 { input.clear() } else { input.discardReadBytes() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(
            ClientError(
                .unavailable, "the daemon closed the connection to \(address) before it answered; the call may have run"
            ))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(ClientError(.unavailable, "the connection to \(address) was lost (\(error)); the call may have run"))
    }

    /// Fails every pending call and closes the connection.
    func fail(_ error: ClientError) {
        end(error)
        context?.close(promise: nil)
    }

    /// The next whole frame; `nil` if there is none yet, or the connection had to be closed.
    private func nextFrame() -> (header: FrameHeader, data: ByteBuffer)? {
        switch input.withUnsafeReadableBytes({ FrameStep($0) }) {
        case .incomplete: return nil
        case .foreign(let foreign):
            fail(
                ClientError(
                    .internalError, "\(address) answered with \(foreign.rawValue); fnrpcd does not listen there"))
            return nil
        case .tooLong(let header):
            fail(
                ClientError(
                    .internalError,
                    "\(address) sent a frame of \(header.length) bytes, over the limit of \(FrameHeader.maxLength); "
                        + "the connection was closed"))
            return nil
        case .frame(let header):
            input.moveReaderIndex(forwardBy: FrameHeader.size)
            guard let data = input.readSlice(length: Int(header.length)) else { return nil }
            return (header, data)
        }
    }

    /// Frames of other types and on streams that nobody waits on are ignored, as ttrpc asks.
    private func receive(_ header: FrameHeader, _ data: ByteBuffer) {
        guard header.type == FrameHeader.response, let waiter = table.take(header.streamID) else { return }
        guard let outcome = data.withUnsafeReadableBytes({ CallOutcome(response: $0) }) else {
            let error = ClientError(
                .internalError, "\(address) sent a response that does not parse; the connection was closed")
            complete(waiter, .failure(error))
            return fail(error)
        }
        complete(waiter, outcome)
        closeIfUsedUp()
    }

    private func complete(_ waiter: Waiter, _ outcome: CallOutcome) {
        waiter.timer?.cancel()
        waiter.resume(outcome)
    }

    private func end(_ error: ClientError) {
        isOpen.clear()
        for waiter in table.end() { complete(waiter, .failure(error)) }
    }

    /// A connection whose ids are used up closes after its last reply.
    private func closeIfUsedUp() {
        if !table.isOpen && table.isEmpty { context?.close(promise: nil) }
    }
}

/// Whether a connection takes further calls. Thread-safe.
final class OpenFlag: Sendable {
    private let value = Atomic<Bool>(true)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func clear() { value.store(false, ordering: .releasing) }
}

extension ClientError {
    static let cancelledByTask = ClientError(.cancelled, "the call was cancelled; it may have run")
}

extension CallOutcome {
    /// Reads the data of a Response frame; `nil` if it does not parse.
    init?(response bytes: UnsafeRawBufferPointer) {
        guard let envelope = try? ResponseEnvelope(scanning: bytes) else { return nil }
        let metadata = envelope.metadata.map { Header($0.key, $0.value) }
        if envelope.code == 0 {
            self = .reply(Reply(payload: Array(envelope.payload), metadata: metadata))
            return
        }
        let reason = String(decoding: envelope.reason, as: UTF8.self)
        let code = ClientError.Code(rawValue: reason) ?? ClientError.Code(Failure.Code(status: envelope.code))
        var message = String(decoding: envelope.message, as: UTF8.self)
        if message.isEmpty { message = "the daemon gave status \(envelope.code) without a message" }
        let callID = metadata.last { $0.name == "fn-call-id" }?.value
        self = .failure(ClientError(code, message, callID: callID))
    }
}
