internal import Model
internal import NIOCore
internal import Wire

/// What the peer sends. Lenient: what is unusual but clear is taken, what is unknown is ignored, and a mistake ends the
/// call that it belongs to, not the connection, as long as the next frame can be found.
extension CallHandler {
    /// Handles every whole frame, unless a stream has no room.
    func readFrames() {
        while stall == nil {
            switch input.next() {
            case .needsMore: return input.compact()
            case .frame(let header, let data): receive(header, data)
            case .tooLong(let header): refuse(header)
            case .foreign(let foreign, let first): return refuse(foreign, first: first)
            }
        }
    }

    private func refuse(_ header: FrameHeader) {
        if header.streamID == helloID { helloID = nil }
        failCall(
            header.streamID,
            ClientError(
                .tooLarge,
                "\(address) answered with a frame of \(header.length) bytes, over ttrpc's limit of "
                    + "\(FrameHeader.maxLength); let the method stream its answer"))
    }

    private func refuse(_ foreign: FrameStep.Foreign, first: UInt8) {
        // An alert of TLS, or its handshake.
        if case .tcp(let host, let port) = address.endpoint, first == 0x15 || first == 0x16 {
            let tls = Address(endpoint: .tls(host: host, port: port))
            return fail(ClientError(.internalError, "\(address) answered with a TLS record; write \(tls)"))
        }
        fail(
            ClientError(.internalError, "\(address) answered with \(foreign.rawValue); fnrpcd does not listen there"))
    }

    /// Frames of other types and on streams that nobody waits on are ignored, as ttrpc asks.
    private func receive(_ header: FrameHeader, _ data: ByteBuffer) {
        switch header.type {
        case FrameHeader.response: receiveResponse(header, data)
        case FrameHeader.data: receiveData(header, data)
        case Extension.goawayFrame where header.streamID == 0 && features.contains(Extension.goaway):
            // Without an id nobody knows what was taken, so everything sent counts as taken.
            goAway(lastTaken: data.getInteger(at: data.readerIndex) ?? .max)
        default: break
        }
    }

    private func receiveResponse(_ header: FrameHeader, _ data: ByteBuffer) {
        let id = header.streamID
        if id == helloID { return receiveHello(data) }
        guard table[id] != nil else { return }
        let outcome = data.withUnsafeReadableBytes { CallOutcome(response: $0) }
        finish(
            id,
            outcome ?? .failure(ClientError(.internalError, "\(address) sent a response that does not parse")))
    }

    /// A peer that does not know Hello answers with an error and speaks plain ttrpc.
    private func receiveHello(_ data: ByteBuffer) {
        helloID = nil
        guard case .reply(let reply)? = data.withUnsafeReadableBytes({ CallOutcome(response: $0) }),
            let response = try? HelloResponse(decoding: reply.payload, strict: false)
        else { return }
        features = Set(response.features)
    }

    private func receiveData(_ header: FrameHeader, _ data: ByteBuffer) {
        let id = header.streamID
        guard let waiter = table[id] else { return }
        guard case .stream(let inbox, let kind) = waiter.target else {
            return failCall(
                id, ClientError(.internalError, "\(address) sent stream data in answer to a call that is no stream"))
        }
        let isLast = header.flags & FrameHeader.remoteClosed != 0
        let hasMessage = header.flags & FrameHeader.noData == 0
        if kind == .clientStreaming {
            return failCall(
                id, ClientError(.internalError, "\(address) sent stream data where one response belongs"))
        }
        guard hasMessage else {
            if isLast { finish(id, .reply(Reply(payload: [], metadata: metadata(inEnd: data)))) }
            return
        }
        deliver(id, inbox, Array(data.readableBytesView), isLast: isLast)
    }

    private func deliver(_ id: UInt32, _ inbox: StreamInbox, _ message: [UInt8], isLast: Bool) {
        guard isDraining || inbox.hasRoom(message.count) else {
            stall = Stall(id: id, inbox: inbox, message: message, isLast: isLast, timer: stallTimer(id))
            setReading(false)
            return
        }
        inbox.add(message)
        if isLast { finish(id, .reply(Reply(payload: [], metadata: []))) }
    }

    /// What the daemon says behind the last message of a stream; other servers say nothing there.
    private func metadata(inEnd data: ByteBuffer) -> [Header] {
        guard case .reply(let reply)? = data.withUnsafeReadableBytes({ CallOutcome(response: $0) }) else { return [] }
        return reply.metadata
    }

    /// Ends a call whose peer made a mistake, and lets the peer know that nobody listens.
    private func failCall(_ id: UInt32, _ error: ClientError) {
        guard let waiter = table[id] else { return }
        finish(waiter.ticket, error)
    }

    // MARK: A stream without room

    private func stallTimer(_ id: UInt32) -> Scheduled<Void>? {
        context?.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(limits.stallTime.clampedNanoseconds)) {
            [weak self] in
            self?.stallExpired(id)
        }
    }

    private func stallExpired(_ id: UInt32) {
        guard let stall, stall.id == id else { return }
        // Nobody else is there to be stopped, so the peer may wait.
        if table.count == 1, table[id] != nil {
            self.stall = Stall(
                id: id, inbox: stall.inbox, message: stall.message, isLast: stall.isLast, timer: stallTimer(id))
            return
        }
        guard let waiter = table[id] else { return unstall(id) }
        finish(
            waiter.ticket,
            ClientError(
                .busy,
                "the stream's messages were not read in time: \(StreamInbox.maxMessages) messages or "
                    + "\(StreamInbox.maxBytes) bytes wait, and other calls share the connection"))
    }

    /// The reader of a stream took something.
    func readerMadeRoom(_ inbox: StreamInbox) {
        if let stall, stall.inbox === inbox { unstall() }
    }

    /// A stream ended; if its message stopped the connection, reading goes on.
    func unstall(_ id: UInt32) {
        if stall?.id == id { unstall() }
    }

    /// Tries again to hand out the message that had no room, and goes on reading.
    func unstall() {
        if let stalled = stall {
            stalled.timer?.cancel()
            stall = nil
            if table[stalled.id] != nil {
                deliver(stalled.id, stalled.inbox, stalled.message, isLast: stalled.isLast)
            }
        }
        if stall == nil { readFrames() }
        if stall == nil { setReading(true) }
    }

    /// Back pressure: the peer's writes fill the socket and then wait.
    private func setReading(_ isReading: Bool) {
        guard let channel = context?.channel, channel.isActive else { return }
        // It fails only on a channel that is closed already.
        try? channel.syncOptions?.setOption(.autoRead, value: isReading)
    }
}
