internal import Model
internal import Wire

/// Who handles a stream; called on the connection's loop.
protocol StreamReceiver: AnyObject, Sendable {
    /// A message has come, and may have to wait behind others; borrowed. For what must not wait: a caller's credit lets
    /// the function's output move, which may be what its input waits for.
    func stream(_ stream: Stream, saw message: UnsafeRawBufferPointer)
    /// A message of the caller, in its turn; borrowed.
    ///
    /// - Returns: `false` if there is no room: it is kept, and offered again by ``Stream/drain()``.
    func stream(_ stream: Stream, received message: UnsafeRawBufferPointer) -> Bool
    /// The caller has sent its last message, and all were taken.
    func streamInputEnded(_ stream: Stream)
    /// Output was held up and has room again.
    func streamHasRoom(_ stream: Stream)
    /// It is over: nobody waits for an answer any more, or it was answered with `failure`.
    func stream(_ stream: Stream, abandoned reason: AbandonReason, failure: Failure?)
}

extension StreamReceiver {
    func stream(_ stream: Stream, saw message: UnsafeRawBufferPointer) {}
}

/// What the answer of a stream carries beside it.
enum StreamMetadata: Sendable {
    /// Of a method of the daemon's own.
    case own(VersionMetadata)
    /// Of a call of a function.
    case call(CallMetadata)
}

/// One streamed call of a connection: bounded input and output between the wire and its handler.
// SAFETY: confined to the connection's loop, but for `session` and `id`, which never change, and `call`, which is a lock.
final class Stream: OpenCall, @unchecked Sendable {
    let session: Session
    let id: UInt32
    /// The call of a function that it belongs to, if any.
    let call = Lock<Call?>(nil)
    /// What its answer carries until it has a call.
    var metadata: StreamMetadata
    /// Who handles it; cut when the stream ends.
    var receiver: (any StreamReceiver)?
    /// Whether its handler cannot take anything yet, as while a call waits for a container: not its fault.
    var mayWait = false

    /// Input up to this cost may stay for as long as it takes: its caller counts credit.
    var credited = 0

    private var input = MessageQueue()
    private var inputEnded = false
    private var endWasTold = false
    private var isDraining = false
    /// Since when its input is over the limit.
    var fullSince = Instant(nanoseconds: 0)
    /// Whether something was taken since the last look.
    var hasMoved = false
    /// Whether its connection is read in spite of its full input.
    var isStuck = false

    /// Frames that wait for their turn.
    private(set) var output = MessageQueue()
    private var wantsRoom = false
    private var isOver = false
    /// It has failed already; its handler does not know yet.
    private var isAnswered = false

    init(session: Session, id: UInt32, _ metadata: StreamMetadata) {
        self.metadata = metadata
        self.session = session
        self.id = id
    }

    // MARK: - Input

    /// A Data frame came.
    func received(_ message: UnsafeRawBufferPointer?, ends: Bool) {
        guard !isOver else { return }
        guard !inputEnded else {
            // A repeated end says nothing new.
            if message != nil { fail(Failure(.invalid, "stream id \(id): a message came after the last one")) }
            return
        }
        if let message {
            receiver?.stream(self, saw: message)
            guard take(message) else { return }
        }
        if ends { endInput() }
    }

    /// The caller's half is over.
    func endInput() {
        inputEnded = true
        tellEnd()
    }

    private func take(_ message: UnsafeRawBufferPointer) -> Bool {
        if input.isEmpty, receiver?.stream(self, received: message) == true { return true }
        if isOver { return false }
        let cost = MessageQueue.cost(of: message.count)
        // By the end of another stream this one may have got a container.
        if session.makeRoom(for: cost, of: self), input.isEmpty, receiver?.stream(self, received: message) == true {
            return true
        }
        if isOver { return false }
        guard session.context.budget.reserve(cost) else {
            fail(session.context.noRoom)
            return false
        }
        input.append(Array(message))
        session.heldInput += cost
        if isFull(limits.inputMessages, limits.inputBytes) { session.crowd(self) }
        return true
    }

    /// What its input costs that was not taken yet, bytes.
    var heldInput: Int { input.cost }

    /// Whether nobody is to blame that its input stays.
    var mayStay: Bool { mayWait || input.cost <= credited }

    private var limits: SessionLimits { session.context.limits }

    /// Whether more waits than may. A caller that keeps to its credit never comes so far.
    private func isFull(_ messages: Int, _ bytes: Int) -> Bool {
        input.cost > credited && (input.count >= messages || input.cost >= bytes)
    }

    /// Offers what is kept again, in order.
    func drain() {
        guard !isDraining, !isOver else { return }
        isDraining = true
        while !isOver, let message = input.first {
            guard let receiver, message.withUnsafeBytes({ receiver.stream(self, received: $0) }) else { break }
            if isOver { break }
            hasMoved = true
            forget(input.removeFirst())
        }
        isDraining = false
        if !isFull(limits.inputMessages / 2, limits.inputBytes / 2) { session.uncrowd(self) }
        tellEnd()
    }

    private func forget(_ cost: Int) {
        session.heldInput -= cost
        session.context.budget.release(cost)
    }

    private func tellEnd() {
        guard inputEnded, !endWasTold, input.isEmpty, !isOver else { return }
        endWasTold = true
        receiver?.streamInputEnded(self)
    }

    // MARK: - Output

    /// Whether its producer should go on; if not, ``StreamReceiver/streamHasRoom(_:)`` follows.
    var hasRoom: Bool {
        if isOver { return true }
        // Many streams of one connection share its limit.
        if output.cost < SessionLimits.outputBytes, session.heldOutput < session.context.limits.maxOutputBytes {
            return true
        }
        if !wantsRoom { session.waitingForRoom.append(self) }
        wantsRoom = true
        return false
    }

    /// Lets the producer go on if its share allows it; `false`: it still waits.
    func takeRoom() -> Bool {
        guard !isOver else { return true }
        guard output.cost < SessionLimits.outputBytes / 2 else { return false }
        wantsRoom = false
        // After this turn: the handler may send right away.
        session.loop.post { [self] in receiver?.streamHasRoom(self) }
        return true
    }

    /// Sends a message.
    func send(_ message: UnsafeRawBufferPointer) {
        guard !isOver else { return }
        let size = FrameHeader.size + message.count
        let frame = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            DataFrame.write(
                message, streamID: id,
                to: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<size])))
            count = size
        }
        enqueue(frame)
    }

    /// Ends it well: a closing frame of its own.
    func finish() {
        var frame: [UInt8] = []
        withMetadata { metadata in
            let ending = EndFrame(metadata: metadata)
            let size = FrameHeader.size + ending.length
            frame = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                ending.write(
                    streamID: id,
                    to: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<size])))
                count = size
            }
        }
        end(with: frame)
    }

    /// Ends it with a Response, behind what was sent before.
    func respond(status: [UInt8] = [], payload: UnsafeRawBufferPointer = .init(start: nil, count: 0)) {
        var frame: [UInt8]?
        withMetadata { metadata in
            status.withUnsafeBytes { status in
                let response = ResponseFrame(status: status, payload: payload, metadata: metadata)
                let size = FrameHeader.size + response.length
                guard response.length <= FrameHeader.maxLength else { return }
                frame = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                    response.write(
                        streamID: id,
                        to: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<size])))
                    count = size
                }
            }
        }
        if let frame { return end(with: frame) }
        fail(Failure(.tooLarge, "the answer is over the frame limit of \(FrameHeader.maxLength) bytes", quota: "frame"))
    }

    /// Ends it with an error at once; what waited to be sent is dropped, and its handler told.
    func fail(_ failure: Failure) {
        guard !isOver else { return }
        let receiver = receiver
        dropOutput()
        if !isAnswered { send(failure) }
        close()
        receiver?.stream(self, abandoned: .cancelled, failure: failure)
    }

    func withMetadata(_ body: (UnsafeBufferPointer<MetadataEntry>) -> Void) {
        if let call = call.withLock({ $0 }) { return call.withMetadata(body) }
        switch metadata {
        case .own(let version): version.withEntries(body)
        case .call(let call): call.withEntries(body)
        }
    }

    func abandoned(_ reason: AbandonReason) {
        session.loop.run { [self] in
            guard !isOver else { return }
            let receiver = receiver
            dropOutput()
            close()
            receiver?.stream(self, abandoned: reason, failure: nil)
        }
    }

    /// Drops what waits to be sent: an answer overtakes it.
    func dropOutput() {
        release(output.cost)
        output.removeAll()
    }

    /// The next frame in turn.
    func nextFrame() -> [UInt8]? {
        guard let frame = output.first else { return nil }
        release(output.removeFirst())
        return frame
    }

    private func release(_ cost: Int) {
        session.heldOutput -= cost
        session.context.budget.release(cost)
    }

    /// As ``fail(_:)``, but its handler, which is sending right now, is told after this turn.
    private func fail(later failure: Failure) {
        dropOutput()
        send(failure)
        isAnswered = true
        session.loop.post { [self] in fail(failure) }
    }

    /// At once, before what waits for its turn.
    private func send(_ failure: Failure) {
        withMetadata { metadata in
            failure.encodedStatus().withUnsafeBytes { session.send(id, ResponseFrame(status: $0, metadata: metadata)) }
        }
    }

    private func enqueue(_ frame: [UInt8]) {
        if isAnswered { return }
        if output.isEmpty, session.sendInTurn(frame, of: self) { return }
        let cost = MessageQueue.cost(of: frame.count)
        guard session.context.budget.reserve(cost) else { return fail(later: session.context.noRoom) }
        output.append(frame)
        session.heldOutput += cost
    }

    private func end(with frame: [UInt8]) {
        guard !isOver else { return }
        enqueue(frame)
        close()
    }

    /// Whatever comes for this id from now on is for nobody.
    private func close() {
        isOver = true
        session.take(id)
        session.uncrowd(self)
        forget(input.cost)
        input.removeAll()
        receiver = nil
        call.withLock { $0 = nil }
    }
}
