/// The id of a stored entity: 48 bits of milliseconds since 1970, then 80 random bits.
///
/// Its text has 26 characters of Crockford's base 32 and sorts by time.
package struct Identifier: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The upper 64 bits: time, then 16 random bits.
    package let high: UInt64
    /// The lower 64 bits, random.
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A new id.
    ///
    /// - Parameters:
    ///   - now: its time part.
    ///   - generator: the source of its random part.
    package init(now: Timestamp, using generator: inout some RandomNumberGenerator) {
        let milliseconds = UInt64(max(now.nanoseconds, 0)) / 1_000_000
        high = milliseconds << 16 | generator.next() & 0xFFFF
        low = generator.next()
    }

    /// A new id from the system's random numbers.
    package static func random(at now: Timestamp) -> Identifier {
        var generator = SystemRandomNumberGenerator()
        return Identifier(now: now, using: &generator)
    }

    /// The lowest id of a moment, to the millisecond.
    package static func first(at moment: Timestamp) -> Identifier {
        Identifier(high: (UInt64(max(moment.nanoseconds, 0)) / 1_000_000) << 16, low: 0)
    }

    /// The lowest id of those that are at most so old; `nil`: there is no such age.
    package static func oldest(nanos: UInt64, now: Timestamp) -> Identifier? {
        guard let nanos = Int64(exactly: nanos), now.nanoseconds > nanos else { return nil }
        return first(at: Timestamp(nanoseconds: now.nanoseconds - nanos))
    }

    /// Reads the text form; `nil` for anything that ``description`` does not produce.
    package init?(_ text: String) {
        var text = text
        guard let id = text.withUTF8({ Identifier(utf8: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = id
    }

    /// Reads the text form as it came off the wire; allocates nothing.
    package init?(utf8 bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 26 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        let digits = Self.digits
        for (index, byte) in bytes.enumerated() {
            let digit = digits[Int(byte)]
            guard digit < 32 else { return nil }
            if index == 0 && digit > 7 { return nil }
            high = high << 5 | low >> 59
            low = low << 5 | UInt64(digit)
        }
        self.init(high: high, low: low)
    }

    package var description: String {
        String(unsafeUninitializedCapacity: Self.textCount) { buffer in
            write(to: UnsafeMutableRawBufferPointer(buffer))
            return Self.textCount
        }
    }

    /// Bytes of ``description``.
    package static let textCount = 26

    /// Writes ``description`` into the first ``textCount`` bytes of a buffer.
    package func write(to buffer: UnsafeMutableRawBufferPointer) {
        precondition(buffer.count >= Self.textCount, "BUG: an id has \(Self.textCount) characters")
        Self.alphabet.utf8Start.withMemoryRebound(to: UInt8.self, capacity: 32) { alphabet in
            // Ten digits below, from bit 0; one over both halves; the rest above.
            var (high, low) = (high, low)
            for index in stride(from: 25, through: 14, by: -1) {
                buffer[index] = alphabet[Int(low & 31)]
                low >>= 5
            }
            buffer[13] = alphabet[Int((low | high << 4) & 31)]
            high >>= 1
            for index in stride(from: 12, through: 0, by: -1) {
                buffer[index] = alphabet[Int(high & 31)]
                high >>= 5
            }
        }
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    private static var alphabet: StaticString { "0123456789ABCDEFGHJKMNPQRSTVWXYZ" }
    /// The digit that a byte stands for; 255: none.
    private static let digits = (UInt8.min...UInt8.max).map { byte in
        (0..<32).first { alphabet.utf8Start[$0] == byte }.map { UInt8($0) } ?? 255
    }
}
