package import Loop
package import Model
package import Wire

/// One client connection: frames in, answers out.
///
/// Reading is confined to the connection's loop; answering is thread-safe.
// SAFETY: `connection` is set once before input can come; `state` is guarded; `skip` is loop-confined.
package final class Session: ConnectionOwner, @unchecked Sendable {
    /// Unary calls that one connection may have open, invocations and management together.
    package static let maxCalls = 1024
    /// Bytes of a management request; the largest carries a chunk of 256 KiB.
    package static let maxManagementBytes = 320 << 10

    let dispatcher: Dispatcher
    private let services: any ServiceRouter
    private var connection: Connection?
    private let state = Lock(State())
    /// Bytes of an oversized frame that are still to be thrown away.
    private var skip = 0
    private let onClose: @Sendable (Session) -> Void
    private let onForeign: @Sendable (FrameStep.Foreign) -> Void

    private struct State {
        /// Open calls; `nil` marks one of the daemon's own services.
        var open: [UInt32: Call?] = [:]
        var isClosed = false
    }

    /// - Parameters:
    ///   - onForeign: the peer does not speak ttrpc; called before the connection closes.
    ///   - onClose: called once, on the loop.
    package init(
        loop: EventLoop, descriptor: Int32, dispatcher: Dispatcher, services: any ServiceRouter,
        onForeign: @escaping @Sendable (FrameStep.Foreign) -> Void, onClose: @escaping @Sendable (Session) -> Void
    ) {
        self.dispatcher = dispatcher
        self.services = services
        self.onForeign = onForeign
        self.onClose = onClose
        connection = Connection(loop: loop, descriptor: descriptor, owner: self)
    }

    /// Closes after the answers that wait have left. Thread-safe.
    package func finish() {
        connection?.finish()
    }

    package func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) -> InputStep {
        var done = min(skip, bytes.count)
        skip -= done
        while skip == 0 {
            switch FrameStep(UnsafeRawBufferPointer(rebasing: bytes[done...])) {
            case .incomplete(let needed): return .consumed(done, needed: needed)
            case .foreign(let kind):
                onForeign(kind)
                return .close
            case .tooLong(let header):
                // Far beyond the limit nobody means it; a little beyond, the peer deserves an answer.
                guard header.length <= 16 << 20 else { return .close }
                refuse(
                    header.streamID,
                    Failure(
                        .tooLarge,
                        "message length \(header.length) exceed maximum message size of \(FrameHeader.maxLength)"))
                let present = min(bytes.count - done, FrameHeader.size + Int(header.length))
                skip = FrameHeader.size + Int(header.length) - present
                done += present
            case .frame(let header):
                let start = done + FrameHeader.size
                done = start + Int(header.length)
                handle(header, UnsafeRawBufferPointer(rebasing: bytes[start..<done]))
            }
        }
        return .consumed(done, needed: 0)
    }

    package func connectionClosed(_ connection: Connection) {
        let open = state.withLock { state -> [Call?] in
            state.isClosed = true
            defer { state.open = [:] }
            return Array(state.open.values)
        }
        for call in open { if let call { dispatcher.callerLeft(call) } }
        onClose(self)
    }

    private func handle(_ header: FrameHeader, _ data: UnsafeRawBufferPointer) {
        switch header.type {
        case FrameHeader.request: break
        case FrameHeader.data:
            return refuse(header.streamID, Failure(.invalid, "stream \(header.streamID): unary calls take no data"))
        default: return
        }
        guard header.streamID % 2 == 1 else {
            return refuse(header.streamID, Failure(.invalid, "stream id \(header.streamID): must be odd"))
        }
        let envelope: RequestEnvelope
        do throws(EnvelopeError) { envelope = try RequestEnvelope(scanning: data) } catch {
            return refuse(header.streamID, Failure(.invalid, "\(error.message)"))
        }
        guard envelope.timeoutNanos >= 0 else {
            return refuse(header.streamID, Failure(.timeout, "the deadline had passed when the call arrived"))
        }
        if equal(envelope.service, "fnrpc.v1.Invocation"), equal(envelope.method, "Invoke") {
            dispatcher.invoke(envelope, streamID: header.streamID, session: self)
        } else {
            serve(envelope, streamID: header.streamID)
        }
    }

    private func serve(_ envelope: RequestEnvelope, streamID: UInt32) {
        guard open(streamID, nil) else { return }
        guard envelope.payload.count <= Self.maxManagementBytes else {
            return answer(
                streamID,
                status: Failure(
                    .tooLarge,
                    "the request has \(envelope.payload.count) bytes; at most \(Self.maxManagementBytes) are allowed"
                ).encodedStatus())
        }
        let service = String(decoding: envelope.service, as: UTF8.self)
        let method = String(decoding: envelope.method, as: UTF8.self)
        let payload = Array(envelope.payload)
        services.handle(service, method, payload) { [self] result in
            switch result {
            case .success(let reply): reply.withUnsafeBytes { answer(streamID, payload: $0) }
            case .failure(let failure): answer(streamID, status: failure.encodedStatus())
            }
        }
    }

    /// Marks a stream as open; refuses it, and answers so, if it is open already or there are too many.
    func open(_ streamID: UInt32, _ call: Call?) -> Bool {
        let refusal = state.withLock { state -> Failure? in
            if state.isClosed { return Failure(.unavailable, "the connection is closed") }
            if state.open[streamID] != nil {
                return Failure(.invalid, "stream id \(streamID): a call with this id is active")
            }
            guard state.open.count < Self.maxCalls else {
                return Failure(.busy, "the connection has \(Self.maxCalls) calls open, its limit; wait for answers")
            }
            state.open[streamID] = .some(call)
            return nil
        }
        if let refusal { refuse(streamID, refusal) }
        return refusal == nil
    }

    /// Answers without having opened the stream.
    func refuse(_ streamID: UInt32, _ failure: Failure) {
        failure.encodedStatus().withUnsafeBytes { send(streamID, ResponseFrame(status: $0)) }
    }

    /// Answers and closes the stream. Thread-safe.
    func answer(
        _ streamID: UInt32, status: [UInt8] = [], payload: UnsafeRawBufferPointer = .init(start: nil, count: 0),
        metadata: UnsafeBufferPointer<MetadataEntry> = .init(start: nil, count: 0)
    ) {
        state.withLock { _ = $0.open.removeValue(forKey: streamID) }
        let fits = status.withUnsafeBytes { status in
            let frame = ResponseFrame(status: status, payload: payload, metadata: metadata)
            guard frame.length <= FrameHeader.maxLength else { return false }
            send(streamID, frame)
            return true
        }
        guard !fits else { return }
        let limit = "the answer is over the frame limit of \(FrameHeader.maxLength) bytes"
        Failure(.tooLarge, limit).encodedStatus().withUnsafeBytes {
            send(streamID, ResponseFrame(status: $0, metadata: metadata))
        }
    }

    private func send(_ streamID: UInt32, _ frame: ResponseFrame) {
        connection?.write(count: FrameHeader.size + frame.length) { frame.write(streamID: streamID, to: $0) }
    }
}

/// Serves the daemon's own services.
package protocol ServiceRouter: AnyObject, Sendable {
    /// Handles a unary call; `reply` is called once, on any thread.
    func handle(
        _ service: String, _ method: String, _ payload: [UInt8],
        reply: @escaping @Sendable (Result<[UInt8], Failure>) -> Void)
}
