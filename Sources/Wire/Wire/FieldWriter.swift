/// Writes protobuf fields into memory whose size was computed before. Not thread-safe.
package struct FieldWriter {
    // SAFETY: every write is preceded by a check against `end`; the caller keeps the memory alive.
    private var cursor: UnsafeMutableRawPointer
    private let end: UnsafeMutableRawPointer

    /// - Parameter buffer: not empty.
    package init(_ buffer: UnsafeMutableRawBufferPointer) {
        guard let base = buffer.baseAddress else { preconditionFailure("BUG: writing into no memory") }
        cursor = base
        end = base + buffer.count
    }

    /// Raw bytes, without tag.
    package mutating func raw(_ bytes: UnsafeRawBufferPointer) {
        precondition(end - cursor >= bytes.count, "BUG: the computed size is too small")
        if let base = bytes.baseAddress { cursor.copyMemory(from: base, byteCount: bytes.count) }
        cursor += bytes.count
    }

    /// A varint, without tag.
    package mutating func varint(_ value: UInt64) {
        var rest = value
        precondition(end - cursor >= FieldSize.varint(value), "BUG: the computed size is too small")
        while rest >= 0x80 {
            cursor.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, as: UInt8.self)
            cursor += 1
            rest >>= 7
        }
        cursor.storeBytes(of: UInt8(rest), as: UInt8.self)
        cursor += 1
    }

    /// A varint field.
    package mutating func field(_ number: UInt32, varint value: UInt64) {
        varint(UInt64(number) << 3)
        varint(value)
    }

    /// A bytes, string or message field.
    package mutating func field(_ number: UInt32, bytes: UnsafeRawBufferPointer) {
        header(number, length: bytes.count)
        raw(bytes)
    }

    /// The tag and length of a bytes field whose content follows.
    package mutating func header(_ number: UInt32, length: Int) {
        varint(UInt64(number) << 3 | 2)
        varint(UInt64(length))
    }

    /// Whether the computed size was exact.
    package var isFull: Bool { cursor == end }
}

/// Sizes of protobuf fields, bytes.
package enum FieldSize {
    /// A varint alone.
    @inline(__always)
    package static func varint(_ value: UInt64) -> Int {
        (64 - (value | 1).leadingZeroBitCount + 6) / 7
    }

    /// A varint field with its tag.
    package static func field(_ number: UInt32, varint value: UInt64) -> Int {
        varint(UInt64(number) << 3) + varint(value)
    }

    /// A bytes field with its tag and length.
    package static func field(_ number: UInt32, length: Int) -> Int {
        varint(UInt64(number) << 3) + varint(UInt64(length)) + length
    }
}

/// One metadata entry to send: borrowed bytes.
package struct MetadataEntry {
    package let key: UnsafeRawBufferPointer
    package let value: UnsafeRawBufferPointer

    /// - Parameters: must stay alive until written.
    package init(key: StaticString, value: UnsafeRawBufferPointer) {
        self.key = UnsafeRawBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
        self.value = value
    }

    /// - Parameters: must stay alive until written.
    package init(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        self.key = key
        self.value = value
    }

    /// Bytes of the KeyValue message.
    var size: Int { FieldSize.field(1, length: key.count) + FieldSize.field(2, length: value.count) }

    /// Writes it as field `number`.
    func write(_ number: UInt32, to writer: inout FieldWriter) {
        writer.header(number, length: size)
        writer.field(1, bytes: key)
        writer.field(2, bytes: value)
    }
}
