import ArgumentParser
import Model

/// A length of time on the command line: `1.5` (seconds), `500ms`, `5s`, `2m`, `720h`.
struct TimeSpan: ExpressibleByArgument, Equatable {
    /// Shortest and longest, nanoseconds: 1 µs to 100 years.
    private static let range: ClosedRange<Double> = 1e3...3.15576e18
    private static let units: [(name: String, nanos: Double)] = [
        ("ms", 1e6), ("us", 1e3), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ]

    let nanoseconds: UInt64

    init(seconds: UInt64) { nanoseconds = seconds * 1_000_000_000 }

    init?(argument: String) {
        let unit = Self.units.first { argument.hasSuffix($0.name) }
        let digits = argument.dropLast(unit?.name.count ?? 0)
        guard digits.utf8.allSatisfy({ (48...57).contains($0) || $0 == UInt8(ascii: ".") }),
            let number = Double(digits)
        else { return nil }
        let nanos = (number * (unit?.nanos ?? 1e9)).rounded()
        guard Self.range.contains(nanos) else { return nil }
        nanoseconds = UInt64(nanos)
    }

    var defaultValueDescription: String { Shown.duration(nanoseconds) }

    var duration: Duration { .nanoseconds(Int64(clamping: nanoseconds)) }
}
