internal import Model

/// Lets one line of a kind into the log in a minute. A value; its owner locks.
struct LineLimit {
    /// How long the next one waits, nanoseconds.
    static let periodNanos: UInt64 = 60_000_000_000

    private var last: Instant?
    private var leftOut = 0

    /// The line as it goes to the log, with how many before it did not; `nil`: it does not either.
    mutating func admit(_ line: String, now: Instant) -> String? {
        if let last, now.nanoseconds(since: last) < Self.periodNanos {
            leftOut += 1
            return nil
        }
        defer {
            last = now
            leftOut = 0
        }
        return leftOut == 0 ? line : "\(line) (and \(leftOut) times more since the last such line)"
    }
}
