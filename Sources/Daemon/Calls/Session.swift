package import Loop
package import Model
internal import Telemetry
internal import Wire

/// Something that a client has open: a call or a stream.
protocol OpenCall: AnyObject, Sendable {
    /// The metadata that its answer carries, borrowed. On the connection's loop.
    func withMetadata(_ body: (UnsafeBufferPointer<MetadataEntry>) -> Void)
    /// Nobody waits for it any more. On the connection's loop; its answer, if one comes, goes nowhere.
    func abandoned(_ reason: AbandonReason)
}

/// Why nobody waits.
enum AbandonReason: String, Sendable {
    case closed = "the caller closed its connection"
    case cancelled = "the caller cancelled the call"
    case broken = "the caller sent stream data on a unary call"
}

/// One client connection: frames in, answers out.
///
/// Reading is confined to the connection's loop; answering is thread-safe.
// SAFETY: `connection` is set once before input can come; `state` is guarded; the rest is loop-confined.
package final class Session: ConnectionOwner, @unchecked Sendable {
    /// What all connections share.
    let context: SessionContext
    /// Unique in this run of the daemon.
    package let id: UInt64
    /// Where the peer is, for people.
    package let peer: String
    /// The listener it came through, and its default app.
    package let listener: ListenerInfo
    package let openedAt = Timestamp.now()
    let loop: EventLoop
    private(set) var connection: Connection?
    private let state = Lock(State())
    /// Where this loop counts what limits refuse.
    private let counts: CallBlock

    /// What the kernel or the certificate says who the peer is.
    private var peerPrincipal: Principal?
    /// The last bearer token that was looked at.
    private var bearer = BearerCache()
    // SAFETY: loop-confined, and the window calls nobody. Every request changes it.
    @exclusivity(unchecked) private var window = StreamWindow()
    /// Changes that were refused in this minute, and are in the audit log.
    private var denials: (minute: UInt64, count: Int) = (0, 0)
    /// Bytes of an oversized frame that are still to be thrown away.
    private var skip = 0
    /// Extension frames that the client understands.
    private var sendsCancel = false
    private var wantsGoaway = false
    /// Streams with output that waits for its turn.
    var ready: [Stream] = []
    /// Streams whose input is over its limit.
    var crowded: [Stream] = []
    var crowdTimer: LoopTimer?
    var isReadingPaused = false
    /// Nothing is read until the peer has read what waits for it: it makes mistake after mistake.
    var waitsForReader = false
    /// Input bytes that streams of this connection hold.
    var heldInput = 0
    /// Output bytes that they hold for their turns, and who has more to send.
    var heldOutput = 0
    var waitingForRoom: [Stream] = []

    private struct State {
        var open = StreamTable<any OpenCall>()
        /// Calls in `open`, and those of the daemon's own that need no entry.
        var calls: UInt64 = 0
        var isClosed = false
        var principal = ""
    }

    /// Takes over a connected socket; on the loop.
    ///
    /// - Parameters:
    ///   - principal: who the peer is by itself; `nil`: a token has to say.
    package init(
        loop: EventLoop, descriptor: Int32, options: Connection.Options, context: SessionContext,
        listener: ListenerInfo, peer: String, principal: Principal?
    ) {
        self.loop = loop
        self.context = context
        self.listener = listener
        self.peer = peer
        counts = context.dispatcher.counters.calls.block(of: loop)
        id = context.sessions.nextID()
        peerPrincipal = principal
        state.withLock { $0.principal = principal?.description ?? "" }
        connection = Connection(loop: loop, descriptor: descriptor, owner: self, options: options)
        context.sessions.add(self)
    }

    static let nobody = Principal(.nobody, grants: .none)

    /// Closes after the answers that wait have left. Thread-safe.
    package func finish() {
        connection?.finish()
    }

    /// Closes at once. Thread-safe.
    package func close() {
        connection?.close()
    }

    // MARK: - In

    package func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) -> InputStep {
        var done = min(skip, bytes.count)
        skip -= done
        while skip == 0 {
            if isReadingPaused || waitsForReader { return .consumed(done, needed: 0) }
            switch FrameStep(UnsafeRawBufferPointer(rebasing: bytes[done...])) {
            case .incomplete(let needed): return .consumed(done, needed: needed)
            case .foreign(let kind):
                context.log("\(listener.address): closed \(peer): it sent \(kind.rawValue); this address speaks ttrpc")
                return .close
            case .tooLong(let header):
                guard header.length <= Self.maxSkippedBytes else {
                    context.log("\(listener.address): closed \(peer): a frame of \(header.length) bytes")
                    return .close
                }
                refuseTooLong(header)
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

    /// Far beyond the frame limit nobody means it; a little beyond, the peer deserves an answer.
    private static let maxSkippedBytes: UInt32 = 16 << 20

    private func refuseTooLong(_ header: FrameHeader) {
        let text = "message length \(header.length) exceed maximum message size of \(FrameHeader.maxLength)"
        let failure = Failure(.tooLarge, text, quota: "frame")
        switch header.type {
        case FrameHeader.request:
            // The id is used up, as if the call had been refused for another reason.
            _ = window.take(header.streamID)
            refuse(header.streamID, failure)
        case FrameHeader.data:
            if let stream = open(header.streamID) as? Stream { return stream.fail(failure) }
            // Where no stream is, its size does not matter.
            streamData(header, UnsafeRawBufferPointer(start: nil, count: 0))
        default: return
        }
    }

    package func connectionReady(_ connection: Connection) {
        // Mutual TLS has told who the peer is.
        guard let name = connection.tls?.peerCommonName else { return }
        peerPrincipal = context.certificatePrincipal(name)
        state.withLock { $0.principal = peerPrincipal?.description ?? "" }
    }

    package func connectionHasRoom(_ connection: Connection) {
        listenAgain()
        pump()
    }

    package func connection(_ connection: Connection, closing reason: CloseReason) {
        context.log("\(listener.address): closed \(peer): \(reason)")
    }

    package func connectionClosed(_ connection: Connection) {
        let open = state.withLock { state -> [any OpenCall] in
            state.isClosed = true
            defer { state.open.removeAll() }
            return state.open.all.map(\.value)
        }
        crowdTimer?.close()
        crowdTimer = nil
        for call in open { call.abandoned(.closed) }
        // Streams that have ended may still wait for their turn.
        for stream in ready { stream.dropOutput() }
        ready = []
        waitingForRoom = []
        crowded = []
        context.sessions.remove(self)
    }

    private func handle(_ header: FrameHeader, _ data: UnsafeRawBufferPointer) {
        switch header.type {
        case FrameHeader.request: request(header, data)
        case FrameHeader.data: streamData(header, data)
        case Extension.cancelFrame where sendsCancel: cancel(header.streamID)
        default: return
        }
    }

    private func request(_ header: FrameHeader, _ data: UnsafeRawBufferPointer) {
        let streamID = header.streamID
        switch window.take(streamID) {
        case .new: break
        case .foreign:
            return refuse(streamID, Failure(.invalid, "stream id \(streamID): must be odd"))
        case .used:
            return refuse(streamID, Failure(.invalid, "stream id \(streamID): it is active or was used before"))
        }
        let envelope: RequestEnvelope
        do throws(EnvelopeError) {
            envelope = try RequestEnvelope(scanning: data, limits: context.limits.envelope)
        } catch {
            return refuse(streamID, Failure(.invalid, "\(error.message)"))
        }
        guard let method = context.methods.find(envelope.service, envelope.method) ?? routed(envelope) else {
            return refuseUnknown(envelope, streamID)
        }
        var incoming = Incoming(
            envelope: envelope, streamID: streamID, flags: header.flags, session: self, method: method,
            arrivedAt: .now())
        do throws(Failure) {
            try InterceptorChain.admit(&incoming)
        } catch {
            method.metrics.started.increment()
            if error.code == .notPermitted { denied(incoming) }
            return refuse(incoming, error)
        }
        dispatch(incoming)
    }

    /// Somebody known tried what is not allowed. Bounded, so that nobody drives older lines out of the audit log.
    private func denied(_ request: Incoming) {
        guard let note = request.method.denied, request.principal != nil else { return }
        let minute = request.arrivedAt.nanoseconds / 60_000_000_000
        if denials.minute != minute { denials = (minute, 0) }
        guard denials.count < SessionLimits.denials else { return }
        denials.count += 1
        note(Array(request.envelope.payload.prefix(context.limits.managementBytes)), request.caller(nil))
    }

    private func routed(_ envelope: RequestEnvelope) -> Method? {
        MethodTable.isReserved(envelope.service) ? nil : context.methods.routed
    }

    private func refuseUnknown(_ envelope: RequestEnvelope, _ streamID: UInt32) {
        let service = String(decoding: envelope.service, as: UTF8.self)
        let method = String(decoding: envelope.method, as: UTF8.self)
        // Go's wording; clients match on it.
        let text = context.methods.services.contains(service) ? "method \(method)" : "service \(service)"
        let failure = Failure(.unimplemented, text)
        guard let version = meantVersion(envelope) else { return refuse(streamID, failure) }
        VersionMetadata(version).withEntries { refuse(streamID, failure, metadata: $0) }
    }

    private func streamData(_ header: FrameHeader, _ data: UnsafeRawBufferPointer) {
        let streamID = header.streamID
        guard let call = open(streamID) else {
            // A stream that has ended is gone; what was on its way for it arrives all the same.
            guard streamID % 2 == 1, streamID <= window.highest else {
                return refuse(streamID, Failure(.invalid, "stream id \(streamID): no call was opened with it"))
            }
            return
        }
        let hasMessage = header.flags & FrameHeader.noData == 0
        let ends = header.flags & FrameHeader.remoteClosed != 0
        if let stream = call as? Stream {
            stream.received(hasMessage ? data : nil, ends: ends)
        } else if hasMessage {
            // The answer ends the call, so the call must not give a second one.
            let failure = Failure(.invalid, "stream id \(streamID): a unary call takes no stream data")
            if take(streamID) != nil { end(call, streamID, .broken, failure) } else { refuse(streamID, failure) }
        }
    }

    private func cancel(_ streamID: UInt32) {
        guard let call = take(streamID) else { return }
        end(call, streamID, .cancelled, Failure(.cancelled, AbandonReason.cancelled.rawValue))
    }

    /// Answers a call that is not open any more, in its handler's place.
    private func end(_ call: any OpenCall, _ streamID: UInt32, _ reason: AbandonReason, _ failure: Failure) {
        // A stream that is abandoned forgets whose it was.
        call.withMetadata { metadata in
            call.abandoned(reason)
            refuse(streamID, failure, metadata: metadata)
        }
    }

    // MARK: - Who it is

    /// The caller of a request: by its token if it shows one, else as the connection was recognised.
    func authenticate(_ envelope: RequestEnvelope) throws(Failure) -> Principal {
        guard let text = envelope.metadata("authorization") else {
            if let peerPrincipal { return peerPrincipal }
            throw Failure(
                .unauthenticated,
                "authorization: missing; the daemon does not know \(peer): send a token as metadata authorization: Bearer "
                    + "TOKEN (fnrpc token create makes one), or give the peer scopes by the setting peer-scopes")
        }
        let principal = try bearer.principal(text, context.authenticator)
        if peerPrincipal == nil { state.withLock { $0.principal = principal.description } }
        return principal
    }

    /// Turns extension frames on.
    func hello(_ request: HelloRequest) -> HelloResponse {
        sendsCancel = request.features.contains(Extension.cancel)
        wantsGoaway = request.features.contains(Extension.goaway)
        var features: [String] = []
        if sendsCancel { features.append(Extension.cancel) }
        if wantsGoaway { features.append(Extension.goaway) }
        return HelloResponse(
            features: features, server: context.serverName, maxFrameBytes: UInt32(FrameHeader.maxLength),
            maxStreams: UInt32(context.limits.maxStreams), maxChunkBytes: UInt32(SessionLimits.chunkBytes))
    }

    /// Tells a client that asked for it that no further calls are taken. Thread-safe.
    package func goAway() {
        loop.run { [self] in
            guard wantsGoaway else { return }
            let header = FrameHeader(length: 4, streamID: 0, type: Extension.goawayFrame)
            let last = window.highest.bigEndian
            _ = connection?.write(count: FrameHeader.size + 4) { buffer in
                guard let base = buffer.baseAddress else { return }
                header.write(to: base)
                base.storeBytes(of: last, toByteOffset: FrameHeader.size, as: UInt32.self)
            }
        }
    }

    // MARK: - What is open

    /// Calls and streams that have no answer yet. Thread-safe.
    package var openCount: Int { state.withLock { $0.open.count } }

    /// Output that the peer has not read yet, bytes. Thread-safe.
    var queuedOutput: Int { connection?.queuedOutput ?? 0 }

    /// Who it was last taken for, and how many calls it has made. Thread-safe.
    package var usage: (principal: String, calls: UInt64) { state.withLock { ($0.principal, $0.calls) } }

    /// Notes a call as open; `false` if the connection is closed. On the loop.
    func add(_ call: any OpenCall, _ streamID: UInt32) -> Bool {
        let isAdded = state.withLock { state in
            if state.isClosed { return false }
            state.open.insert(call, streamID)
            state.calls += 1
            return true
        }
        // It and its handler hold each other until it ends, which it never will.
        if !isAdded { (call as? Stream)?.receiver = nil }
        return isAdded
    }

    /// Puts another call in a call's place, if that one is still there. On the loop.
    func replace(_ call: any OpenCall, by other: any OpenCall, _ streamID: UInt32) {
        state.withLock { state in if state.open[streamID] === call { state.open.insert(other, streamID) } }
    }

    /// What is open under an id. Thread-safe.
    func open(_ streamID: UInt32) -> (any OpenCall)? { state.withLock { $0.open[streamID] } }

    /// Ends what is open under an id. Thread-safe.
    @discardableResult
    func take(_ streamID: UInt32) -> (any OpenCall)? { state.withLock { $0.open.remove(streamID) } }

    /// Everything that is open. Thread-safe.
    var allOpen: [any OpenCall] { state.withLock { $0.open.all.map(\.value) } }

    /// The request that is being handled was refused for a limit, and its answer is written. On the loop.
    ///
    /// Counted from the read of its last byte: also while others of the same read were handled before it, or the connection
    /// was not read because its peer did not read its answers.
    func countRefusal() {
        guard let connection else { return }
        counts.refused(nanos: Instant.now().nanoseconds(since: connection.receivedAt))
    }

    /// Counts a call that needs no entry.
    func countCall() { state.withLock { $0.calls += 1 } }
}
