/// The bytes are not protobuf.
package enum ScanError: Error {
    /// Cut short, a varint of more than 10 bytes, a tag or length of more than 5, a group, or field number 0.
    case malformed
}

/// Reads protobuf field by field without copying. Total: any bytes end in fields or ``ScanError``.
package struct FieldScanner {
    /// One field.
    package struct Field {
        /// 1 to 2^29 − 1.
        package let number: UInt32
        /// A varint's or fixed number's value; 0 for bytes.
        package let value: UInt64
        /// Whether it is a varint, the only form that our numbers have.
        package let isVarint: Bool
        /// A length-delimited field's content.
        package let bytes: UnsafeRawBufferPointer?
    }

    // SAFETY: borrowed for the scan only; the caller keeps the memory alive, and every access is checked against `end`.
    private let base: UnsafeRawPointer?
    private let end: Int
    private var position = 0

    /// - Parameter bytes: must stay alive as long as the scanner and the fields that it gave.
    package init(_ bytes: UnsafeRawBufferPointer) {
        base = bytes.baseAddress
        end = bytes.count
    }

    /// Where the next field begins.
    package var offset: Int { position }

    /// The next field; `nil` at the end.
    @inline(__always)
    package mutating func next() throws(ScanError) -> Field? {
        guard position < end, let base else { return nil }
        let tag = try varint(base, atMost: 5)
        let number = tag >> 3
        guard number > 0, number < 1 << 29 else { throw .malformed }
        switch tag & 7 {
        case 0:
            return Field(number: UInt32(number), value: try varint(base), isVarint: true, bytes: nil)
        case 1:
            guard end - position >= 8 else { throw .malformed }
            defer { position += 8 }
            let value = base.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            return Field(number: UInt32(number), value: UInt64(littleEndian: value), isVarint: false, bytes: nil)
        case 2:
            let length = try varint(base, atMost: 5)
            guard length <= UInt64(end - position) else { throw .malformed }
            defer { position += Int(length) }
            return Field(
                number: UInt32(number), value: 0, isVarint: false,
                bytes: .init(start: base + position, count: Int(length)))
        case 5:
            guard end - position >= 4 else { throw .malformed }
            defer { position += 4 }
            let value = base.loadUnaligned(fromByteOffset: position, as: UInt32.self)
            return Field(
                number: UInt32(number), value: UInt64(UInt32(littleEndian: value)), isVarint: false, bytes: nil)
        default: throw .malformed
        }
    }

    @inline(__always)
    private mutating func varint(_ base: UnsafeRawPointer, atMost bytes: UInt64 = 10) throws(ScanError) -> UInt64 {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while position < end, shift < 7 * bytes {
            let byte = base.load(fromByteOffset: position, as: UInt8.self)
            position += 1
            // The tenth byte has room for one bit only.
            if shift == 63 && byte > 1 { throw .malformed }
            result |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return result }
            shift += 7
        }
        throw .malformed
    }
}
