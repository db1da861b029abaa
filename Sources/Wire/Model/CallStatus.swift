/// Where a call stands, or how it ended. This file is the one table of what can follow what, and of which reason goes with
/// which status; everything that reads or writes statuses asks it.
package enum CallStatus: String, Sendable, CaseIterable {
    /// Asynchronous, and its time has not come.
    case delayed
    /// Accepted; it waits for a container.
    case queued
    /// A container has it.
    case running
    /// The function answered.
    case success
    /// The user's code failed.
    case failed
    /// The platform failed.
    case error
    /// A clock ran out.
    case timeout
    /// The caller cancelled it, or went away.
    case cancelled

    /// What may come next; nothing, once it is completed.
    package var next: [CallStatus] {
        switch self {
        case .delayed: [.queued, .error, .timeout, .cancelled]
        // A function that does not start has failed without having run.
        case .queued: [.running, .failed, .error, .timeout, .cancelled]
        case .running: [.success, .failed, .error, .timeout, .cancelled]
        case .success, .failed, .error, .timeout, .cancelled: []
        }
    }

    /// Whether it never changes again.
    package var isCompleted: Bool { next.isEmpty }

    /// The statuses of finished calls, in the order of this table.
    package static let completed = allCases.filter(\.isCompleted)

    /// What a call with this status may have as its reason.
    package var reasons: [CallReason] {
        switch self {
        case .delayed, .queued, .running, .success, .error: [.none]
        case .failed: [.badExit, .killed]
        case .timeout: [.timeout]
        case .cancelled: [.clientRequest]
        }
    }

    /// Whether a record with this status may say why in its error text: only causes outside the user's code do. What
    /// the user's code has to say of its failure is in the call's log.
    package var hasErrorText: Bool {
        switch self {
        case .error, .timeout, .cancelled: true
        case .delayed, .queued, .running, .success, .failed: false
        }
    }

    /// The status as Fn's first API names it, which knows neither `failed` nor `timeout`: both are `error` there, with a
    /// reason that tells them apart.
    package var seed: CallStatus {
        switch self {
        case .failed, .timeout: .error
        case .delayed, .queued, .running, .success, .error, .cancelled: self
        }
    }

    /// The next status, if the table allows it.
    ///
    /// - Throws: `precondition` if it does not.
    package func changed(to next: CallStatus) throws(Failure) -> CallStatus {
        guard self.next.contains(next) else {
            let allowed =
                isCompleted ? "it is completed" : "allowed: " + self.next.map(\.rawValue).joined(separator: ", ")
            throw Failure(.precondition, "status: \(rawValue) cannot become \(next.rawValue); \(allowed)")
        }
        return next
    }
}

/// Why a call ended as it did, in a word for programs.
package enum CallReason: String, Sendable, CaseIterable {
    /// There is nothing to say.
    case none = ""
    /// A clock ran out.
    case timeout
    /// The kernel or the daemon ended the function: it went over a limit or did what it may not.
    case killed
    /// The function crashed, exited, broke its contract, or said that it failed.
    case badExit = "bad_exit"
    /// The caller did not want it any more.
    case clientRequest = "client_request"
}

/// How a function's process ended.
package struct CallExit: Hashable, Sendable {
    /// Exit code; `nil` if a signal ended it.
    package var code: Int32?
    /// Signal number; `nil` if it exited.
    package var signal: Int32?
    /// Whether the kernel killed something in the container for want of memory.
    package var ranOutOfMemory: Bool

    package init(code: Int32? = nil, signal: Int32? = nil, ranOutOfMemory: Bool = false) {
        self.code = code
        self.signal = signal
        self.ranOutOfMemory = ranOutOfMemory
    }

    /// Signals by which the kernel enforces a limit or forbids something (SIGKILL, SIGXCPU, SIGXFSZ, SIGSYS); any other
    /// is the function's own end.
    private static let enforcing: Set<Int32> = [9, 24, 25, 31]

    /// What a failed call that ended with its process has as its reason.
    package var reason: CallReason {
        ranOutOfMemory || signal.map(Self.enforcing.contains) == true ? .killed : .badExit
    }
}

extension CallStatus {
    /// The reason of a call that ended so.
    ///
    /// - Parameter exit: how the function's process ended; `nil`: it lives, or nobody knows.
    package func reason(_ exit: CallExit?) -> CallReason {
        // Where a status has one reason it is that; only `failed` has two.
        reasons.count == 1 ? reasons[0] : exit?.reason ?? .badExit
    }
}
