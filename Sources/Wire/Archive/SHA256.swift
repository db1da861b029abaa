import COpenSSL
import Model

/// A streaming SHA-256 by OpenSSL. Not thread-safe.
package struct SHA256: ~Copyable {
    private let context: OpaquePointer

    /// - Throws: ``Failure`` `internalError` if OpenSSL has no memory or no SHA-256.
    package init() throws(Failure) {
        guard let context = EVP_MD_CTX_new() else {
            throw Failure(.internalError, "SHA-256 could not be started: out of memory")
        }
        guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            EVP_MD_CTX_free(context)
            throw Failure(.internalError, "SHA-256 is not offered by this machine's OpenSSL")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Adds bytes.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        EVP_DigestUpdate(context, start, bytes.count)
    }

    /// Adds bytes.
    package mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// The digest of everything added.
    package consuming func finish() -> Digest {
        var bytes = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 0
        EVP_DigestFinal_ex(context, &bytes, &count)
        return Digest(bytes: bytes)
    }

    /// The digest of some bytes.
    package static func digest(of bytes: [UInt8]) throws(Failure) -> Digest {
        var hash = try SHA256()
        hash.update(bytes)
        return hash.finish()
    }

    /// The digest of everything from an open file's present position to its end. Blocks.
    package static func digest(ofDescriptor descriptor: Int32) throws(Failure) -> Digest {
        var hash = try SHA256()
        var buffer = [UInt8](repeating: 0, count: 262_144)
        while true {
            let count = try FileIO.read(descriptor, into: &buffer, naming: "the file")
            if count == 0 { return hash.finish() }
            buffer.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
        }
    }
}
