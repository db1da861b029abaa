/// Reads protobuf field by field with its wire types, groups too. Total: any bytes end in fields or ``Malformed``.
///
/// `Wire.FieldScanner` is for messages that are known, and tells neither fixed width apart nor groups.
struct ProtobufReader {
    /// The bytes are not protobuf.
    struct Malformed: Error {}

    /// A field's value as the wire has it.
    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        case bytes(ArraySlice<UInt8>)
        /// The fields between its two tags.
        case group(ArraySlice<UInt8>)
    }

    /// One field.
    struct Field {
        /// 1 to 2^29 − 1.
        let number: UInt32
        let value: Value
    }

    /// Groups inside one another.
    private static let maxDepth = 64

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    /// The next field; `nil` at the end.
    mutating func next() throws(Malformed) -> Field? {
        guard !rest.isEmpty else { return nil }
        let (number, type) = try tag()
        guard type != 4 else { throw Malformed() }
        return Field(number: number, value: try value(type, number, depth: 0))
    }

    /// The whole content as varints, or as numbers of a fixed width.
    static func packed(_ bytes: ArraySlice<UInt8>, width: Int?) throws(Malformed) -> [Value] {
        var reader = ProtobufReader(bytes)
        var values: [Value] = []
        while !reader.rest.isEmpty {
            switch width {
            case 4: values.append(.fixed32(UInt32(truncatingIfNeeded: try reader.fixed(4))))
            case 8: values.append(.fixed64(try reader.fixed(8)))
            default: values.append(.varint(try reader.varint()))
            }
        }
        return values
    }

    private mutating func tag() throws(Malformed) -> (UInt32, UInt8) {
        let tag = try varint()
        guard let number = UInt32(exactly: tag >> 3), number > 0, number < 1 << 29 else { throw Malformed() }
        return (number, UInt8(tag & 7))
    }

    private mutating func value(_ type: UInt8, _ number: UInt32, depth: Int) throws(Malformed) -> Value {
        switch type {
        case 0: return .varint(try varint())
        case 1: return .fixed64(try fixed(8))
        case 2:
            let length = try varint()
            guard length <= UInt64(rest.count) else { throw Malformed() }
            defer { rest = rest.dropFirst(Int(length)) }
            return .bytes(rest.prefix(Int(length)))
        case 3: return .group(try group(number, depth: depth))
        case 5: return .fixed32(UInt32(truncatingIfNeeded: try fixed(4)))
        default: throw Malformed()
        }
    }

    /// Up to the tag that ends the group.
    private mutating func group(_ number: UInt32, depth: Int) throws(Malformed) -> ArraySlice<UInt8> {
        guard depth < Self.maxDepth else { throw Malformed() }
        let whole = rest
        while true {
            let end = rest.startIndex
            let (inner, type) = try tag()
            if type == 4 {
                guard inner == number else { throw Malformed() }
                return whole[whole.startIndex..<end]
            }
            _ = try value(type, inner, depth: depth + 1)
        }
    }

    private mutating func fixed(_ width: Int) throws(Malformed) -> UInt64 {
        guard rest.count >= width else { throw Malformed() }
        defer { rest = rest.dropFirst(width) }
        return rest.prefix(width).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func varint() throws(Malformed) -> UInt64 {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = rest.popFirst(), shift < 70 {
            // The tenth byte has room for one bit only.
            if shift == 63 && byte > 1 { throw Malformed() }
            result |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return result }
            shift += 7
        }
        throw Malformed()
    }
}

/// Writes protobuf fields.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    /// A varint, without tag.
    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// A field's number and wire type.
    mutating func tag(_ number: UInt32, _ type: UInt8) {
        varint(UInt64(number) << 3 | UInt64(type))
    }

    /// A number in little-endian order, without tag.
    mutating func fixed<N: FixedWidthInteger>(_ value: N) {
        for shift in stride(from: 0, to: N.bitWidth, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    /// A bytes, string or message field.
    mutating func field(_ number: UInt32, _ content: some Collection<UInt8>) {
        tag(number, 2)
        varint(UInt64(content.count))
        bytes += content
    }

    /// Bytes as they are.
    mutating func raw(_ content: some Sequence<UInt8>) {
        bytes += content
    }
}

extension ProtobufWriter {
    /// A field with any value.
    mutating func field(_ number: UInt32, value: ProtobufReader.Value) {
        switch value {
        case .varint: tag(number, 0)
        case .fixed64: tag(number, 1)
        case .bytes(let content): return field(number, content)
        case .group(let content):
            tag(number, 3)
            bytes += content
            return tag(number, 4)
        case .fixed32: tag(number, 5)
        }
        packed(value)
    }

    /// A number without tag.
    mutating func packed(_ value: ProtobufReader.Value) {
        switch value {
        case .varint(let number): varint(number)
        case .fixed64(let number): fixed(number)
        case .fixed32(let number): fixed(number)
        case .bytes(let content), .group(let content): bytes += content
        }
    }
}

extension ProtobufReader.Value {
    /// Whether a field without presence leaves it out.
    var isZero: Bool {
        switch self {
        case .varint(let number), .fixed64(let number): number == 0
        case .fixed32(let number): number == 0
        case .bytes(let content), .group(let content): content.isEmpty
        }
    }
}
