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
    /// What the caller said that its body has, bytes; `nil`: it goes in chunks.
    private let length: Int?
    private var sent = 0
    private var inputIsOpen = true
    private var isPaused = false
    private var isReceiving = false
    private var lacksRoom = false
    private var exitDescription: String?

    /// More than any body has, bytes.
    private static let maxLength = 1 << 56

    /// Takes over a connected socket and sends the head; on the loop.
    init(
        loop: EventLoop, descriptor: Int32, call: FunctionStreamCall, contentType: UnsafeRawBufferPointer,
        headers: [CallHeader], owner: any FunctionStreamOwner
    ) {
        self.owner = owner
        length = headers.first { $0.name.lowercased() == "content-length" }
            .flatMap { HTTPHeader.decimal($0.value, max: Self.maxLength) }
        let head = HTTPRequestHead(
            id: call.id, deadline: call.deadline, contentType: String(decoding: contentType, as: UTF8.self),
            headers: headers, metadata: call.metadata, path: call.path, length: length
        ).encoded
        let connection = Connection(loop: loop, descriptor: descriptor, owner: self, options: .toFunction)
        self.connection = connection
        connection.write(count: head.count) { $0.copyBytes(from: head) }
    }

    func send(_ message: UnsafeRawBufferPointer) -> Bool {
        // Past its end nobody reads it.
        guard let connection, inputIsOpen else { return true }
        guard let payload = try? InvokeStreamScan(scanning: message).payload else {
            end(.failed(code: 3, message: "a message of the stream does not parse"))
            return true
        }
        // An empty chunk would be the last one.
        guard payload.count > 0 else { return true }
        if let length, payload.count > length - sent {
            end(.failed(code: 3, message: "the body is longer than its content-length of \(length) bytes"))
            return true
        }
        guard StreamLimits.hasRoom(queued: connection.queuedOutput, for: payload.count) else {
            lacksRoom = true
            return false
        }
        sent += payload.count
        if length != nil {
            connection.write(count: payload.count) { $0.copyMemory(from: payload) }
        } else {
            writeChunk(payload, connection)
        }
        return true
    }

    private func writeChunk(_ payload: UnsafeRawBufferPointer, _ connection: Connection) {
        var size = String(payload.count, radix: 16) + "\r\n"
        _ = size.withUTF8 { size in
            connection.write(count: size.count + payload.count + 2) { buffer in
                buffer.copyBytes(from: size)
                UnsafeMutableRawBufferPointer(rebasing: buffer[size.count...]).copyBytes(from: payload)
                buffer[buffer.count - 2] = 13
                buffer[buffer.count - 1] = 10
            }
        }
    }

    func endInput() {
        guard let connection, inputIsOpen else { return }
        inputIsOpen = false
        if let length {
            guard sent < length else { return }
            end(.failed(code: 3, message: "the body has \(sent) bytes; its content-length says \(length)"))
        } else {
            let last = "0\r\n\r\n".utf8
            connection.write(count: last.count) { $0.copyBytes(from: last) }
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
            let message = InvokeBody(contentType: head.contentType, headers: head.headers).encoded()
            // Told at once: what follows may take long.
            if !message.isEmpty { message.withUnsafeBytes { owner?.functionStream(self, received: $0) } }
        case 502, 504: break
        default: end(.broken("it answered with HTTP status \(head.status)"))
        }
    }

    private func take(_ piece: UnsafeRawBufferPointer) {
        guard head.status == 200 else {
            errorText.append(contentsOf: piece.prefix(StreamLimits.errorBytes - errorText.count))
            return
        }
        let room = InvokeStreamPayload.headroom
        withUnsafeTemporaryAllocation(byteCount: room + piece.count, alignment: 16) { buffer in
            UnsafeMutableRawBufferPointer(rebasing: buffer[room...]).copyMemory(from: piece)
            owner?.functionStream(self, received: InvokeStreamPayload.message(in: buffer))
        }
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
        owner?.functionStream(self, ended: how)
        owner = nil
        connection.close()
    }
}
