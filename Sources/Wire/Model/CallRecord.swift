/// The record of a finished call. It stays readable when its function or its app is gone.
package struct CallRecord: Hashable, Sendable {
    package typealias Status = CallStatus

    /// The most bytes of ``log``: it is read in one answer.
    package static let maxLogBytes = 4032 << 10
    /// The most bytes of ``input``.
    package static let maxInputBytes = maxLogBytes
    /// The most bytes of ``error``; what is longer is cut.
    package static let maxErrorBytes = 8192
    /// The most bytes of its message, which has neither log nor input: ``error``, names and numbers are far below.
    package static let maxBytes = 16_384

    package var meta: Meta
    package var appID: Identifier
    /// The app's name at call time.
    package var appName: String
    package var functionID: Identifier
    package var functionName: String
    /// The source of the trigger that the call came by, as `/users/:id`; empty: it named its function.
    package var path: String
    /// The name of that trigger.
    package var trigger: String
    /// What served it; 0: a working copy that equals no version.
    package var version: UInt32
    /// The number that the caller asked for; 0: the working copy, or an alias.
    package var requestedVersion: UInt32
    /// The alias that the caller asked for; empty: none.
    package var requestedAlias: String
    /// One of ``CallStatus/completed``.
    package var status: Status
    /// One of ``CallStatus/reasons``.
    package var reason: CallReason
    /// Why it did not succeed, where the cause is outside the user's code; see ``CallStatus/hasErrorText``.
    package var error: String
    /// How the function's process ended; `nil`: it did not, or it had nothing to do with this call.
    package var exit: CallExit?
    /// When the function got it; `nil` if it never did.
    package var startedAt: Timestamp?
    package var completedAt: Timestamp
    /// From acceptance to dispatch, nanoseconds.
    package var waitNanos: UInt64
    /// Time to start the container that served it, nanoseconds; `nil` if it was hot.
    package var coldStartNanos: UInt64?
    /// From dispatch to the answer, nanoseconds.
    package var runNanos: UInt64
    /// The container that served it; empty if none did.
    package var container: String
    /// What it wrote to standard error and output, cut to the limit. Stores keep it apart: a record out of a store has none.
    package var log: [UInt8]
    /// Bytes of the log when the call ended; the log itself may have been removed since.
    package var logBytes: UInt64
    /// Whether the function wrote more than is kept.
    package var logTruncated: Bool
    /// The payload, if the function's spec asked for it; kept apart like ``log``.
    package var input: [UInt8]
    /// Bytes of the payload that were kept; 0: none were.
    package var inputBytes: UInt64
    /// Whether the payload was longer than what is kept.
    package var inputTruncated: Bool
    /// Names the snapshot of what it ran with; `nil`: there is none.
    package var spec: Digest?
    /// The W3C trace that its caller named, 32 hexadecimal digits; `nil`: none.
    package var traceID: String?

    /// - Parameter reason: `nil`: the one that `status` and `exit` give.
    package init(
        meta: Meta, appID: Identifier, appName: String, functionID: Identifier, functionName: String,
        path: String = "", trigger: String = "", version: UInt32, status: Status, reason: CallReason? = nil,
        error: String, exit: CallExit? = nil, startedAt: Timestamp?, completedAt: Timestamp, waitNanos: UInt64,
        coldStartNanos: UInt64?, runNanos: UInt64, container: String, log: [UInt8], logTruncated: Bool,
        input: [UInt8] = [], inputTruncated: Bool = false, spec: Digest? = nil, traceID: String? = nil,
        requestedVersion: UInt32 = 0, requestedAlias: String = ""
    ) {
        self.meta = meta
        self.appID = appID
        self.appName = appName
        self.functionID = functionID
        self.functionName = functionName
        self.path = path
        self.trigger = trigger
        self.version = version
        self.status = status
        self.reason = reason ?? status.reason(exit)
        self.error = error
        self.exit = exit
        self.startedAt = startedAt
        self.completedAt = completedAt
        self.waitNanos = waitNanos
        self.coldStartNanos = coldStartNanos
        self.runNanos = runNanos
        self.container = container
        self.log = log
        logBytes = UInt64(log.count)
        self.logTruncated = logTruncated
        self.input = input
        inputBytes = UInt64(input.count)
        self.inputTruncated = inputTruncated
        self.spec = spec
        self.traceID = traceID
        self.requestedVersion = requestedVersion
        self.requestedAlias = requestedAlias
    }

    /// Checks the status against the table.
    ///
    /// - Throws: `invalid` for a call that has not ended, and for a reason that its status does not have.
    package func validated() throws(Failure) -> CallRecord {
        guard status.isCompleted else {
            let ends = CallStatus.completed.map(\.rawValue).joined(separator: ", ")
            throw Failure(.invalid, "status: \(status.rawValue) is not the end of a call; use one of: \(ends)")
        }
        guard status.reasons.contains(reason) else {
            let known = status.reasons.map { $0 == .none ? "none" : $0.rawValue }.joined(separator: ", ")
            throw Failure(
                .invalid,
                "reason: \(quoted(reason.rawValue)) does not go with the status \(status.rawValue); use: \(known)"
            )
        }
        return self
    }

    /// The record as a store gives it back: what is kept apart is taken off.
    package var withoutContents: CallRecord {
        var record = self
        record.log = []
        record.input = []
        return record
    }
}

/// How much of calls is kept.
package struct CallRetention: Hashable, Sendable {
    /// Records; with them go their logs and inputs.
    package var calls: Int
    /// From acceptance, nanoseconds.
    package var callNanos: UInt64
    /// Calls whose logs and inputs are kept.
    package var logs: Int
    /// From acceptance, nanoseconds.
    package var logNanos: UInt64
    /// Bytes of all logs and inputs; where it is spent the oldest go.
    package var logBytes: UInt64

    package init(
        calls: Int = .max, callNanos: UInt64 = .max, logs: Int = .max, logNanos: UInt64 = .max,
        logBytes: UInt64 = .max
    ) {
        self.calls = calls
        self.callNanos = callNanos
        self.logs = logs
        self.logNanos = logNanos
        self.logBytes = logBytes
    }
}

/// Which calls of a function are recorded.
package enum RecordedCalls: String, Sendable, CaseIterable {
    case all
    /// All but those that succeed.
    case errors
    case none

    /// Whether a call that ended so is recorded.
    package func includes(_ status: CallStatus) -> Bool {
        switch self {
        case .all: true
        case .errors: status != .success
        case .none: false
        }
    }
}
