internal import NIOCore
internal import Wire

/// What goes to the peer.
extension CallHandler {
    /// Sends a call or opens a stream.
    ///
    /// - Parameters:
    ///   - frame: a whole Request frame, with stream id 0.
    ///   - expiry: how long it may take, and the error after that.
    /// - Returns: `nil` if it was sent; else what became of it, and the target hears nothing.
    func open(
        _ frame: ByteBuffer, ticket: Ticket, expiry: (after: TimeAmount, error: ClientError)?, target: Waiter.Target
    ) -> CallOutcome? {
        guard !ticket.isCancelled.load(ordering: .acquiring) else { return .failure(.cancelledByTask) }
        guard let context, context.channel.isActive, isOpen.isSet else { return .notSent(why: refusal) }
        let timer = expiry.map { expiry in
            context.eventLoop.assumeIsolated().scheduleTask(in: expiry.after) { [weak self] in
                guard let self else { return }
                self.finish(ticket, expiry.error)
            }
        }
        let id: UInt32
        do throws(CallTable<Waiter>.Refusal) {
            id = try table.open(Waiter(ticket: ticket, timer: timer, target: target))
        } catch {
            timer?.cancel()
            switch error {
            case .ended: return .notSent(why: nil)
            case .full:
                return .failure(
                    ClientError(.busy, "too many calls wait on the connection to \(address); try again later"))
            }
        }
        ticket.streamID.store(id, ordering: .releasing)
        context.write(wrapOutboundOut(frame.with(streamID: id)), promise: nil)
        sayHello(context)
        if !table.isOpen { isOpen.clear() }
        context.flush()
        return nil
    }

    /// Right behind the first request, so that it costs no round trip.
    private func sayHello(_ context: ChannelHandlerContext) {
        guard let frame = hello else { return }
        hello = nil
        guard let id = table.reserve() else { return }
        helloID = id
        context.write(wrapOutboundOut(frame.with(streamID: id)), promise: nil)
    }

    /// Tells the peer that nobody waits on a stream any more, if it asked for that.
    func sendCancel(_ id: UInt32) {
        guard features.contains(Extension.cancel), let context, context.channel.isActive else { return }
        let frame = context.channel.allocator.frame([], streamID: id, type: Extension.cancelFrame)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    /// Sends a frame of a stream when the connection takes it; frames leave in the order in which they came.
    ///
    /// - Parameters:
    ///   - isUrgent: does not wait; for small frames that let the peer go on.
    ///   - resume: called exactly once, on the loop, when the connection has the frame.
    func write(
        _ frame: ByteBuffer, ticket: Ticket, inbox: StreamInbox, isUrgent: Bool = false,
        resume: @escaping (ClientError?) -> Void
    ) {
        if let end = inbox.ended { return resume(end.sendError) }
        guard let context, table[ticket.streamID.load(ordering: .acquiring)] != nil else {
            return resume(.cancelledByTask)
        }
        guard isUrgent || blocked.isEmpty && context.channel.isWritable else {
            blocked.append(BlockedWrite(ticket: ticket, inbox: inbox, frame: frame, resume: resume))
            return
        }
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
        resume(nil)
    }

    /// Sends what waits, as far as the connection takes it.
    func writeBlocked() {
        guard let context else { return }
        var wroteAny = false
        while context.channel.isWritable, let next = blocked.popFirst() {
            context.write(wrapOutboundOut(next.frame), promise: nil)
            wroteAny = true
            next.resume(nil)
        }
        if wroteAny { context.flush() }
    }

    /// Drops what an ended stream still wanted to send.
    func dropBlocked(_ ticket: Ticket, _ inbox: StreamInbox) {
        guard blocked.contains(where: { $0.ticket === ticket }) else { return }
        let dropped = blocked.filter { $0.ticket === ticket }
        blocked = CircularBuffer(blocked.filter { $0.ticket !== ticket })
        for write in dropped { write.resume(inbox.ended?.sendError) }
    }
}

extension StreamEnd {
    /// What a later send fails with.
    var sendError: ClientError {
        switch self {
        case .failure(let error): error
        case .closed, .response:
            ClientError(.precondition, "the server has ended the stream and takes no more messages")
        }
    }
}

extension ByteBuffer {
    /// The same frame on a stream.
    func with(streamID: UInt32) -> ByteBuffer {
        var copy = self
        // Bytes 4 to 7 of the header.
        copy.setInteger(streamID, at: copy.readerIndex + 4)
        return copy
    }
}

extension ByteBufferAllocator {
    /// A whole frame.
    ///
    /// - Parameter data: at most `FrameHeader.maxLength` bytes.
    func frame(_ data: [UInt8], streamID: UInt32, type: UInt8, flags: UInt8 = 0) -> ByteBuffer {
        var buffer = buffer(capacity: FrameHeader.size + data.count)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: FrameHeader.size) { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            FrameHeader(length: UInt32(data.count), streamID: streamID, type: type, flags: flags).write(to: base)
            return FrameHeader.size
        }
        buffer.writeBytes(data)
        return buffer
    }
}
