/// Metrics as text in Prometheus' exposition format, version 0.0.4, in the order in which they are written. Not
/// thread-safe.
struct Exposition: Sendable {
    /// What Prometheus does with a family's numbers.
    enum Kind: String, Sendable {
        /// Only grows, until the daemon starts again.
        case counter
        case gauge
        case histogram
    }

    typealias Labels = KeyValuePairs<String, String>

    /// UTF-8; ends in a line feed, as the format asks.
    private(set) var text: [UInt8] = []

    /// Begins a family; all its samples follow before the next one begins.
    ///
    /// - Parameters:
    ///   - name: letters, digits and `_`; given once.
    ///   - help: one sentence.
    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) ".utf8
        // Quotes stay as they are here, other than in labels.
        escape(help, quotes: false)
        text += "\n# TYPE \(name) \(kind.rawValue)\n".utf8
    }

    /// One number of the family that was begun last.
    mutating func sample(_ name: String, _ labels: Labels, _ value: UInt64) {
        write(name, labels, value.description)
    }

    /// A family with one number.
    mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: UInt64) {
        family(name, kind, help)
        write(name, [:], value.description)
    }

    /// A family with one time, written in seconds.
    mutating func single(_ name: String, _ kind: Kind, _ help: String, nanoseconds: UInt64) {
        family(name, kind, help)
        write(name, [:], Self.seconds(nanoseconds))
    }

    /// A histogram of durations.
    ///
    /// - Parameters:
    ///   - counts: for each bucket, and one more for what is longer than all bounds.
    ///   - bounds: the buckets' upper bounds, nanoseconds, growing.
    ///   - sum: of all durations, nanoseconds.
    mutating func histogram(_ name: String, _ labels: Labels, counts: [UInt64], bounds: [UInt64], sum: UInt64) {
        var total: UInt64 = 0
        for (index, count) in counts.enumerated() {
            total += count
            let bound = index < bounds.count ? Self.seconds(bounds[index]) : "+Inf"
            write(name + "_bucket", labels, total.description, bound: bound)
        }
        write(name + "_sum", labels, Self.seconds(sum))
        sample(name + "_count", labels, total)
    }

    /// Nanoseconds as a decimal number of seconds, exact.
    static func seconds(_ nanos: UInt64) -> String {
        let fraction = nanos % 1_000_000_000
        guard fraction > 0 else { return String(nanos / 1_000_000_000) }
        var digits = String(fraction + 1_000_000_000).dropFirst()
        while digits.last == "0" { digits = digits.dropLast() }
        return "\(nanos / 1_000_000_000).\(digits)"
    }

    private mutating func write(_ name: String, _ labels: Labels, _ value: String, bound: String? = nil) {
        text += name.utf8
        var separator = "{"
        for (label, value) in labels {
            text += "\(separator)\(label)=\"".utf8
            escape(value, quotes: true)
            text += "\"".utf8
            separator = ","
        }
        if let bound {
            text += "\(separator)le=\"\(bound)\"".utf8
            separator = ","
        }
        text += "\(separator == "," ? "}" : "") \(value)\n".utf8
    }

    private mutating func escape(_ value: String, quotes: Bool) {
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): text += "\\\\".utf8
            case UInt8(ascii: "\n"): text += "\\n".utf8
            case UInt8(ascii: "\"") where quotes: text += "\\\"".utf8
            default: text.append(byte)
            }
        }
    }
}
