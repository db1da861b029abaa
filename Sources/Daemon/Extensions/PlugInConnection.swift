internal import CLinux
internal import Glibc
internal import Loop
internal import Model
internal import Synchronization
internal import Wire

/// Unary ttrpc calls to one plug-in over one connection, which is made again when it ends.
///
/// Nothing is sent before the plug-in has said what it wants: until then what is asked waits. While there is no
/// connection, asking fails at once.
// SAFETY: `interests` is atomic, `window` thread-safe; everything else is loop-confined.
final class PlugInConnection: ConnectionOwner, @unchecked Sendable {
    /// Past this id a new connection is made; ids end at 2^32.
    private static let lastStreamID: UInt32 = 1 << 31
    /// Output that may wait for a plug-in that reads nothing, bytes.
    private static let maxStalledOutput = 8 << 20

    private let loop: EventLoop
    private let path: String
    private let timeoutNanos: UInt64
    /// A DescribeRequest.
    private let describe: [UInt8]
    private let log: @Sendable (String) -> Void
    private let wheel: TimerWheel
    private let window = QuestionWindow()
    private let interests = Atomic<UInt32>(Interest.everything.rawValue)

    private var state = State.down("it is not connected yet")
    private var connection: Connection?
    private var nextID: UInt32 = 1
    private var pending: [UInt32: Question] = [:]
    /// What waits for the plug-in's description, in order.
    private var held: [Question] = []
    private var backoff = Backoff()
    private var retryTimer: LoopTimer?
    private var usefulSince: Instant?
    /// Why this side closes the connection.
    private var complaint: String?

    private enum State {
        case down(String)
        case describing
        case up
        case closed
    }

    /// - Parameters:
    ///   - describe: the DescribeRequest with which every connection begins.
    ///   - log: gets a line when the connection comes or goes. On the loop.
    init(
        loop: EventLoop, path: String, timeoutNanos: UInt64, describe: [UInt8],
        log: @escaping @Sendable (String) -> Void
    ) {
        self.loop = loop
        self.path = path
        self.timeoutNanos = timeoutNanos
        self.describe = describe
        self.log = log
        wheel = TimerWheel(loop: loop)
        loop.post { [weak self] in self?.connect() }
    }

    /// What the plug-in wanted when it said so last; everything before that. Thread-safe.
    var interest: Interest { Interest(rawValue: interests.load(ordering: .relaxed)) }

    /// Questions without an answer. Thread-safe.
    var waiting: Int { window.count }

    /// Returns when it can be told of another change. Thread-safe.
    func room() async { await window.room() }

    /// Asks. Thread-safe; `then` is called once, on the loop, or at once if too much is asked already.
    ///
    /// - Parameters:
    ///   - type, phase: a plug-in that does not want them is not asked.
    ///   - payload: of the Request.
    func ask(
        _ method: StaticString, _ type: EventType, _ phase: EventPhase, _ payload: [UInt8],
        then: @escaping @Sendable (Answer) -> Void
    ) {
        guard window.enter(QuestionWindow.Share(type, phase), bytes: payload.count) else {
            return then(.failed("\(QuestionWindow.maxCount) questions wait for its answers, the limit"))
        }
        let question = Question(method: method, type: type, phase: phase, payload: payload, owner: self, then: then)
        loop.run { [self] in begin(question) }
    }

    /// Ends it; what has no answer fails. Thread-safe.
    func close() {
        loop.run { [self] in
            if case .closed = state { return }
            let connection = connection
            self.connection = nil
            state = .closed
            retryTimer?.close()
            retryTimer = nil
            connection?.close()
            failAll("the daemon is stopping")
            wheel.close()
        }
    }

    // MARK: - Questions

    private func begin(_ question: Question) {
        switch state {
        case .down(let reason): finish(question, .failed(reason))
        case .closed: finish(question, .failed("the daemon is stopping"))
        case .describing:
            held.append(question)
            startClock(question)
        case .up:
            startClock(question)
            send(question)
        }
    }

    private func startClock(_ question: Question) {
        wheel.add(question.entry, of: question, due: question.askedAt.advanced(byNanoseconds: timeoutNanos))
    }

    private func send(_ question: Question) {
        guard question.type == nil || question.isWanted(by: interest) else { return finish(question, .notWanted) }
        guard nextID < Self.lastStreamID else {
            finish(question, .failed("its connection has used all stream ids"))
            return end("its connection has used all stream ids")
        }
        let streamID = nextID
        nextID += 2
        let isTaken = question.payload.withUnsafeBytes { payload -> Bool? in
            let frame = RequestFrame(
                service: Self.bytes("fnrpc.ext.v1.Extension"), method: Self.bytes(question.method), payload: payload,
                timeoutNanos: Int64(timeoutNanos), metadata: .init(start: nil, count: 0))
            guard frame.length <= FrameHeader.maxLength else { return nil }
            return connection?.write(count: FrameHeader.size + frame.length) { frame.write(streamID: streamID, to: $0) }
                ?? false
        }
        switch isTaken {
        case true?:
            pending[streamID] = question
            question.streamID = streamID
        case false?: finish(question, .failed("it does not read what it is sent"))
        case nil: finish(question, .failed("the question is over the frame limit of \(FrameHeader.maxLength) bytes"))
        }
    }

    /// The time for an answer is over; the answer, if it comes, is dropped.
    func expired(_ question: Question) {
        guard !question.isDone else { return }
        pending[question.streamID] = nil
        finish(question, .failed("it did not answer within \(timeoutNanos / 1_000_000) ms"))
    }

    private func finish(_ question: Question, _ answer: Answer) {
        guard !question.isDone else { return }
        question.isDone = true
        wheel.remove(question.entry)
        if let type = question.type {
            window.leave(QuestionWindow.Share(type, question.phase), bytes: question.payload.count)
        }
        question.then(answer)
    }

    private func failAll(_ reason: String) {
        let questions = pending.sorted { $0.key < $1.key }.map(\.value) + held
        pending = [:]
        held = []
        for question in questions { finish(question, .failed(reason)) }
    }

    // MARK: - The connection

    private func connect() {
        guard case .down = state else { return }
        let descriptor = fnrpc_connect_path(path)
        guard descriptor >= 0 else {
            return retry("it cannot be reached: \(String(cString: strerror(-descriptor)))", log: false)
        }
        var options = Connection.Options()
        options.firstNanos = 0
        options.maxStalledOutput = Self.maxStalledOutput
        options.maxMovingOutput = Self.maxStalledOutput
        connection = Connection(loop: loop, descriptor: descriptor, owner: self, options: options)
        state = .describing
        nextID = 1
        complaint = nil
        usefulSince = nil
        let question = Question(describe: describe, owner: self) { [weak self] answer in self?.described(answer) }
        startClock(question)
        send(question)
    }

    private func described(_ answer: Answer) {
        guard case .describing = state else { return }
        switch answer {
        case .message(let bytes):
            let description: DescribeResponse
            do throws(Failure) { description = try DescribeResponse(decoding: bytes, strict: false) } catch {
                return end("its description is bad: \(error.message)")
            }
            let interest = Interest(
                before: description.before.compactMap(EventType.init),
                after: description.after.compactMap(EventType.init))
            interests.store(interest.rawValue, ordering: .relaxed)
            state = .up
            usefulSince = .now()
            log("connected to \(quoted(description.name)) at \(path)")
            let waiting = held
            held = []
            // Some may have had no time left meanwhile.
            for question in waiting where !question.isDone { send(question) }
        case .refused(_, let text): end("it did not describe itself: \(text)")
        case .failed(let reason): end("it did not describe itself: \(reason)")
        case .notWanted: preconditionFailure("BUG: nobody refuses to describe itself beforehand")
        }
    }

    /// Gives the connection up and makes a new one later.
    private func end(_ reason: String) {
        guard let connection else { return }
        complaint = complaint ?? reason
        connection.close()
    }

    private func retry(_ reason: String, log logs: Bool) {
        if logs { log(reason) }
        state = .down(reason)
        let lasted = usefulSince.map { Instant.now().nanoseconds(since: $0) / 1_000_000 } ?? 0
        usefulSince = nil
        let timer = retryTimer ?? LoopTimer(loop) { [weak self] in self?.connect() }
        retryTimer = timer
        timer.start(milliseconds: backoff.next(after: lasted))
        failAll(reason)
    }

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) -> InputStep {
        var done = 0
        while connection === self.connection {
            switch FrameStep(UnsafeRawBufferPointer(rebasing: bytes[done...])) {
            case .incomplete(let needed): return .consumed(done, needed: needed)
            case .foreign: return broken("it answered with bytes that are not ttrpc")
            case .tooLong(let header):
                return broken("it sent a frame of \(header.length) bytes; at most \(FrameHeader.maxLength)")
            case .frame(let header):
                let data = bytes[(done + FrameHeader.size)..<(done + FrameHeader.size + Int(header.length))]
                done += FrameHeader.size + Int(header.length)
                if let reason = take(header, UnsafeRawBufferPointer(rebasing: data)) { return broken(reason) }
            }
        }
        return .close
    }

    /// - Returns: what is wrong with the frame.
    private func take(_ header: FrameHeader, _ data: UnsafeRawBufferPointer) -> String? {
        guard header.type == FrameHeader.response || header.type == FrameHeader.data else { return nil }
        guard header.streamID % 2 == 1, header.streamID < nextID else {
            return "it answered with stream id \(header.streamID), which was not used"
        }
        guard header.type == FrameHeader.response else { return "it sent stream data on a unary call" }
        guard let response = try? ResponseEnvelope(scanning: data) else { return "its response does not parse" }
        // What was given up, or answered already, is nothing to us.
        guard let question = pending.removeValue(forKey: header.streamID) else { return nil }
        if response.code != 0 {
            let code = (1...16).contains(response.code) ? response.code : 2
            finish(question, .refused(code, String(decoding: response.message, as: UTF8.self)))
        } else {
            finish(question, .message(Array(response.payload)))
        }
        return nil
    }

    private func broken(_ reason: String) -> InputStep {
        complaint = complaint ?? reason
        return .close
    }

    func connection(_ connection: Connection, closing reason: CloseReason) {
        complaint = complaint ?? reason.description
    }

    func connectionClosed(_ connection: Connection) {
        guard connection === self.connection else { return }
        self.connection = nil
        retry(complaint ?? "it closed its connection", log: true)
    }

    private static func bytes(_ literal: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
    }
}
