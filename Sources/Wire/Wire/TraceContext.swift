/// The W3C `traceparent` of a call (Trace Context, level 1): `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`.
package struct TraceContext: Equatable, Sendable, CustomStringConvertible {
    /// Bytes of the text.
    package static let textBytes = 55

    private let high: UInt64
    private let low: UInt64
    private let parent: UInt64
    private let flags: UInt8

    /// Reads a `traceparent`; `nil` if it is none: such a header is ignored, as the standard says.
    package init?(_ text: UnsafeRawBufferPointer) {
        // A later version may be longer, but begins the same.
        guard text.count >= Self.textBytes, let version = Self.hex(text, 0, 2), version != 0xFF,
            text.count == Self.textBytes || (version > 0 && text[Self.textBytes] == Self.dash),
            text[2] == Self.dash, text[35] == Self.dash, text[52] == Self.dash,
            let high = Self.hex(text, 3, 16), let low = Self.hex(text, 19, 16), let parent = Self.hex(text, 36, 16),
            let flags = Self.hex(text, 53, 2), high | low != 0, parent != 0
        else { return nil }
        self.high = high
        self.low = low
        self.parent = parent
        self.flags = UInt8(flags)
    }

    /// As it is passed on, version 00.
    package var description: String {
        "00-\(traceID)-\(Self.text(parent, 16))-\(Self.text(UInt64(flags), 2))"
    }

    /// The trace's id alone: 32 hex digits.
    package var traceID: String { Self.text(high, 16) + Self.text(low, 16) }

    private static let dash = UInt8(ascii: "-")

    private static func text(_ value: UInt64, _ digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: digits - text.utf8.count) + text
    }

    /// Lower-case hex digits only, as the standard asks.
    private static func hex(_ text: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> UInt64? {
        var value: UInt64 = 0
        for byte in text[start..<(start + count)] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(byte - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}

/// The text of metadata `fnrpc-timeout`: a whole number and `ns`, `us`, `ms`, `s`, `m` or `h`.
package enum TimeoutText {
    /// Nanoseconds, at most 2^63 − 1; `nil` if it does not parse. A leading `-` gives a negative number: a time that has
    /// passed.
    package static func nanoseconds(_ text: UnsafeRawBufferPointer) -> Int64? {
        var digits = text[...]
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative { digits = digits.dropFirst() }
        var value: Int64 = 0
        var count = 0
        while let byte = digits.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
            value = overflow || carry ? .max : sum
            digits = digits.dropFirst()
            count += 1
        }
        guard count > 0, let unit = unit(UnsafeRawBufferPointer(rebasing: digits)) else { return nil }
        let (product, overflow) = value.multipliedReportingOverflow(by: unit)
        return (isNegative ? -1 : 1) * (overflow ? .max : product)
    }

    private static func unit(_ text: UnsafeRawBufferPointer) -> Int64? {
        if equal(text, "ns") { return 1 }
        if equal(text, "us") { return 1_000 }
        if equal(text, "ms") { return 1_000_000 }
        if equal(text, "s") { return 1_000_000_000 }
        if equal(text, "m") { return 60_000_000_000 }
        if equal(text, "h") { return 3_600_000_000_000 }
        return nil
    }
}
