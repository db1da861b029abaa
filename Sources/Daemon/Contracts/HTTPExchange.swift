internal import Loop
internal import Model
internal import Wire

/// One connection of ``HTTPStreamLink``, which serves one call at a time. Loop-confined.
///
/// It is closed after a second without use: some FDKs close idle ones by themselves, and Python's spins on them after
/// 75 s. A reused connection whose function cannot have read a whole head of a request is dialled again once.
final class HTTPExchange: ConnectionOwner {
    /// How a call on it ended.
    enum End {
        /// - Parameter isReusable: the connection can take the next request.
        case answered(FunctionReply, isReusable: Bool)
        /// There will be no answer.
        case lost(String)
        /// Nor did the function get to know of the call.
        case notBegun(PreparedRequest, String)
    }

    /// How long an unused connection stays, milliseconds.
    private static let idleMilliseconds: UInt64 = 1000
    /// How long until a function is asked again that has to accept other connections first, milliseconds.
    private static let dialMilliseconds: UInt64 = 5

    private let loop: EventLoop
    private let connect: () -> Result<Int32, Failure>
    /// Told of the end of each call, and of that of the connection without one: no token.
    private let onEnd: (_ exchange: HTTPExchange, _ token: AnyObject?, _ end: End) -> Void
    private var connection: Connection?
    private var parser = HTTPResponseParser()
    private var head = HTTPResponseParser.Head()
    private var body: [UInt8] = []
    private(set) var token: AnyObject?
    private var request: PreparedRequest?
    private var isReused = false
    /// What the connection had sent before the request, bytes.
    private var sentBefore: UInt64 = 0
    private var timer: LoopTimer?

    /// - Parameters:
    ///   - descriptor: a connected socket; taken over. `nil`: it is dialled by the first call.
    ///   - connect: makes further ones.
    init(
        loop: EventLoop, descriptor: Int32?, connect: @escaping () -> Result<Int32, Failure>,
        onEnd: @escaping (_ exchange: HTTPExchange, _ token: AnyObject?, _ end: End) -> Void
    ) {
        self.loop = loop
        self.connect = connect
        self.onEnd = onEnd
        guard let descriptor else { return }
        connection = Connection(loop: loop, descriptor: descriptor, owner: self, options: .toFunction)
        startTimer(milliseconds: Self.idleMilliseconds)
    }

    /// Sends a request; no other one may be under way.
    func begin(_ token: AnyObject, _ request: PreparedRequest) {
        self.token = token
        self.request = request
        timer?.stop()
        // Its end may be there already, or bytes that nobody asked for.
        if connection?.isSilent == false { closeConnection() }
        isReused = connection != nil
        sentBefore = connection?.statistics.bytesSent ?? 0
        transmit()
    }

    /// Closes; a call on it is forgotten. Idempotent.
    func close() {
        token = nil
        timer?.close()
        timer = nil
        closeConnection()
    }

    /// It is forgotten first, so that nothing is heard of its end.
    private func closeConnection() {
        let connection = connection
        self.connection = nil
        connection?.close()
    }

    /// The function's process has ended: takes what it said last.
    func exited() {
        if let connection { return connection.receiveRest() }
        guard token != nil else { return }
        timer?.stop()
        transmit()
    }

    private func transmit() {
        guard let request else { return }
        parser = HTTPResponseParser()
        head = HTTPResponseParser.Head()
        body = []
        if connection == nil {
            switch connect() {
            case .success(let descriptor):
                connection = Connection(loop: loop, descriptor: descriptor, owner: self, options: .toFunction)
            case .failure(let failure):
                guard failure.code == .busy else { return end(.notBegun(request, failure.message)) }
                return startTimer(milliseconds: Self.dialMilliseconds)
            }
        }
        connection?.write(count: request.bytes.count) { $0.copyBytes(from: request.bytes) }
    }

    // MARK: - In

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) -> InputStep {
        // Bytes that nobody asked for would be taken for the next call's answer.
        guard token != nil else { return .close }
        var position = 0
        do throws(HTTPResponseParser.Malformed) {
            while true {
                switch try parser.next(bytes, from: &position) {
                case .wait: return .consumed(position, needed: 0)
                case .head(let head):
                    self.head = head
                    if let length = head.length { try checkSize(length) }
                case .body(let piece):
                    try checkSize(body.count + piece.count)
                    body.append(contentsOf: piece)
                case .end:
                    // Bytes behind the answer belong to nothing that was asked, and the rest of a request that the
                    // function did not wait for would be taken for the next one.
                    let isInStep = position == bytes.count && connection.queuedOutput == 0
                    finish(isReusable: head.keepsAlive && isInStep)
                    return .consumed(position, needed: 0)
                }
            }
        } catch {
            // The connection goes with the return, and before that nobody else may have it.
            self.connection = nil
            end(.answered(.broken("it broke HTTP/1.1: \(error.reason)"), isReusable: false))
            return .close
        }
    }

    private func checkSize(_ count: Int) throws(HTTPResponseParser.Malformed) {
        guard count > ContractLimits.replyBytes else { return }
        throw .init(reason: "its reply is over the limit of \(ContractLimits.replyBytes) bytes")
    }

    func connectionClosed(_ connection: Connection) {
        guard connection === self.connection else { return }
        self.connection = nil
        guard token != nil, let request else { return end(.lost("it closed its connection")) }
        if parser.finish() {
            finish(isReusable: false)
        } else if parser.hasBegun {
            end(.lost("it closed its connection"))
        } else if !isUnread(request, on: connection) {
            end(.lost("it closed its connection without an answer"))
        } else if isReused {
            (isReused, sentBefore) = (false, 0)
            transmit()
        } else {
            end(.notBegun(request, "it closed its connection"))
        }
    }

    /// Whether a function that has closed the connection cannot have read a whole head: nothing was sent, or the head was all
    /// that was and its last byte was not taken. With a body the kernel does not tell which part of both was not.
    private func isUnread(_ request: PreparedRequest, on connection: Connection) -> Bool {
        connection.statistics.bytesSent == sentBefore || (connection.wasReset && request.bodyCount == 0)
    }

    private func finish(isReusable: Bool) {
        // Before the answer, which may bring the next call and its connection.
        if isReusable { startTimer(milliseconds: Self.idleMilliseconds) } else { closeConnection() }
        let body = body
        self.body = []
        let reply: FunctionReply =
            switch head.status {
            case 200: .body(InvokeBody(payload: body, contentType: head.contentType, headers: head.headers))
            case 502: .failed(code: 2, message: String(decoding: body, as: UTF8.self))
            case 504: .failed(code: 4, message: "the function says that its time is over")
            default: .broken("it answered with HTTP status \(head.status)")
            }
        end(.answered(reply, isReusable: isReusable))
    }

    private func end(_ end: End) {
        let token = token
        self.token = nil
        request = nil
        onEnd(self, token, end)
    }

    private func startTimer(milliseconds: UInt64) {
        let timer = self.timer ?? LoopTimer(loop) { [weak self] in self?.timeIsOver() }
        self.timer = timer
        timer.start(milliseconds: milliseconds)
    }

    private func timeIsOver() {
        guard token == nil else { return transmit() }
        close()
        end(.lost("it was not used"))
    }
}
