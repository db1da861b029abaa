extension Timestamp {
    /// Reads RFC 3339 with `Z` or any offset, and up to 9 digits of the second's fraction.
    ///
    /// - Returns: `nil` for other text, for a leap second, and for a moment that 64 bits of nanoseconds do not reach
    ///   (before 1677-09-21 or after 2262-04-11).
    package init?(rfc3339 text: String) {
        guard let (seconds, nanos) = Self.seconds(rfc3339: text) else { return nil }
        // Toward zero, as the lowest number's whole seconds would be out of range.
        let isBefore = seconds < 0 && nanos > 0
        let (product, overflow) = (isBefore ? seconds + 1 : seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflow2) = product.addingReportingOverflow(isBefore ? nanos - 1_000_000_000 : nanos)
        guard !overflow, !overflow2 else { return nil }
        self.init(nanoseconds: sum)
    }

    /// Reads RFC 3339 of the years 1 to 9999 in UTC.
    ///
    /// - Returns: seconds since 1970-01-01T00:00:00Z, rounded down, and the nanoseconds beyond, 0 to 999,999,999; `nil`
    ///   for other text, and for a leap second.
    package static func seconds(rfc3339 text: String) -> (seconds: Int64, nanos: Int64)? {
        var reader = DigitReader(text.utf8)
        guard let year = reader.number(4), reader.take("-"), let month = reader.number(2), reader.take("-"),
            let day = reader.number(2), reader.take("T") || reader.take("t"), let hour = reader.number(2),
            reader.take(":"), let minute = reader.number(2), reader.take(":"), let second = reader.number(2),
            (1...12).contains(month), day >= 1, hour < 24, minute < 60, second < 60
        else { return nil }
        let days = days(year, month, day)
        guard civil(days: days) == (year, month, day) else { return nil }
        var nanos: Int64 = 0
        if reader.take(".") {
            guard let fraction = reader.fraction() else { return nil }
            nanos = fraction
        }
        var offset: Int64 = 0
        if !reader.take("Z"), !reader.take("z") {
            let isAhead = reader.take("+")
            guard isAhead || reader.take("-"), let hours = reader.number(2), reader.take(":"),
                let minutes = reader.number(2), hours < 24, minutes < 60
            else { return nil }
            offset = (isAhead ? 1 : -1) * (hours * 3600 + minutes * 60)
        }
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset
        guard reader.isAtEnd, (-62_135_596_800...253_402_300_799).contains(seconds) else { return nil }
        return (seconds, nanos)
    }

    /// The Gregorian date to days since 1970-01-01, by Howard Hinnant's `days_from_civil`.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

/// Takes fixed numbers of digits off a text.
private struct DigitReader {
    private var rest: Substring.UTF8View

    init(_ text: String.UTF8View) {
        rest = text[...]
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard let byte = rest.first, UInt32(byte) == character.value else { return false }
        rest = rest.dropFirst()
        return true
    }

    mutating func number(_ count: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<count {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// 1 to 9 digits behind the point, as nanoseconds.
    mutating func fraction() -> Int64? {
        var value: Int64 = 0
        var unit: Int64 = 1_000_000_000
        while let digit = digit() {
            guard unit > 1 else { return nil }
            unit /= 10
            value += digit * unit
        }
        return unit < 1_000_000_000 ? value : nil
    }

    private mutating func digit() -> Int64? {
        guard let byte = rest.first, (48...57).contains(byte) else { return nil }
        rest = rest.dropFirst()
        return Int64(byte - 48)
    }
}
