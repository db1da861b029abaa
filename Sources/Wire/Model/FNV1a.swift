/// The hash FNV-1a of 64 bits: the same number for the same bytes on every machine, and quick on names. No defence
/// against who chooses the bytes to collide.
package struct FNV1a {
    /// The hash of what was added so far.
    package var value: UInt64 = 0xcbf2_9ce4_8422_2325

    /// The hash of nothing.
    @inlinable
    package init() {}

    /// Adds one byte.
    @inlinable
    @inline(__always)
    package mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }

    /// Adds bytes.
    @inlinable
    @inline(__always)
    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        for index in 0..<bytes.count { add(bytes[index]) }
    }

    /// The hash of bytes.
    package static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash = FNV1a()
        hash.add(bytes)
        return hash.value
    }

    /// The hash of a text's UTF-8.
    package static func hash(_ text: String) -> UInt64 {
        var text = text
        return text.withUTF8 { hash(UnsafeRawBufferPointer($0)) }
    }
}
