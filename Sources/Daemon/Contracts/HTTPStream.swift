internal import Loop
internal import Model
internal import Wire

/// A streamed call over contract `http-stream`: one POST on a connection of its own, request and response body as they
/// come.
final class HTTPStream: FunctionStream, ConnectionOwner {
    private weak var owner: (any FunctionStreamOwner)?
    /// `nil` when the stream is over.
    private(set) var connection: Connection?
    private var parser = HTTPResponseParser()
    private var head = HTTPResponseParser.Head()
    /// The text of a response that says that the call failed.
    private var errorText: [UInt8] = []
    private var body: HTTPRequestBody
    private var inputIsOpen = true
    private var isPaused = false
    private var isReceiving = false
    private var lacksRoom = false
    private var exitDescription: String?

    /// Takes over a connected socket and sends the head; on the loop.
    init(
        loop: EventLoop, descriptor: Int32, call: FunctionStreamCall, contentType: UnsafeRawBufferPointer,
        headers: [CallHeader], owner: any FunctionStreamOwner
    ) {
        self.owner = owner
        body = HTTPRequestBody(headers)
        let head = CallHead(call, contentType: contentType, headers: headers).httpStream(length: body.length)
        let connection = Connection(loop: loop, descriptor: descriptor, owner: self, options: .toFunction)
        self.connection = connection
        connection.write(count: head.count) { $0.copyBytes(from: head) }
    }

    func send(_ message: UnsafeRawBufferPointer) -> Bool {
        // Past its end nobody reads it.
        guard let connection, inputIsOpen else { return true }
        guard let payload = try? InvokeStreamScan(scanning: message).payload else {
            end(.unreadable)
            return true
        }
        // An empty chunk would be the last one.
        guard payload.count > 0 else { return true }
        if let refusal = body.refusal(of: payload) {
            end(.refused(refusal))
            return true
        }
        guard StreamLimits.hasRoom(queued: connection.queuedOutput, for: payload.count) else {
            lacksRoom = true
            return false
        }
        body.write(payload) { connection.write(count: $0, $1) }
        return true
    }

    func endInput() {
        guard let connection, inputIsOpen else { return }
        inputIsOpen = false
        if let refusal = body.end({ connection.write(count: $0, $1) }) {
            end(.refused(refusal))
        }
    }

    func pause() {
        isPaused = true
        // Else it is done at the end of the turn that runs now.
        if !isReceiving { connection?.pauseReading() }
    }

    func resume() {
        isPaused = false
        if !isReceiving { connection?.resumeReading() }
    }

    func cancel() {
        owner = nil
        connection?.close()
        connection = nil
    }

    func exited(_ description: String, success: Bool) {
        exitDescription = description
    }

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) -> InputStep {
        isReceiving = true
        defer { isReceiving = false }
        var position = 0
        while !isPaused {
            do throws(HTTPResponseParser.Malformed) {
                switch try parser.next(bytes, from: &position) {
                case .wait: return .consumed(position, needed: 0)
                case .head(let head): begin(head)
                case .body(let piece): take(piece)
                case .end: finish()
                }
            } catch {
                end(.broken("it broke HTTP/1.1: \(error.reason)"))
            }
            if self.connection == nil { return .close }
        }
        connection.pauseReading()
        return .consumed(position, needed: 0)
    }

    func connectionHasRoom(_ connection: Connection) {
        guard lacksRoom else { return }
        lacksRoom = false
        owner?.functionStreamHasRoom(self)
    }

    func connectionClosed(_ connection: Connection) {
        if parser.finish() { finish() } else { end(.broken(exitDescription ?? "it closed its connection")) }
    }

    private func begin(_ head: HTTPResponseParser.Head) {
        self.head = head
        switch head.status {
        case 200:
            owner?.deliver(contentType: head.contentType, headers: head.headers, of: self)
        case 502, 504: break
        default: end(.broken("it answered with HTTP status \(head.status)"))
        }
    }

    private func take(_ piece: UnsafeRawBufferPointer) {
        guard head.status == 200 else {
            errorText.append(contentsOf: piece.prefix(StreamLimits.errorBytes - errorText.count))
            return
        }
        owner?.deliver(piece, of: self)
    }

    private func finish() {
        switch head.status {
        case 200: end(.finished)
        case 502: end(.failed(code: 2, message: String(decoding: errorText, as: UTF8.self)))
        default: end(.failed(code: 4, message: "the function says that its time is over"))
        }
    }

    private func end(_ how: FunctionStreamEnd) {
        guard let connection else { return }
        self.connection = nil
        // First: some functions serve one connection at a time, and the next call brings its own.
        connection.close()
        owner?.functionStream(self, ended: how)
        owner = nil
    }
}
