package import Model

/// Lets so many calls a second pass, a second's worth of them at once: the generic cell rate algorithm (ITU-T I.371).
package struct RateLimiter {
    /// How much of its allowance may be used at once, nanoseconds.
    private static let burstNanos: UInt64 = 1_000_000_000

    /// Nanoseconds of one call; 0: there is no limit.
    private let interval: UInt64
    /// When all that was let through would be over, evenly spread.
    private var end = Instant(nanoseconds: 0)

    /// - Parameter rate: calls a second; 0: no limit.
    package init(rate: UInt32) { interval = rate == 0 ? 0 : Self.burstNanos / UInt64(rate) }

    /// A call comes.
    ///
    /// - Returns: `nil`: it passes; else in how many nanoseconds one will.
    package mutating func take(now: Instant) -> UInt64? {
        if let wait = wait(now: now) { return wait }
        if interval > 0 { end = max(end, now).advanced(byNanoseconds: interval) }
        return nil
    }

    /// What ``take(now:)`` would return.
    package func wait(now: Instant) -> UInt64? {
        guard interval > 0 else { return nil }
        let backlog = end.nanoseconds(since: now)
        return backlog + interval <= Self.burstNanos ? nil : backlog + interval - Self.burstNanos
    }
}
