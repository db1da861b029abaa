import Model

/// The texts of google.protobuf's Timestamp, Duration and FieldMask.
enum WellKnownText {
    /// Seconds since 1970 of 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z.
    static let timestampSeconds: ClosedRange<Int64> = -62_135_596_800...253_402_300_799
    /// About 10,000 years.
    static let durationSeconds: ClosedRange<Int64> = -315_576_000_000...315_576_000_000

    /// RFC 3339 in UTC, with no, 3, 6 or 9 digits of the second; `nil`: out of range.
    static func timestamp(seconds: Int64, nanos: Int32) -> String? {
        guard timestampSeconds.contains(seconds), (0...999_999_999).contains(nanos) else { return nil }
        // Model's Timestamp is 64 bits of nanoseconds, which reach from 1677 to 2262 only.
        let days = Int64((Double(seconds) / 86_400).rounded(.down))
        let (year, month, day) = Timestamp.civil(days: days)
        let second = seconds - days * 86_400
        return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2) + "T" + padded(second / 3600, 2) + ":"
            + padded(second / 60 % 60, 2) + ":" + padded(second % 60, 2) + fraction(nanos) + "Z"
    }

    /// Seconds with `s`; `nil`: out of range, or signs that differ.
    static func duration(seconds: Int64, nanos: Int32) -> String? {
        guard durationSeconds.contains(seconds), (-999_999_999...999_999_999).contains(nanos),
            seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0)
        else { return nil }
        return (seconds < 0 || nanos < 0 ? "-" : "") + String(seconds.magnitude) + fraction(Int32(nanos.magnitude))
            + "s"
    }

    /// Reads `-1.5s`.
    static func duration(_ text: String) -> (seconds: Int64, nanos: Int32)? {
        guard let match = text.wholeMatch(of: /(-?)(\d{1,12})(?:\.(\d{1,9}))?s/.asciiOnlyDigits())?.output,
            let seconds = Int64(match.2), durationSeconds.contains(seconds)
        else { return nil }
        let nanos = nanos(match.3 ?? "")
        return match.1.isEmpty ? (seconds, nanos) : (-seconds, -nanos)
    }

    /// `foo_bar` as `fooBar`, and back.
    static func path(fromJSON text: String) -> String? {
        var result = ""
        for character in text {
            guard character != "_", character.isASCII else { return nil }
            result += character.isUppercase ? "_" + character.lowercased() : String(character)
        }
        return result
    }

    private static func nanos(_ digits: Substring) -> Int32 {
        Int32(digits + String(repeating: "0", count: 9 - digits.count)) ?? 0
    }

    private static func fraction(_ nanos: Int32) -> String {
        guard nanos != 0 else { return "" }
        let digits = padded(Int64(nanos), 9)
        if nanos % 1_000_000 == 0 { return "." + digits.prefix(3) }
        return "." + (nanos % 1000 == 0 ? digits.prefix(6) : digits[...])
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(width - digits.count, 0)) + digits
    }
}

/// The types that google.protobuf wraps a single value in, with the kind of their field 1.
enum Wrapper {
    static let kinds: [String: FieldDescriptor.Kind] = [
        "google.protobuf.DoubleValue": .double, "google.protobuf.FloatValue": .float,
        "google.protobuf.Int64Value": .int64, "google.protobuf.UInt64Value": .uint64,
        "google.protobuf.Int32Value": .int32, "google.protobuf.UInt32Value": .uint32,
        "google.protobuf.BoolValue": .bool, "google.protobuf.StringValue": .string,
        "google.protobuf.BytesValue": .bytes,
    ]

    /// The wrapper's only field.
    static func field(_ kind: FieldDescriptor.Kind) -> FieldDescriptor {
        var field = FieldDescriptor()
        (field.name, field.jsonName, field.number, field.kind) = ("value", "value", 1, kind)
        return field
    }

    /// The types whose JSON is not an object of their fields, so that an Any holds it as `value`.
    static func isSpecial(_ type: String) -> Bool {
        kinds[type] != nil
            || [
                "Timestamp", "Duration", "FieldMask", "Struct", "Value", "ListValue", "Any",
            ].contains { type == "google.protobuf." + $0 }
    }
}
