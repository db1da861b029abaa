package import Model

/// What a call would get, before anything is made for it: under overload most calls get nothing.
extension PoolMachine {
    /// What a call would get that came now.
    package enum Outlook: Sendable, Equatable {
        /// A slot, or `waits`: a place in the queue; ``lease(_:of:now:)`` decides.
        case open(waits: Bool)
        /// Nothing.
        ///
        /// - Parameter leavesTrace: it is one of the few of each second that are to be remembered one by one.
        case refused(Refusal, leavesTrace: Bool)
    }

    /// Why a call gets nothing.
    package enum Refusal: Sendable, Equatable {
        /// The queue is full.
        case full
        /// Too many came in this second; when to come again, nanoseconds.
        case limited(UInt64)
    }

    /// How many refusals of a second leave a trace, so that a flood of them neither costs as much as calls nor drives out what
    /// is remembered of calls.
    package static let tracesPerSecond: UInt32 = 100

    /// What a call would get that came now. It takes nothing, and others may come before it.
    package mutating func outlook(now: Instant) -> Outlook {
        guard closing == nil else { return .open(waits: true) }
        if let wait = rate.wait(now: now) { return refused(.limited(wait), now: now) }
        guard isSaturated else { return .open(waits: false) }
        return hasRoomToWait ? .open(waits: true) : refused(.full, now: now)
    }

    private mutating func refused(_ refusal: Refusal, now: Instant) -> Outlook {
        lastCall = now
        return .refused(refusal, leavesTrace: traces.take(now: now) == nil)
    }

    /// Whether one call more may wait. The call that a start is for waits for it, whatever the bound.
    var hasRoomToWait: Bool {
        waiters.count < Int(limits.maxWaiters)
            || (waiters.count == 0 && (starting > 0 || containers < limits.maxSlots))
    }
}
