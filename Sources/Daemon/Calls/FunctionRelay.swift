internal import Catalog
internal import Contracts
internal import Loop
internal import Model
internal import Wire

/// One streamed call between a caller and a function: messages pass both ways, each side at the pace of the other.
///
/// It waits for a container as every call does; what the caller sends meanwhile is kept by its ``Stream``, within limits.
// SAFETY: confined to the caller's loop, but for `call`, `isBody` and `frame`, which are set before anything else runs.
final class FunctionRelay: StreamReceiver, FunctionStreamOwner, Expiring, @unchecked Sendable {
    /// Payload that a caller may send ahead if it asked for credit, bytes.
    static let window = 1 << 20

    let stream: Stream
    /// Whether messages are those of InvokeStream, else a service's own.
    let isBody: Bool
    /// The Request frame's data and flags, for calls by service name.
    private var frame: [UInt8]
    private let flags: UInt8
    /// What InvokeStream's Request said, until the first message names the function.
    private var opening: CallOrigin?
    /// The deadline until then; the call has its own.
    private let entry = WheelEntry()
    var call: Call?
    var function: (any FunctionStream)?
    private var bodyEnded = false
    private(set) var firstMessage: [UInt8] = []
    var isOver = false
    /// `nil`: the caller does not count.
    private var credit: CallerCredit?
    private var consumed = 0
    private var isPaused = false
    /// What payload that waits for credit holds of the budget, bytes.
    private var withheldCost = 0
    /// The function has ended well behind it.
    private var endsBehindWithheld = false
    /// Of the function's spec, until the first message of the answer has taken them along.
    private var responseHeaders: ResponseHeaders?

    private init(stream: Stream, isBody: Bool, frame: [UInt8], flags: UInt8, opening: CallOrigin?) {
        self.stream = stream
        self.isBody = isBody
        self.frame = frame
        self.flags = flags
        self.opening = opening
    }

    /// Accepts InvokeStream: the first message says what is called.
    static func openBody(_ request: Incoming) {
        let origin = CallOrigin(request)
        let stream = Stream(
            session: request.session, id: request.streamID, .call(CallMetadata(id: origin.callID)))
        let relay = FunctionRelay(stream: stream, isBody: true, frame: [], flags: 0, opening: origin)
        stream.receiver = relay
        guard request.session.add(stream, request.streamID) else { return }
        if request.timeoutNanos > 0 {
            let due = request.arrivedAt.advanced(byNanoseconds: UInt64(request.timeoutNanos))
            relay.wheel.add(relay.entry, of: relay, due: due)
        }
        if request.envelope.payload.count > 0 { stream.received(request.envelope.payload, ends: false) }
        if request.flags & FrameHeader.remoteClosed != 0 { stream.endInput() }
    }

    /// Accepts a streamed call by service name.
    static func openService(_ request: Incoming, _ target: CallTarget, _ origin: CallOrigin) {
        let held = request.envelope.bytes.count
        let dispatcher = request.session.context.dispatcher
        let hasRoom = dispatcher.budget.reserve(held)
        let stream = Stream(
            session: request.session, id: request.streamID,
            .call(CallMetadata(id: origin.callID, version: target.runnable.version.number)))
        let relay = FunctionRelay(
            stream: stream, isBody: false, frame: hasRoom ? Array(request.envelope.bytes) : [], flags: request.flags,
            opening: nil)
        stream.receiver = relay
        stream.mayWait = true
        let call = dispatcher.makeCall(
            target, origin, session: request.session, streamID: request.streamID, relay: relay)
        call.input?.add(request.envelope.payload)
        if hasRoom { call.hold(held) }
        guard request.session.add(stream, request.streamID) else {
            return dispatcher.budget.release(call.takeHeldBytes())
        }
        relay.call = call
        stream.call.withLock { $0 = call }
        guard hasRoom else { return dispatcher.refuse(call, dispatcher.noRoom) }
        if request.flags & FrameHeader.remoteClosed != 0 { stream.endInput() }
        dispatcher.accept(call, data: request.envelope.bytes)
    }

    // MARK: - From the caller

    func stream(_ stream: Stream, received message: UnsafeRawBufferPointer) -> Bool {
        guard !isBody else { return receivedBody(message) }
        guard function?.send(message) ?? false else { return false }
        call?.input?.add(message)
        return true
    }

    func stream(_ stream: Stream, saw message: UnsafeRawBufferPointer) {
        guard isBody, credit != nil, opening == nil else { return }
        if let credit = (try? InvokeStreamScan(scanning: message))?.credit { receivedCredit(credit) }
    }

    private func receivedBody(_ message: UnsafeRawBufferPointer) -> Bool {
        let scan: InvokeStreamScan
        do throws(EnvelopeError) { scan = try InvokeStreamScan(scanning: message) } catch {
            return refuse(Failure(.invalid, "\(error.message)"))
        }
        guard scan.payload.count <= SessionLimits.chunkBytes else {
            let text =
                "payload: \(scan.payload.count) bytes in one message; at most \(SessionLimits.chunkBytes) are allowed"
            return refuse(Failure(.tooLarge, text, quota: "chunk"))
        }
        if let opening { return begin(opening, scan) }
        guard !scan.namesFunction else {
            return refuse(Failure(.invalid, "function: only the first message of a stream names it"))
        }
        guard let function, firstMessage.isEmpty else { return false }
        if !scan.isOnlyControl {
            guard !bodyEnded else { return refuse(Failure(.invalid, "payload: comes after the message with end")) }
            guard function.send(message) else { return false }
            call?.input?.add(scan.payload)
            took(scan.payload.count)
        }
        if scan.isEnd { endBody() }
        return true
    }

    /// The body is over; its caller may still give credit.
    private func endBody() {
        guard !bodyEnded else { return }
        bodyEnded = true
        if firstMessage.isEmpty { function?.endInput() }
    }

    /// The first message: finds the function and asks for a container.
    private func begin(_ origin: CallOrigin, _ scan: InvokeStreamScan) -> Bool {
        let dispatcher = stream.session.context.dispatcher
        let target: CallTarget
        var version: UInt32?
        do throws(Failure) {
            target = try dispatcher.resolve(scan.target, for: origin, stream.session, &version)
            try ReservedHeaders.check(scan)
        } catch {
            stream.metadata = .call(CallMetadata(id: origin.callID, version: version))
            return refuse(error)
        }
        self.opening = nil
        wheel.remove(entry)
        let call = dispatcher.makeCall(target, origin, session: stream.session, streamID: stream.id, relay: self)
        call.input?.add(scan.payload)
        self.call = call
        stream.call.withLock { $0 = call }
        guard dispatcher.budget.reserve(scan.bytes.count) else {
            dispatcher.refuse(call, dispatcher.noRoom)
            return true
        }
        call.hold(scan.bytes.count)
        firstMessage = Array(scan.bytes)
        bodyEnded = scan.isEnd
        if let credit = scan.credit {
            self.credit = CallerCredit(credit)
            // With what is around the payload.
            stream.credited = 2 * Self.window
            // What it has sent ahead counts.
            grant(Self.window)
        }
        stream.mayWait = true
        dispatcher.accept(call, data: scan.bytes)
        return true
    }

    func streamInputEnded(_ stream: Stream) {
        // A caller that has closed its half can give no more; from now on its reading is what holds the function back.
        if credit != nil {
            credit?.lift()
            sendWithheld()
            resumeIfPossible()
        }
        guard opening == nil else {
            _ = refuse(Failure(.invalid, "function: missing; the first message of a stream names app and function"))
            return
        }
        endBody()
    }

    func streamHasRoom(_ stream: Stream) { resumeIfPossible() }

    func stream(_ stream: Stream, abandoned reason: AbandonReason, failure: Failure?) {
        isOver = true
        wheel.remove(entry)
        guard let call else {
            // Nobody else counts what ended before it named a function.
            if let opening {
                opening.method.metrics.observe(
                    code: (failure?.code ?? .cancelled).status,
                    nanos: Instant.now().nanoseconds(since: opening.arrivedAt))
            }
            return
        }
        stream.session.context.dispatcher.callerLeft(call, reason.rawValue, failure)
        letGo()
    }

    /// The call holds its relay and the relay its call: what is over lets go.
    func letGo() {
        guard isOver, function == nil else { return }
        call = nil
        frame = []
        firstMessage = []
        dropWithheld()
    }

    private func refuse(_ failure: Failure) -> Bool {
        // After this delivery: the stream must not end while it is being read.
        stream.session.loop.post { [self] in stream.fail(failure) }
        isOver = true
        return true
    }

    private var wheel: TimerWheel { stream.session.context.dispatcher.wheels[0] }

    func expired() {
        stream.session.loop.run { [self] in
            guard opening != nil, !isOver else { return }
            stream.fail(Failure(.timeout, "the deadline has passed, and no message has named a function"))
        }
    }

    // MARK: - Credit

    private func took(_ count: Int) {
        guard credit != nil else { return }
        consumed += count
        if consumed >= Self.window / 4 {
            grant(consumed)
            consumed = 0
        }
    }

    private func grant(_ count: Int) {
        InvokeCredit.message(UInt32(count)).withUnsafeBytes { stream.send($0) }
    }

    private func receivedCredit(_ count: UInt32) {
        credit?.add(count)
        sendWithheld()
        resumeIfPossible()
    }

    private var isWithholding: Bool { credit?.isWithholding ?? false }

    /// Sends a function's message as far as the caller has given credit for it; the rest waits for more.
    private func deliver(_ message: UnsafeRawBufferPointer) {
        if let headers = responseHeaders {
            responseHeaders = nil
            return headers.added(to: message).withUnsafeBytes { deliver($0) }
        }
        guard isBody, credit != nil, let scan = try? InvokeStreamScan(scanning: message),
            credit?.take(scan.payload.count) == false
        else { return stream.send(message) }
        guard stream.session.context.budget.reserve(scan.payload.count) else {
            _ = refuse(stream.session.context.noRoom)
            return
        }
        withheldCost = scan.payload.count
        credit?.withhold(Array(scan.payload))
        // What is not payload needs no credit.
        if scan.contentType.count > 0 || scan.headerCount > 0 {
            let type = String(decoding: scan.contentType, as: UTF8.self)
            InvokeChunk(contentType: type, headers: scan.headers).encoded().withUnsafeBytes { stream.send($0) }
        }
        sendWithheld()
    }

    private func sendWithheld() {
        guard !isOver, let part = credit?.takePart() else { return }
        InvokeChunk(payload: part).encoded().withUnsafeBytes { stream.send($0) }
        guard !isWithholding else { return }
        dropWithheld()
        if endsBehindWithheld { end(.finished) }
    }

    private func dropWithheld() {
        credit?.drop()
        stream.session.context.budget.release(withheldCost)
        withheldCost = 0
    }

    // MARK: - The function

    /// The call has got a container; on the caller's loop.
    func begin(on worker: Worker, call: Call) {
        guard !isOver, call.isRunning else { return }
        stream.mayWait = false
        let made: any FunctionStream
        do throws(Failure) {
            made = try isBody ? makeBody(worker, call) : makeService(worker, call)
        } catch {
            // What the caller asked for does not fit the function; or the function is not there any more.
            let isCallers = [.unimplemented, .invalid, .tooLarge].contains(error.code)
            guard isCallers else { return worker.streamNotBegun(call, error.message) }
            releaseRequest(of: call)
            return worker.streamEnded(call, .refused(error))
        }
        function = made
        if isBody { responseHeaders = worker.responseHeaders }
        if !firstMessage.isEmpty {
            let message = firstMessage
            firstMessage = []
            _ = message.withUnsafeBytes { made.send($0) }
            took((try? message.withUnsafeBytes { try InvokeStreamScan(scanning: $0).payload.count }) ?? 0)
        }
        releaseRequest(of: call)
        // If it ends while what was kept is passed on, `endBody` says so.
        let hadEnded = bodyEnded
        stream.drain()
        if hadEnded { function?.endInput() }
    }

    /// The function has it now.
    private func releaseRequest(of call: Call) {
        frame = []
        firstMessage = []
        stream.session.context.budget.release(call.takeHeldBytes())
    }

    private func makeBody(_ worker: Worker, _ call: Call) throws(Failure) -> any FunctionStream {
        let result = firstMessage.withUnsafeBytes { bytes -> Result<any FunctionStream, Failure> in
            guard let scan = try? InvokeStreamScan(scanning: bytes) else {
                return .failure(Failure(.internalError, "a message that parsed does not parse any more"))
            }
            let kind = FunctionStreamCall.Kind.body(contentType: scan.contentType, headers: scan.headers)
            return make(kind, worker, call)
        }
        return try result.get()
    }

    private func makeService(_ worker: Worker, _ call: Call) throws(Failure) -> any FunctionStream {
        let result = frame.withUnsafeBytes { bytes -> Result<any FunctionStream, Failure> in
            guard let envelope = try? RequestEnvelope(scanning: bytes, limits: .none) else {
                return .failure(Failure(.internalError, "a request that parsed does not parse any more"))
            }
            let kind = FunctionStreamCall.Kind.service(
                service: envelope.service, method: envelope.method, flags: flags, payload: envelope.payload)
            return make(kind, worker, call)
        }
        return try result.get()
    }

    func functionStream(_ function: any FunctionStream, received message: UnsafeRawBufferPointer) {
        guard !isOver else { return }
        deliver(message)
        guard !stream.hasRoom || isWithholding else { return }
        isPaused = true
        function.pause()
    }

    private func resumeIfPossible() {
        guard isPaused, !isOver, !isWithholding, stream.hasRoom else { return }
        isPaused = false
        function?.resume()
    }

    func functionStreamHasRoom(_ function: any FunctionStream) { stream.drain() }

    func functionStream(_ function: any FunctionStream, ended: FunctionStreamEnd) {
        self.function = nil
        // An answer without a body has its headers too.
        if case .finished = ended, responseHeaders != nil, !isOver { deliver(.init(start: nil, count: 0)) }
        switch ended {
        case .response(let payload) where isBody && !isOver:
            // One message more, and the end.
            if payload.count > 0 || responseHeaders != nil { deliver(payload) }
            if isWithholding { endsBehindWithheld = true } else { end(.finished) }
        case .finished where isWithholding: endsBehindWithheld = true
        case .finished: end(.finished)
        case .response(let payload): end(.response(Array(payload)))
        case .failed(let code, let message, let status):
            end(.failed(code: code, message: message, status: Array(status)))
        case .refused(let failure): end(.refused(failure))
        case .broken(let reason): end(.broken(reason))
        }
    }

    private func end(_ end: StreamEnd) {
        if let call, let worker = call.worker { worker.streamEnded(call, end) }
        letGo()
    }
}
