package import Model

/// Why a call failed: the only error that this library throws.
public struct ClientError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it is.
    public let code: Code
    /// One sentence for a person.
    public let message: String
    /// The id of the failed call, where the daemon told one; `fnrpc call get` shows it.
    public let callID: String?
    /// When trying again makes sense, from now on, where the daemon said so.
    public let retryAfter: Duration?
    /// The encoded google.rpc.Status with every detail, as the daemon or function sent it; empty if none came.
    public let status: [UInt8]

    /// The kinds of failure. Later versions may add cases.
    public enum Code: String, Sendable, CaseIterable {
        /// The request is malformed or out of range.
        case invalid = "INVALID"
        /// A body, frame or package is over its limit.
        case tooLarge = "TOO_LARGE"
        /// The named entity does not exist.
        case notFound = "NOT_FOUND"
        /// An entity with this name exists.
        case exists = "EXISTS"
        /// Somebody else changed it meanwhile.
        case conflict = "CONFLICT"
        /// The state of the entity does not allow this.
        case precondition = "PRECONDITION"
        /// The user's code failed: it crashed, exited, or answered with an error.
        case functionFailed = "FUNCTION_FAILED"
        /// A clock ran out.
        case timeout = "TIMEOUT"
        /// The Swift task was cancelled, or the daemon cancelled the call.
        case cancelled = "CANCELLED"
        /// A queue or limit is full; try again later.
        case busy = "BUSY"
        /// The daemon is stopping or not reachable, or the connection was lost.
        case unavailable = "UNAVAILABLE"
        /// The caller may not do this.
        case notPermitted = "NOT_PERMITTED"
        /// The caller has not shown who it is, or its token is not valid.
        case unauthenticated = "UNAUTHENTICATED"
        /// No such service or method.
        case unimplemented = "UNIMPLEMENTED"
        /// The platform itself failed, or answered with something that makes no sense.
        case internalError = "INTERNAL"
    }

    /// - Parameters:
    ///   - callID: `nil` if there is none.
    ///   - retryAfter: `nil` if nobody knows.
    ///   - status: empty if none came.
    public init(
        _ code: Code, _ message: String, callID: String? = nil, retryAfter: Duration? = nil, status: [UInt8] = []
    ) {
        self.code = code
        self.message = message
        self.callID = callID
        self.retryAfter = retryAfter
        self.status = status
    }

    public var description: String { message }

    /// ``status`` is not compared: it is another form of the same.
    public static func == (left: Self, right: Self) -> Bool {
        left.code == right.code && left.message == right.message && left.callID == right.callID
            && left.retryAfter == right.retryAfter
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(code)
        hasher.combine(message)
        hasher.combine(callID)
        hasher.combine(retryAfter)
    }
}

extension ClientError {
    /// The same failure in the words of this library.
    package init(_ failure: Failure, callID: String? = nil) {
        self.init(
            Code(failure.code), failure.message, callID: callID,
            retryAfter: failure.retryNanos.map { .nanoseconds(Int64(clamping: $0)) })
    }
}

extension ClientError.Code {
    /// The two enumerations have the same raw values; a test compares them.
    init(_ code: Failure.Code) {
        self = Self(rawValue: code.rawValue) ?? .internalError
    }
}
