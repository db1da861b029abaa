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
    package mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }

    /// Adds bytes.
    @inlinable
    package mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { add(byte) }
    }

    /// The hash of bytes.
    @inlinable
    package static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash = FNV1a()
        hash.add(bytes)
        return hash.value
    }
}
