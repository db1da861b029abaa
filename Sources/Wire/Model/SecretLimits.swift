internal import Glibc

/// How large secrets may be.
package enum SecretLimits {
    /// Bytes of a value. An empty one is a mistake more often than a wish.
    package static let valueBytes = 1...65_536
    /// Secrets of one function.
    package static let perFunction = 32
}

extension [UInt8] {
    /// Overwrites what is in it and leaves it empty: the bytes are not to be found in freed memory. A copy that shares
    /// its storage keeps them, so only the last owner can wipe. The capacity stays.
    package mutating func wipe() {
        withUnsafeMutableBytes { bytes in
            if let start = bytes.baseAddress { explicit_bzero(start, bytes.count) }
        }
        removeAll(keepingCapacity: true)
    }

    /// Overwrites what is in it for every copy that shares its storage: for bytes that came off the wire, when nobody
    /// reads any copy any more. Never for a literal, whose bytes may lie where nobody can write.
    package func wipeShared() {
        withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
            // SAFETY: the storage was made at run time, and nobody reads it meanwhile: the caller's promise.
            explicit_bzero(UnsafeMutableRawPointer(mutating: start), bytes.count)
        }
    }
}
