package import Model
package import Wire

/// One call on its way to a function.
package struct FunctionCall {
    /// The caller's InvokeRequest; borrowed for the duration of `send`.
    package let request: InvokeScan
    /// The call's id as text.
    package let id: String
    /// When the answer is worthless.
    package let deadline: Timestamp
    /// Time left, nanoseconds.
    package let timeoutNanos: Int64
    /// What the link gives back with the answer; it keeps it alive meanwhile.
    package let token: AnyObject

    package init(request: InvokeScan, id: String, deadline: Timestamp, timeoutNanos: Int64, token: AnyObject) {
        self.request = request
        self.id = id
        self.deadline = deadline
        self.timeoutNanos = timeoutNanos
        self.token = token
    }
}

/// How a function answered.
package enum FunctionReply {
    /// A CallResponse message, not decoded; borrowed for the duration of the callback.
    case message(UnsafeRawBufferPointer)
    /// A reply in parts.
    case body(InvokeBody)
    /// The user's code said that it failed.
    ///
    /// - Parameter code: google.rpc.Code, not 0.
    case failed(code: Int32, message: String)
    /// The function broke its contract; it is not used again.
    case broken(String)
}

/// Who uses a link. Called on the link's loop.
package protocol FunctionLinkOwner: AnyObject {
    /// A call has its answer.
    func answered(_ token: AnyObject, _ reply: FunctionReply)
    /// Whether a call that is on its way to the link still needs an answer. Thread-safe.
    func wants(_ token: AnyObject) -> Bool
    /// The function closed its side or spoke nonsense; no further answers come.
    func linkLost(_ reason: String)
}

/// A way to speak to one container: one implementation per contract.
package protocol FunctionLink: AnyObject {
    /// Sends a call; the answer comes to the owner. Thread-safe.
    func send(_ call: FunctionCall)
    /// Forgets a call: its answer, if it comes, is dropped. On the loop.
    func abandon(_ token: AnyObject)
    /// Takes the calls that have no answer yet. On the loop.
    func takePending() -> [AnyObject]
    /// The function's process has ended. On the loop.
    func exited(_ description: String, success: Bool)
    /// Closes. On the loop.
    func close()
}

/// Limits that all contracts share.
package enum ContractLimits {
    /// The largest reply, bytes: a frame less room for the envelope.
    package static let replyBytes = FrameHeader.maxLength - (64 << 10)
    /// All header lines of a reply, bytes.
    package static let headerBytes = 64 << 10
}
