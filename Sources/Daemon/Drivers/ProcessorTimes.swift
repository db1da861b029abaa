import Model

/// What the machine's processors have done since it started, all of them together.
package struct ProcessorTimes: Sendable, Equatable {
    /// Time without work, also while something waits for a disk, nanoseconds.
    package let idleNanos: UInt64

    /// Hundredths of a second: the kernel shows them so, whatever it counts in.
    private static let tickNanos: UInt64 = 10_000_000

    /// - Parameter stat: the text of `/proc/stat`.
    /// - Returns: `nil` if it is no such text.
    package init?(stat: some StringProtocol) {
        guard let line = stat.split(separator: "\n", maxSplits: 1).first else { return nil }
        // cpu user nice system idle iowait …
        let fields = line.split(separator: " ")
        guard fields.count >= 6, fields[0] == "cpu", let idle = UInt64(fields[4]), let waiting = UInt64(fields[5])
        else {
            return nil
        }
        idleNanos = (idle &+ waiting).multipliedReportingOverflow(by: Self.tickNanos).partialValue
    }

    /// Now; `nil` if the kernel does not say. Reads a file.
    package static func now() -> ProcessorTimes? {
        Posix.text(of: "/proc/stat").flatMap { ProcessorTimes(stat: $0) }
    }

    /// Whether all processors had work since an earlier look: less than a fifth of one had none.
    ///
    /// - Parameter nanos: the time between the two; some ticks at least.
    package func areBusy(since earlier: ProcessorTimes, nanos: UInt64) -> Bool {
        // The kernel's count of waiting may go back a little.
        let idle = idleNanos > earlier.idleNanos ? idleNanos - earlier.idleNanos : 0
        return idle < nanos / 5
    }
}
