/// Protobuf by hand.
struct Soup {
    private(set) var bytes: [UInt8] = []

    init() {}

    /// Texts by their fields.
    init(_ texts: KeyValuePairs<UInt64, String>) {
        for (field, value) in texts { text(field, value) }
    }

    /// With a number more.
    func with(_ field: UInt64, _ value: UInt64) -> Soup {
        var copy = self
        copy.number(field, value)
        return copy
    }

    /// With a message more.
    func with(_ field: UInt64, _ value: Soup) -> Soup {
        var copy = self
        copy.message(field, value.bytes)
        return copy
    }

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func number(_ field: UInt64, _ value: UInt64) {
        varint(field << 3)
        varint(value)
    }

    mutating func text(_ field: UInt64, _ value: String) { message(field, Array(value.utf8)) }

    mutating func message(_ field: UInt64, _ value: [UInt8]) {
        varint(field << 3 | 2)
        varint(UInt64(value.count))
        bytes += value
    }
}
