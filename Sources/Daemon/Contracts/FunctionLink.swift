package import Model
package import Wire

/// One unary call on its way to a function.
package struct FunctionCall {
    /// What is called.
    package enum Target {
        /// The function itself, by name.
        case invoke(InvokeScan)
        /// A ttrpc service of the function's own: the payload passes untouched. Only format `ttrpc` has these.
        case service(
            service: UnsafeRawBufferPointer, method: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer)
    }

    /// Borrowed for the duration of `send`.
    package let target: Target
    /// The call's id.
    package let id: Identifier
    /// When the answer is worthless.
    package let deadline: Timestamp
    /// Time left, nanoseconds, at least 1.
    package let timeoutNanos: Int64
    /// What the function gets beside `fn-call-id` and `fn-deadline`: Request metadata with ttrpc; elsewhere only
    /// `traceparent` and `tracestate`, as headers.
    package let metadata: [CallHeader]
    /// Of a call by path.
    package let path: PathRequest?
    /// What the link gives back with the answer; it keeps it alive meanwhile.
    package let token: AnyObject

    package init(
        target: Target, id: Identifier, deadline: Timestamp, timeoutNanos: Int64, metadata: [CallHeader] = [],
        path: PathRequest? = nil, token: AnyObject
    ) {
        self.target = target
        self.id = id
        self.deadline = deadline
        self.timeoutNanos = timeoutNanos
        self.metadata = metadata
        self.path = path
        self.token = token
    }

    /// A call of the function itself.
    package init(
        request: InvokeScan, id: Identifier, deadline: Timestamp, timeoutNanos: Int64, metadata: [CallHeader] = [],
        path: PathRequest? = nil, token: AnyObject
    ) {
        self.init(
            target: .invoke(request), id: id, deadline: deadline, timeoutNanos: timeoutNanos, metadata: metadata,
            path: path, token: token)
    }
}

/// A call as it is written to a function. Every container of one version is written the same.
package struct PreparedRequest: Sendable {
    /// What is written.
    package let bytes: [UInt8]
    /// How many of them, at the end, are the body.
    let bodyCount: Int
    /// How the answer is read; `nil` where the format has only one way.
    let reply: PipeReply?
}

/// How a function answered.
package enum FunctionReply {
    /// The payload of its Response (a CallResponse message if the function itself was called), not decoded; borrowed
    /// for the duration of the callback.
    case message(UnsafeRawBufferPointer)
    /// A reply in parts.
    case body(InvokeBody)
    /// The user's code said that it failed.
    ///
    /// - Parameters:
    ///   - code: google.rpc.Code, 1 to 16.
    ///   - status: the function's whole Status message, empty if it sent none; borrowed like a message.
    case failed(code: Int32, message: String, status: UnsafeRawBufferPointer)
    /// The call is its caller's mistake, for all that the function says; it takes the next one.
    case refused(Failure)
    /// The function broke its contract; it is not used again.
    case broken(String)

    /// A failure that is not the function's own Status.
    static func failed(code: Int32, message: String) -> FunctionReply {
        .failed(code: code, message: message, status: .init(start: nil, count: 0))
    }

    /// The answer of formats that have no services of their own.
    static var hasNoServices: FunctionReply {
        .refused(Failure(.unimplemented, "only functions of format ttrpc serve methods of their own"))
    }
}

/// Who uses a link. Called on the link's loop.
package protocol FunctionLinkOwner: AnyObject {
    /// A call has its answer.
    func answered(_ token: AnyObject, _ reply: FunctionReply)
    /// Whether a call that is on its way to the link still needs an answer. Thread-safe.
    func wants(_ token: AnyObject) -> Bool
    /// The connection of a call was lost; those of others go on.
    func callLost(_ token: AnyObject, _ reason: String)
    /// The function has read nothing of a call, and will not: another container may have it. This one takes no calls any more.
    ///
    /// - Parameter reason: why, as the end of a sentence.
    func callNotBegun(_ token: AnyObject, _ request: PreparedRequest, _ reason: String)
    /// The function closed its side or spoke nonsense; no further answers come.
    func linkLost(_ reason: String)
}

/// A way to speak to one container: one implementation per contract.
package protocol FunctionLink: AnyObject {
    /// Sends a call; the answer comes to the owner. Thread-safe.
    func send(_ call: FunctionCall)
    /// Sends a call that another link of the same version did not: what it told of by ``FunctionLinkOwner/callNotBegun(_:_:_:)``
    /// or gave by ``takeUnread()``. Thread-safe.
    func send(_ request: PreparedRequest, for token: AnyObject)
    /// Forgets a call: its answer, if it comes, is dropped. On the loop.
    func abandon(_ token: AnyObject)
    /// Takes the calls that have no answer yet. On the loop.
    func takePending() -> [AnyObject]
    /// Whether nothing was read of a pending call by now, and whoever still could is not known to have gone: the runtime that made
    /// the container holds its pipes for some milliseconds. On the loop.
    var isUndecided: Bool { get }
    /// Takes those of them of which nothing was read, nor will be. Once the function has ended, or is thought to; on the loop.
    func takeUnread() -> [(token: AnyObject, request: PreparedRequest)]
    /// The function's process has ended. On the loop.
    func exited(_ description: String, success: Bool)
    /// A streamed call is about to use the function: what it shares with unary calls is let go of. On the loop.
    func lend()
    /// The streamed call has ended. On the loop.
    func takeBack()
    /// Closes. On the loop.
    func close()
}

extension FunctionLink {
    package func lend() {}
    package func takeBack() {}
    package var isUndecided: Bool { false }
    package func takeUnread() -> [(token: AnyObject, request: PreparedRequest)] { [] }
    package func send(_ request: PreparedRequest, for token: AnyObject) {
        preconditionFailure("BUG: a link of this format prepares no requests")
    }
}

/// Limits that all contracts share.
package enum ContractLimits {
    /// The largest reply, bytes: a frame less room for the envelope.
    package static let replyBytes = FrameHeader.maxLength - (64 << 10)
    /// All header lines of a reply, bytes.
    package static let headerBytes = 64 << 10
    /// Headers of a reply.
    package static let headerCount = EnvelopeLimits.metadataEntries
    /// Bytes of a reply's content type.
    package static let contentTypeBytes = FunctionSpec.Limits.contentTypeBytes
    /// The text of a reply in JSON, bytes: more than its body, because of escapes.
    package static let jsonBytes = 8 << 20
}
