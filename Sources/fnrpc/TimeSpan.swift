import ArgumentParser
import Model

/// A length of time on the command line: `0`, `1.5` (seconds), `500ms`, `5s`, `2m`, `720h`. Whether 0 has a meaning is
/// for whoever takes it to say.
struct TimeSpan: OptionValue, Equatable {
    static let rule =
        "a time of at most 876600h, and 1us or more if it is not 0, such as 500ms, 5s, 2m or 1h; a number alone is seconds"

    /// Shortest and longest but 0, nanoseconds: 1 µs to 100 years.
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
        guard number == 0 || Self.range.contains(nanos) else { return nil }
        nanoseconds = UInt64(nanos)
    }

    /// Refuses what is out of a range.
    ///
    /// - Throws: a usage error that names the option and the limits.
    static func check(
        _ span: TimeSpan?, _ option: String, from shortest: UInt64, to longest: UInt64 = UInt64(range.upperBound)
    ) throws {
        guard let nanos = span?.nanoseconds, nanos < shortest || nanos > longest else { return }
        throw ValidationError(
            "\(option): \(Shown.duration(nanos)) is out of range; \(Shown.duration(shortest)) to \(Shown.duration(longest))"
        )
    }

    var duration: Duration { .nanoseconds(Int64(clamping: nanoseconds)) }
}
