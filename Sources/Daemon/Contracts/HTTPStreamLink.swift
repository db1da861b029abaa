package import Loop
package import Model
internal import Wire

/// Contract `http-stream` (Fn): POST /call over the function's Unix socket, one request at a time, HTTP/1.1.
///
/// The connection is closed after a second without use: some FDKs close idle ones by themselves, and Python's spins on
/// them after 75 s. A reused connection that ends before the first byte of an answer is dialled again once.
// SAFETY: everything is loop-confined; `send` goes to the loop first.
package final class HTTPStreamLink: FunctionLink, ConnectionOwner, @unchecked Sendable {
    /// How long an unused connection stays, milliseconds.
    private static let idleMilliseconds: UInt64 = 1000

    private let loop: EventLoop
    private let connect: () -> Result<Int32, Failure>
    private weak var owner: (any FunctionLinkOwner)?
    private var connection: Connection?
    private var parser = HTTPResponseParser()
    private var head = HTTPResponseParser.Head()
    private var body: [UInt8] = []
    private var current: AnyObject?
    private var request: [UInt8] = []
    private var isReused = false
    private var idleTimer: LoopTimer?
    private var isClosed = false

    /// On the loop.
    ///
    /// - Parameters:
    ///   - descriptor: the first connected socket; taken over.
    ///   - connect: makes further ones.
    package init(
        loop: EventLoop, descriptor: Int32?, connect: @escaping () -> Result<Int32, Failure>,
        owner: any FunctionLinkOwner
    ) {
        self.loop = loop
        self.connect = connect
        self.owner = owner
        if let descriptor {
            connection = Connection(loop: loop, descriptor: descriptor, owner: self, options: .toFunction)
            startIdleTimer()
        }
    }

    package func send(_ call: FunctionCall) {
        let token = UncheckedToken(call.token)
        guard case .invoke(let invoke) = call.target else {
            return loop.run { [self] in owner?.answered(token.object, .hasNoServices) }
        }
        let request = CallHead(call, invoke).httpStream(length: invoke.payload.count) + invoke.payload
        loop.run { [self] in
            guard owner?.wants(token.object) == true else { return }
            guard !isClosed else {
                owner?.answered(token.object, .broken("its container was closed"))
                return
            }
            current = token.object
            self.request = request
            isReused = connection != nil
            idleTimer?.stop()
            transmit()
        }
    }

    package func abandon(_ token: AnyObject) {
        guard current === token else { return }
        current = nil
        // The answer to an abandoned request would be taken for the next one's.
        connection?.close()
        connection = nil
    }

    package func takePending() -> [AnyObject] {
        defer { current = nil }
        return current.map { [$0] } ?? []
    }

    package func exited(_ description: String, success: Bool) {}

    /// Some functions serve one connection at a time: a streamed call's own comes when this one has gone.
    package func lend() {
        guard current == nil else { return }
        connection?.close()
        connection = nil
    }

    package func close() {
        isClosed = true
        idleTimer?.close()
        idleTimer = nil
        connection?.close()
        connection = nil
    }

    package func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) -> InputStep {
        // Bytes that nobody asked for would be taken for the next call's answer.
        guard current != nil else { return .close }
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
                    if head.keepsAlive && isInStep {
                        startIdleTimer()
                    } else {
                        // Before the answer, which may bring the next call and its connection.
                        self.connection = nil
                        connection.close()
                    }
                    finish()
                    return .consumed(position, needed: 0)
                }
            }
        } catch {
            fail("it broke HTTP/1.1: \(error.reason)")
            return .close
        }
    }

    private func checkSize(_ count: Int) throws(HTTPResponseParser.Malformed) {
        guard count > ContractLimits.replyBytes else { return }
        throw .init(reason: "its reply is over the limit of \(ContractLimits.replyBytes) bytes")
    }

    package func connectionClosed(_ connection: Connection) {
        guard connection === self.connection else { return }
        self.connection = nil
        guard current != nil else { return }
        if parser.finish() {
            finish()
        } else if isReused && !parser.hasBegun {
            isReused = false
            transmit()
        } else {
            owner?.linkLost("it closed its connection")
        }
    }

    private func transmit() {
        parser = HTTPResponseParser()
        head = HTTPResponseParser.Head()
        body = []
        if connection == nil {
            switch connect() {
            case .success(let descriptor):
                connection = Connection(loop: loop, descriptor: descriptor, owner: self, options: .toFunction)
            case .failure(let failure):
                owner?.linkLost(failure.message)
                return
            }
        }
        let request = request
        connection?.write(count: request.count) { $0.copyBytes(from: request) }
    }

    private func finish() {
        guard let token = current else { return }
        current = nil
        request = []
        let body = body
        self.body = []
        switch head.status {
        case 200:
            let reply = InvokeBody(payload: body, contentType: head.contentType, headers: head.headers)
            owner?.answered(token, .body(reply))
        case 502: owner?.answered(token, .failed(code: 2, message: String(decoding: body, as: UTF8.self)))
        case 504: owner?.answered(token, .failed(code: 4, message: "the function says that its time is over"))
        default: owner?.answered(token, .broken("it answered with HTTP status \(head.status)"))
        }
    }

    private func fail(_ reason: String) {
        guard let token = current else { return }
        current = nil
        connection = nil
        owner?.answered(token, .broken(reason))
    }

    private func startIdleTimer() {
        let timer =
            idleTimer
            ?? LoopTimer(loop) { [weak self] in
                guard let self, self.current == nil else { return }
                self.connection?.close()
                self.connection = nil
            }
        idleTimer = timer
        timer.start(milliseconds: Self.idleMilliseconds)
    }
}

/// Carries an object to its loop.
// SAFETY: the object is used on the link's loop only.
struct UncheckedToken: @unchecked Sendable {
    let object: AnyObject

    init(_ object: AnyObject) {
        self.object = object
    }
}
