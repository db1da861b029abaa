package import Model

/// Containers that are there without any call (`min_containers`).
extension PoolMachine {
    /// A container that ends before this counts as a start that failed, nanoseconds.
    static let youthNanos: UInt64 = 1_000_000_000
    /// How long after the first failed start the least number is made up again, and after many; it doubles, nanoseconds.
    private static let firstRetryNanos: UInt64 = 500_000_000
    private static let longestRetryNanos: UInt64 = 30_000_000_000

    /// How many are there without any call.
    private var leastSlots: Int { keepsMinimum && !isStopping && !isDraining ? Int(limits.minSlots) : 0 }

    /// Containers beyond the least number.
    var spareSlots: Int { max(slots.count - leastSlots, 0) }

    /// Whether time changes anything here: there are containers or waiting calls, or should be.
    package var needsUpkeep: Bool { !isEmpty || leastSlots > 0 }

    /// What is missing of the least number; counts it as starting.
    ///
    /// - Returns: how many containers to start.
    package mutating func startMinimum(now: Instant) -> UInt32 {
        guard closing == nil, now >= keepsFrom else { return 0 }
        let missing = max(leastSlots - slots.count - Int(starting), 0)
        let count = min(UInt32(missing), limits.maxSlots - containers)
        starting += count
        startingKept += count
        return count
    }

    /// Whether to start a container in place of one whose time was over, so that the least number is kept; if so counts
    /// it as starting.
    mutating func wantsReplacement(now: Instant) -> Bool {
        guard closing == nil, now >= keepsFrom, slots.count + Int(starting) < leastSlots,
            containers < limits.maxSlots
        else { return false }
        starting += 1
        startingKept += 1
        return true
    }

    /// A function that does not start is not started all the time. Calls do not wait for this.
    mutating func noteFailure(now: Instant) {
        if now.nanoseconds(since: keepsFrom) >= Self.longestRetryNanos { failures = 0 }
        keepsFrom = now.advanced(byNanoseconds: min(Self.firstRetryNanos << failures, Self.longestRetryNanos))
        failures = min(failures + 1, 16)
    }
}
