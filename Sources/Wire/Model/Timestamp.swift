internal import Glibc

/// A moment in UTC: nanoseconds since 1970-01-01T00:00:00Z.
package struct Timestamp: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// The wall clock's present time.
    package static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// RFC 3339 with nanoseconds and `Z`.
    package var description: String { rfc3339(fractionDigits: 9) }

    /// RFC 3339 in UTC. The years of 64 bits of nanoseconds have four digits.
    ///
    /// - Parameter fractionDigits: 0 to 9 digits of the second's fraction, cut, not rounded.
    package func rfc3339(fractionDigits: Int) -> String {
        String(unsafeUninitializedCapacity: Self.textCount) { buffer in
            write(to: UnsafeMutableRawBufferPointer(buffer), fractionDigits: fractionDigits)
        }
    }

    /// The longest ``rfc3339(fractionDigits:)``, bytes.
    package static let textCount = 30

    /// Writes ``rfc3339(fractionDigits:)`` into a buffer of ``textCount`` bytes; how many it took.
    package func write(to buffer: UnsafeMutableRawBufferPointer, fractionDigits: Int) -> Int {
        precondition(buffer.count >= Self.textCount, "BUG: a time has up to \(Self.textCount) characters")
        var (seconds, fraction) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        if fraction < 0 {
            seconds -= 1
            fraction += 1_000_000_000
        }
        var (days, second) = seconds.quotientAndRemainder(dividingBy: 86_400)
        if second < 0 {
            days -= 1
            second += 86_400
        }
        let (year, month, day) = Self.civil(days: days)
        Self.put(year, 4, in: buffer, at: 0, then: UInt8(ascii: "-"))
        Self.put(month, 2, in: buffer, at: 5, then: UInt8(ascii: "-"))
        Self.put(day, 2, in: buffer, at: 8, then: UInt8(ascii: "T"))
        Self.put(second / 3600, 2, in: buffer, at: 11, then: UInt8(ascii: ":"))
        Self.put(second / 60 % 60, 2, in: buffer, at: 14, then: UInt8(ascii: ":"))
        Self.put(second % 60, 2, in: buffer, at: 17, then: UInt8(ascii: "."))
        if fractionDigits > 0 { Self.put(fraction, 9, in: buffer, at: 20, then: 0) }
        let end = fractionDigits > 0 ? 20 + fractionDigits : 19
        buffer[end] = UInt8(ascii: "Z")
        return end + 1
    }

    @inline(__always)
    private static func put(
        _ value: Int64, _ digits: Int, in buffer: UnsafeMutableRawBufferPointer, at place: Int, then end: UInt8
    ) {
        var rest = UInt32(truncatingIfNeeded: value)
        for index in stride(from: place + digits - 1, through: place, by: -1) {
            buffer[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        buffer[place + digits] = end
    }

    /// Days since 1970-01-01 to the Gregorian year, month and day, by Howard Hinnant's `civil_from_days`.
    package static func civil(days: Int64) -> (Int64, Int64, Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
}

/// A point on the monotonic clock, in nanoseconds; for deadlines and measurements within one run.
package struct Instant: Hashable, Sendable, Comparable {
    /// Nanoseconds since an arbitrary start (boot).
    package let nanoseconds: UInt64

    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// The monotonic clock's present time.
    package static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    /// Nanoseconds from `earlier` to here; 0 if `earlier` is later.
    package func nanoseconds(since earlier: Instant) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }

    /// This point moved by a number of nanoseconds; saturates.
    package func advanced(byNanoseconds delta: UInt64) -> Instant {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(delta)
        return Instant(nanoseconds: overflow ? .max : sum)
    }

    package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
}
