package import Drivers
package import Loop
package import Model
package import Wire

/// A streamed call on its way to a function.
package struct FunctionStreamCall {
    /// What is streamed.
    package enum Kind {
        /// A ttrpc service of the function's own: its messages pass untouched.
        ///
        /// - Parameters:
        ///   - flags: of the caller's Request frame.
        ///   - payload: of the caller's Request; borrowed.
        case service(
            service: UnsafeRawBufferPointer, method: UnsafeRawBufferPointer, flags: UInt8,
            payload: UnsafeRawBufferPointer)
        /// `Invocation/InvokeStream`: messages are InvokeStreamRequest one way and InvokeStreamResponse the other.
        ///
        /// - Parameters: content type and headers of the caller's first message; borrowed.
        case body(contentType: UnsafeRawBufferPointer, headers: [CallHeader])
    }

    package let kind: Kind
    /// The call's id.
    package let id: Identifier
    /// When the answer is worthless.
    package let deadline: Timestamp
    /// Time left, nanoseconds, at least 1.
    package let timeoutNanos: Int64
    /// Request metadata that the function gets beside `fn-call-id` and `fn-deadline`.
    package let metadata: [CallHeader]
    /// Of a call by path; kind `body` only.
    package let path: PathRequest?

    package init(
        kind: Kind, id: Identifier, deadline: Timestamp, timeoutNanos: Int64, metadata: [CallHeader],
        path: PathRequest? = nil
    ) {
        self.kind = kind
        self.id = id
        self.deadline = deadline
        self.timeoutNanos = timeoutNanos
        self.metadata = metadata
        self.path = path
    }
}

/// How a function ended a streamed call.
package enum FunctionStreamEnd {
    /// It has sent its last message.
    case finished
    /// It answered with one message instead of a stream (client streaming); borrowed for the duration of the callback.
    case response(UnsafeRawBufferPointer)
    /// The user's code said that it failed.
    ///
    /// - Parameters:
    ///   - code: google.rpc.Code, not 0.
    ///   - status: the function's whole Status message, empty if it sent none; borrowed.
    case failed(code: Int32, message: String, status: UnsafeRawBufferPointer)
    /// The call is its caller's mistake, for all that the function says.
    case refused(Failure)
    /// The function broke its contract or went away; it is not used again.
    case broken(String)

    /// A failure that is not the function's own Status.
    static func failed(code: Int32, message: String) -> FunctionStreamEnd {
        .failed(code: code, message: message, status: .init(start: nil, count: 0))
    }

    /// What the caller of a body sent is no InvokeStreamRequest.
    static var unreadable: FunctionStreamEnd {
        .refused(Failure(.invalid, "a message of the stream does not parse"))
    }
}

/// Who uses a function's stream. Called on the stream's loop.
package protocol FunctionStreamOwner: AnyObject {
    /// The function sent a message; borrowed for the duration of the callback. Not called while it is paused.
    func functionStream(_ stream: any FunctionStream, received message: UnsafeRawBufferPointer)
    /// ``FunctionStream/send(_:)`` was refused before and takes messages again.
    func functionStreamHasRoom(_ stream: any FunctionStream)
    /// The end; called exactly once, unless ``FunctionStream/cancel()`` came first. Nothing comes after it. It may come
    /// while the stream is paused, behind everything that the function sent.
    func functionStream(_ stream: any FunctionStream, ended: FunctionStreamEnd)
}

extension FunctionStreamOwner {
    /// Tells of a part of the body, at most ``StreamLimits/chunkBytes``.
    func deliver(_ part: UnsafeRawBufferPointer, of stream: any FunctionStream) {
        let room = InvokeStreamPayload.headroom
        withUnsafeTemporaryAllocation(byteCount: room + part.count, alignment: 16) { buffer in
            UnsafeMutableRawBufferPointer(rebasing: buffer[room...]).copyMemory(from: part)
            functionStream(stream, received: InvokeStreamPayload.message(in: buffer))
        }
    }

    /// Tells what stands before the body, at once: what follows may take long.
    func deliver(contentType: String, headers: [CallHeader], of stream: any FunctionStream) {
        let message = InvokeBody(contentType: contentType, headers: headers).encoded()
        if !message.isEmpty { message.withUnsafeBytes { functionStream(stream, received: $0) } }
    }
}

/// The function's side of one streamed call; it has a connection (or a process) of its own, so that its back pressure
/// is nobody else's. Loop-confined; made on the worker's loop.
package protocol FunctionStream: AnyObject {
    /// Sends one message of the caller.
    ///
    /// - Returns: `false` if there is no room: nothing was taken; offer it again when the owner is told of room.
    func send(_ message: UnsafeRawBufferPointer) -> Bool
    /// The caller has sent its last message.
    func endInput()
    /// Stops reading what the function sends, until ``resume()``.
    func pause()
    /// Goes on reading.
    func resume()
    /// Ends it: the function sees its connection close. Idempotent; the owner hears nothing more.
    func cancel()
    /// The function's process has ended. With format `default` that is the stream's end; elsewhere it only explains
    /// the end of the connection.
    ///
    /// - Parameter description: the end of a sentence.
    func exited(_ description: String, success: Bool)
}

/// Opens a streamed call to a function. On `loop`, the one of the function's worker.
///
/// - Parameters:
///   - sandbox: runs the function; with format `default` it waits for its assignment.
///   - plan: command line and environment without what belongs to the call; used by format `default`.
///   - call: its borrowed parts are used during this call only. With kind `body` the caller's first message still
///     has to be sent like the others.
///   - owner: held weakly; told nothing before this returns.
/// - Throws: `unavailable`, `busy` or `functionFailed` if the function accepts no connection or reads no standard input, and so
///   knows nothing of the call; `tooLarge` or `invalid` if the call's names and headers do not fit, `unimplemented` for a service of a function that is not of format `ttrpc`.
package func makeFunctionStream(
    format: FunctionSpec.Format, loop: EventLoop, sandbox: Sandbox, plan: Assignment, call: FunctionStreamCall,
    owner: any FunctionStreamOwner
) throws(Failure) -> any FunctionStream {
    switch (format, call.kind) {
    case (.ttrpc, _):
        return try TtrpcStream(loop: loop, descriptor: sandbox.connect(), call: call, owner: owner)
    case (.httpStream, .body(let contentType, let headers)):
        return try HTTPStream(
            loop: loop, descriptor: sandbox.connect(), call: call, contentType: contentType, headers: headers,
            owner: owner)
    case (.default, .body(let contentType, let headers)):
        return try ProcessStream(
            loop: loop, process: sandbox, plan: plan, call: call, contentType: contentType, headers: headers,
            owner: owner)
    case (.http, .body(let contentType, let headers)):
        try sandbox.requireReader()
        return PipeStream(
            loop: loop, process: sandbox, head: CallHead(call, contentType: contentType, headers: headers),
            owner: owner)
    case (.json, .body(let contentType, let headers)), (.cloudevent, .body(let contentType, let headers)):
        try sandbox.requireReader()
        return WholeStream(
            format: format, loop: loop, process: sandbox,
            head: CallHead(call, contentType: contentType, headers: headers), owner: owner)
    case (_, .service):
        throw Failure(.unimplemented, "only functions of format ttrpc serve methods of their own")
    }
}

/// Limits of streamed calls.
package enum StreamLimits {
    /// Payload of one message of InvokeStream, bytes.
    package static let chunkBytes = 256 << 10
    /// Output that waits for a function, bytes; at least one frame is always taken when nothing waits.
    package static let functionOutputBytes = 1 << 20
    /// Below this much waiting output a function has room again, bytes.
    static let roomBytes = Connection.lowWater
    /// The body of a streamed call to a function that takes whole bodies only, bytes.
    package static let wholeBytes = ContractLimits.replyBytes
    /// What of a function's own error text is kept, bytes.
    static let errorBytes = 4096

    /// Whether a message may join the output that waits. One of any size may as long as an owner that was refused would
    /// not be told of room.
    static func hasRoom(queued: Int, for count: Int) -> Bool {
        queued <= roomBytes || queued + count <= functionOutputBytes
    }
}
