/// Why something was refused or went wrong, for people and for programs.
///
/// The one error type of the control plane; the data plane uses ``Failure/Code`` with a fixed text.
package struct Failure: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is; decides the ttrpc status and the exit code.
    package let code: Code
    /// One sentence for a person: what is wrong, with the field, the value and the limit where there are any.
    package let message: String
    /// When trying again makes sense, nanoseconds from now; travels as RetryInfo.
    package let retryNanos: UInt64?
    /// The limit that was hit, by its setting's name; travels as QuotaFailure.
    package let quota: String?
    /// What else is wrong with the request: texts like ``message``, at most ``maxFurther``; travel as BadRequest.
    package let further: [String]

    /// The status on the wire, google.rpc.Code; the code's own unless somebody else's status is passed on.
    package let status: Int32

    /// What led to it, if it was something else; for the log alone.
    package let causes: [Failure]
    /// Where it was raised; for the log alone.
    package let site: Site
    /// The calls that led there, if the platform itself failed; for the log alone.
    let backtrace: Backtrace?

    /// A line of our source.
    package struct Site: Sendable, CustomStringConvertible {
        let file: StaticString
        let line: UInt

        package var description: String { "\(file):\(line)" }
    }

    /// Texts behind the first one that are kept.
    package static let maxFurther = 32

    /// - Parameters:
    ///   - message: shown to the caller as it is, as `further` is; never put secrets or internal paths into it.
    ///   - further: those beyond ``maxFurther`` are dropped.
    ///   - status: 1 to 16; `nil`: the code's.
    ///   - cause: what led to it.
    package init(
        _ code: Code, _ message: String, retryNanos: UInt64? = nil, quota: String? = nil, further: [String] = [],
        status: Int32? = nil, cause: Failure? = nil, file: StaticString = #fileID, line: UInt = #line
    ) {
        self.code = code
        self.message = message
        self.retryNanos = retryNanos
        self.quota = quota
        self.further = Array(further.prefix(Self.maxFurther))
        self.status = status ?? code.status
        causes = cause.map { [$0] } ?? []
        site = Site(file: file, line: line)
        // The deepest cause has the way that tells most.
        let isOurs = code == .internalError && cause?.backtrace == nil
        backtrace = isOurs ? Backtrace.capture() : nil
    }

    package var description: String { message }
}

extension Failure {
    /// The kinds of failure. This is the single table from a failure to its status on the wire and its exit code.
    package enum Code: String, Sendable, CaseIterable {
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
        /// The caller went away or asked to stop.
        case cancelled = "CANCELLED"
        /// A queue or limit is full; try again later.
        case busy = "BUSY"
        /// The daemon is stopping or not reachable.
        case unavailable = "UNAVAILABLE"
        /// The caller may not do this.
        case notPermitted = "NOT_PERMITTED"
        /// The caller has not shown who it is, or its token is not valid.
        case unauthenticated = "UNAUTHENTICATED"
        /// No such service or method.
        case unimplemented = "UNIMPLEMENTED"
        /// The platform itself failed.
        case internalError = "INTERNAL"

        /// The status on the wire: google.rpc.Code, 0 to 16 and never others (some clients read those as success).
        package var status: Int32 {
            switch self {
            case .cancelled: 1
            case .functionFailed: 2
            case .invalid: 3
            case .timeout: 4
            case .notFound: 5
            case .exists: 6
            case .notPermitted: 7
            case .busy, .tooLarge: 8
            case .precondition: 9
            case .conflict: 10
            case .unimplemented: 12
            case .internalError: 13
            case .unavailable: 14
            case .unauthenticated: 16
            }
        }

        /// The exit code of the `fnrpc` command.
        package var exitCode: Int32 {
            switch self {
            case .notFound: 3
            case .invalid, .tooLarge, .exists, .conflict, .precondition: 4
            case .functionFailed: 5
            case .timeout: 6
            case .busy: 7
            case .unavailable: 8
            case .notPermitted, .unauthenticated: 9
            case .cancelled, .unimplemented, .internalError: 1
            }
        }

        /// The code for a status whose sender gave no reason.
        package init(status: Int32) {
            switch status {
            case 1: self = .cancelled
            case 3, 11: self = .invalid
            case 4: self = .timeout
            case 5: self = .notFound
            case 6: self = .exists
            case 7: self = .notPermitted
            case 8: self = .busy
            case 9: self = .precondition
            case 10: self = .conflict
            case 12: self = .unimplemented
            case 14: self = .unavailable
            case 16: self = .unauthenticated
            default: self = .internalError
            }
        }
    }
}
