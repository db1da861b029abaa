internal import Model

/// When another container is worth its start.
extension PoolMachine {
    /// What the machine's processors do.
    package enum Processors: Sendable, Equatable {
        /// Some of them have nothing to do.
        case free
        /// All of them have work.
        ///
        /// - Parameter used: thousandths of a core that a container of this function used while calls were in all of
        ///   them; `nil`: not known yet.
        case busy(used: UInt64?)
    }

    /// A function whose containers use less of a core than this while calls are in them waits for something else, so more of
    /// them get more done, however busy the processors are. Thousandths.
    package static let waitingMilli: UInt64 = 125
    /// A single call counts as this many times the average at most: one that was held up says nothing of the others.
    private static let mostTimesAverage: UInt64 = 8

    /// Notes how long a call took.
    mutating func measure(_ nanos: UInt64) {
        guard serviceNanos > 0 else {
            serviceNanos = nanos
            return
        }
        let most = serviceNanos.multipliedReportingOverflow(by: Self.mostTimesAverage)
        serviceNanos -= serviceNanos / 8
        serviceNanos += min(nanos, most.overflow ? nanos : most.partialValue) / 8
    }

    /// Whether to start a container, and if so counts it as starting: only when waiting costs more than starting, and
    /// another container would get more done.
    ///
    /// - Parameter besideOthers: also while others start, if it is worth it with them counted as there. Until the first one is
    ///   there, nothing is known that this could be judged by.
    mutating func wantsStart(now: Instant, besideOthers: Bool = false) -> Bool {
        guard !isStopping, waiting > 0, containers < limits.maxSlots else { return false }
        if limits.isSingleUse {
            guard Int(starting) < waiting else { return false }
        } else if slots.isEmpty {
            guard starting == 0 else { return false }
        } else {
            guard starting == 0 || besideOthers, expectedWait(now: now) > coldNanos, gainsFromMore(now: now) else {
                return false
            }
        }
        starting += 1
        return true
    }

    /// What short calls wait for while the processors are busy is a processor, if not their own then the daemon's.
    private func gainsFromMore(now: Instant) -> Bool {
        switch processors {
        case .free: true
        case .busy(let used): used.map { $0 < Self.waitingMilli && expectedService(now: now) >= coldNanos } ?? false
        }
    }

    /// Before any call was measured, one that runs shows that the service time is at least its age.
    private func expectedService(now: Instant) -> UInt64 {
        guard serviceNanos == 0 else { return serviceNanos }
        return slots.reduce(0) { $1.calls > 0 ? max($0, now.nanoseconds(since: $1.lastUsed)) : $0 }
    }

    /// How long the last waiter would wait: (queue × service time + what calls take longer than that already) ÷ capacity,
    /// nanoseconds.
    private func expectedWait(now: Instant) -> UInt64 {
        let service = expectedService(now: now)
        var late: UInt64 = 0
        for slot in slots where slot.calls > 0 {
            let age = now.nanoseconds(since: slot.lastUsed)
            if age > service { late &+= (age - service) &* UInt64(slot.calls) }
        }
        let capacity = (UInt64(slots.count) + UInt64(starting)) * UInt64(limits.concurrency)
        return (service.multipliedReportingOverflow(by: UInt64(waiting)).partialValue &+ late) / max(capacity, 1)
    }
}
