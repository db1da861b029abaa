internal import COpenSSL
package import Model

/// The secret of a bearer token: 256 random bits. Only its hash is ever stored.
///
/// Its text is `fnrpc_`, the token's id, `_`, and 64 hex digits: 97 characters that a double click selects, and that
/// secret scanners can look for.
package struct TokenSecret: Sendable {
    /// Characters of the text form.
    package static let textBytes = prefix.count + 26 + 1 + 2 * secretBytes
    /// Bytes of the secret itself, and of its hash.
    static let secretBytes = 32
    static let prefix = Array("fnrpc_".utf8)
    private static let digits = Array("0123456789abcdef".utf8)

    private let bytes: [UInt8]

    /// A new secret.
    ///
    /// - Throws: `internalError` if the machine has no randomness to give.
    package init() throws(Failure) {
        var bytes = [UInt8](repeating: 0, count: Self.secretBytes)
        guard RAND_bytes(&bytes, Int32(Self.secretBytes)) == 1 else {
            throw Failure(.internalError, "the token was not made: the machine has no random bytes")
        }
        self.bytes = bytes
    }

    /// What is stored: SHA-256, 32 bytes. A plain hash is enough: nobody guesses 256 random bits.
    package var hash: [UInt8] {
        bytes.withUnsafeBytes { secret in
            [UInt8](unsafeUninitializedCapacity: Self.secretBytes) { buffer, count in
                Self.hash(secret, into: UnsafeMutableRawBufferPointer(buffer))
                count = Self.secretBytes
            }
        }
    }

    /// What a caller sends. Never log it.
    package func text(id: Identifier) -> String {
        let hex = bytes.flatMap { [Self.digits[Int($0 >> 4)], Self.digits[Int($0 & 15)]] }
        return String(decoding: Self.prefix + Array(id.description.utf8) + [UInt8(ascii: "_")] + hex, as: UTF8.self)
    }

    /// Takes a text apart; allocates nothing.
    ///
    /// - Parameters:
    ///   - text: any bytes, of any length; never trusted.
    ///   - secret: 32 bytes, to be filled.
    /// - Returns: the token's id; `nil` if the text is no token.
    static func parse(_ text: UnsafeRawBufferPointer, secret: UnsafeMutableRawBufferPointer) -> Identifier? {
        guard text.count == textBytes, text.starts(with: prefix), text[prefix.count + 26] == UInt8(ascii: "_") else {
            return nil
        }
        let id = UnsafeRawBufferPointer(rebasing: text[prefix.count..<prefix.count + 26])
        let start = prefix.count + 27
        for index in 0..<secretBytes {
            guard let high = digit(text[start + 2 * index]), let low = digit(text[start + 2 * index + 1]) else {
                return nil
            }
            secret[index] = high << 4 | low
        }
        return Identifier(utf8: id)
    }

    static func hash(_ secret: UnsafeRawBufferPointer, into result: UnsafeMutableRawBufferPointer) {
        precondition(result.count == secretBytes, "BUG: a SHA-256 digest has 32 bytes")
        var count: UInt32 = 0
        let code = EVP_Digest(
            secret.baseAddress, secret.count, result.baseAddress?.assumingMemoryBound(to: UInt8.self), &count,
            EVP_sha256(), nil)
        precondition(code == 1 && count == 32, "OpenSSL has no memory, or no SHA-256")
    }

    /// Compares in a time that does not depend on where the two differ.
    static func constantTimeEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
