import Glibc
import Model

/// Columns for people. Cells come from elsewhere and cannot drive the terminal.
struct Table {
    /// The headings.
    let columns: [String]
    /// Each as long as ``columns``.
    var rows: [[String]] = []

    init(_ columns: String...) {
        self.columns = columns
    }

    /// Names and values, one pair a line.
    static func pairs(_ pairs: [(String, String)]) -> String {
        let width = pairs.map { $0.0.count }.max() ?? 0
        return pairs.map { name, value in
            let line = pad(name + ":", width + 2) + Terminal.harmless(value)
            return line.trimmingBlanks + "\n"
        }.joined()
    }

    /// The whole table.
    var text: String {
        let cells = [columns] + rows.map { $0.map(Terminal.harmless) }
        let widths = columns.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        return cells.map { row in
            zip(row, widths).map { Self.pad($0, $1 + 2) }.joined().trimmingBlanks + "\n"
        }.joined()
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(width - text.count, 0))
    }
}

extension String {
    fileprivate var trimmingBlanks: String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}

/// Numbers as people read them.
enum Shown {
    /// A duration with three digits and its unit.
    static func duration(_ nanos: UInt64) -> String {
        switch nanos {
        case ..<1000: "\(nanos) ns"
        case ..<1_000_000: digits(Double(nanos) / 1e3) + " µs"
        case ..<1_000_000_000: digits(Double(nanos) / 1e6) + " ms"
        default: digits(Double(nanos) / 1e9) + " s"
        }
    }

    /// A moment, to the millisecond.
    static func time(_ time: Timestamp) -> String { time.rfc3339(fractionDigits: 3) }

    /// How often in a second, with three digits.
    static func rate(_ perSecond: Double) -> String { digits(perSecond) }

    /// Memory in its unit, with three digits.
    static func bytes(_ count: UInt64) -> String {
        switch count {
        case ..<(1 << 20): digits(Double(count) / 1024) + " KiB"
        case ..<(1 << 30): digits(Double(count) / 0x1p20) + " MiB"
        default: digits(Double(count) / 0x1p30) + " GiB"
        }
    }

    private static func digits(_ number: Double) -> String {
        let factor: Double = number < 10 ? 100 : number < 100 ? 10 : 1
        let rounded = (number * factor).rounded() / factor
        return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
    }
}
