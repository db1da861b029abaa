internal import Loop
internal import Model
internal import Wire

/// A streamed call over contract `ttrpc`: the only stream, id 1, of a connection of its own. Messages pass as they are.
final class TtrpcStream: FunctionStream, ConnectionOwner {
    private static let streamID: UInt32 = 1

    private weak var owner: (any FunctionStreamOwner)?
    /// `nil` when the stream is over.
    private(set) var connection: Connection?
    /// Its messages are CallParts, not a service's own.
    private let isBody: Bool
    private var inputIsOpen: Bool
    /// Of a call by path, until the first message has taken it along.
    private var path: PathRequest?
    private var isPaused = false
    private var isReceiving = false
    private var lacksRoom = false
    private var exitDescription: String?

    /// Takes over a connected socket and sends the Request; on the loop.
    ///
    /// - Throws: `tooLarge` if the Request does not fit into a frame.
    init(
        loop: EventLoop, descriptor: Int32, call: FunctionStreamCall, owner: any FunctionStreamOwner
    ) throws(Failure) {
        self.owner = owner
        path = call.path
        let flags: UInt8
        switch call.kind {
        case .service(_, _, let given, _):
            isBody = false
            flags = given
        case .body:
            isBody = true
            flags = FrameHeader.remoteOpen
        }
        inputIsOpen = flags & FrameHeader.remoteOpen != 0 && flags & FrameHeader.remoteClosed == 0
        let connection = Connection(loop: loop, descriptor: descriptor, owner: self, options: .toFunction)
        let fits = withRequestMetadata(id: call.id, deadline: call.deadline, call.metadata) { metadata -> Bool in
            let frame =
                switch call.kind {
                case .service(let service, let method, _, let payload):
                    RequestFrame(
                        service: service, method: method, payload: payload, timeoutNanos: call.timeoutNanos,
                        metadata: metadata)
                case .body:
                    RequestFrame(
                        service: bytes(FunctionService.name), method: bytes(FunctionService.callStream),
                        payload: .init(start: nil, count: 0), timeoutNanos: call.timeoutNanos, metadata: metadata)
                }
            guard frame.length <= FrameHeader.maxLength else { return false }
            connection.write(count: FrameHeader.size + frame.length) { buffer in
                frame.write(streamID: Self.streamID, to: buffer)
                // The flags are the header's last byte.
                buffer[FrameHeader.size - 1] = flags
            }
            return true
        }
        guard fits else {
            self.owner = nil
            connection.close()
            throw Failure(.tooLarge, "the request and its metadata do not fit into a frame of 4194304 bytes")
        }
        self.connection = connection
    }

    func send(_ message: UnsafeRawBufferPointer) -> Bool {
        // Past its end nobody reads it.
        guard let connection, inputIsOpen else { return true }
        let isTaken = withCallRequest(message, path) { write($0, connection) }
        if isTaken { path = nil }
        return isTaken
    }

    private func write(_ message: UnsafeRawBufferPointer, _ connection: Connection) -> Bool {
        guard message.count <= FrameHeader.maxLength else {
            let text = "a message of \(message.count) bytes does not fit into a frame of \(FrameHeader.maxLength)"
            end(.refused(Failure(.tooLarge, text, quota: "frame")))
            return true
        }
        guard StreamLimits.hasRoom(queued: connection.queuedOutput, for: message.count) else {
            lacksRoom = true
            return false
        }
        connection.write(count: FrameHeader.size + message.count) {
            DataFrame.write(message, streamID: Self.streamID, to: $0)
        }
        return true
    }

    func endInput() {
        guard inputIsOpen else { return }
        inputIsOpen = false
        connection?.write(count: FrameHeader.size) { EndFrame().write(streamID: Self.streamID, to: $0) }
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
        var done = 0
        while !isPaused {
            switch FrameStep(UnsafeRawBufferPointer(rebasing: bytes[done...])) {
            case .incomplete(let needed): return .consumed(done, needed: needed)
            case .foreign: end(.broken("it answered with bytes that are not ttrpc"))
            case .tooLong(let header): end(.broken("it sent a frame of \(header.length) bytes; at most 4194304"))
            case .frame(let header):
                let data = bytes[(done + FrameHeader.size)..<(done + FrameHeader.size + Int(header.length))]
                done += FrameHeader.size + Int(header.length)
                // Frames of other streams were not asked for, and types of the future are to be ignored.
                if header.streamID == Self.streamID { take(header, UnsafeRawBufferPointer(rebasing: data)) }
            }
            if self.connection == nil { return .close }
        }
        connection.pauseReading()
        return .consumed(done, needed: 0)
    }

    func connectionHasRoom(_ connection: Connection) {
        guard lacksRoom else { return }
        lacksRoom = false
        owner?.functionStreamHasRoom(self)
    }

    func connectionClosed(_ connection: Connection) {
        end(.broken(exitDescription ?? "it closed its connection"))
    }

    private func take(_ header: FrameHeader, _ data: UnsafeRawBufferPointer) {
        switch header.type {
        case FrameHeader.data:
            if header.flags & FrameHeader.noData == 0 { deliver(data) }
            if header.flags & FrameHeader.remoteClosed != 0 { end(.finished) }
        case FrameHeader.response: answer(data)
        default: break
        }
    }

    private func answer(_ data: UnsafeRawBufferPointer) {
        guard let response = try? ResponseEnvelope(scanning: data) else {
            return end(.broken("its response does not parse"))
        }
        if response.code != 0 {
            let text = String(decoding: response.message, as: UTF8.self)
            let code = (1...16).contains(response.code) ? response.code : 2
            end(.failed(code: code, message: text, status: response.status))
        } else if response.payload.count > ContractLimits.replyBytes {
            let text = "the reply has \(response.payload.count) bytes; at most \(ContractLimits.replyBytes) are allowed"
            end(.failed(code: 8, message: text))
        } else if isBody {
            if response.payload.count > 0 { deliver(response.payload) }
            end(.finished)
        } else {
            end(.response(response.payload))
        }
    }

    private func deliver(_ message: UnsafeRawBufferPointer) {
        if isBody {
            // It goes to the caller as it is: nothing in it may pass for the daemon's own word.
            guard let part = try? InvokeStreamScan(scanning: message), part.lastField <= 3 else {
                return end(.broken("it sent a part that is not a CallPart"))
            }
            guard part.payload.count <= StreamLimits.chunkBytes else {
                return end(
                    .broken("it sent a part of \(part.payload.count) bytes; at most \(StreamLimits.chunkBytes)"))
            }
        }
        owner?.functionStream(self, received: message)
    }

    private func end(_ how: FunctionStreamEnd) {
        guard let connection else { return }
        self.connection = nil
        // What is told is borrowed from the connection's input.
        owner?.functionStream(self, ended: how)
        owner = nil
        connection.close()
    }
}
