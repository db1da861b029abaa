internal import COpenSSL
package import Model

/// Encrypts the values of secrets for the store: AES-256-GCM by OpenSSL, with one key for all. Thread-safe.
///
/// A sealed value is: format (1 byte, 1), the key's id (8), a random nonce (12), the encrypted value, the tag (16).
/// Format, key id and the secret's id are authenticated too, so what was sealed for one secret opens for no other.
package final class SecretBox: Sendable {
    /// Bytes that sealing adds to a value.
    package static let overhead = headerBytes + nonceBytes + tagBytes
    static let keyBytes = 32
    private static let format: UInt8 = 1
    private static let keyIDBytes = 8
    private static let headerBytes = 1 + keyIDBytes
    private static let nonceBytes = 12
    private static let tagBytes = 16

    /// Tells which key sealed a value and says nothing about the key: 8 bytes of a hash. A store that remembers it can
    /// say at start that the key file is another one.
    package let keyID: [UInt8]
    // SAFETY: written once by init, never changed before deinit.
    private nonisolated(unsafe) let key: UnsafeMutableRawBufferPointer

    /// - Parameter key: ``keyBytes`` random bytes; copied, to be wiped by the caller.
    init(key: [UInt8]) {
        precondition(key.count == Self.keyBytes, "BUG: a key of AES-256 has 32 bytes")
        var labelled = Array("fnrpc secret key id\0".utf8) + key
        defer { labelled.wipe() }
        var hash = [UInt8](repeating: 0, count: TokenSecret.secretBytes)
        labelled.withUnsafeBytes { bytes in hash.withUnsafeMutableBytes { TokenSecret.hash(bytes, into: $0) } }
        keyID = Array(hash.prefix(Self.keyIDBytes))
        self.key = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.keyBytes, alignment: 16)
        self.key.copyBytes(from: key)
    }

    deinit {
        OPENSSL_cleanse(key.baseAddress, key.count)
        key.deallocate()
    }

    /// Encrypts a value. The same value gives other bytes every time.
    ///
    /// Nonces are random, so one key is good for 2³² values.
    ///
    /// - Parameters:
    ///   - plaintext: ``SecretLimits/valueBytes``; the caller wipes it.
    ///   - id: the secret's.
    /// - Throws: `invalid` for an empty value, `tooLarge` for a long one, `internalError` if OpenSSL fails.
    package func seal(_ plaintext: [UInt8], for id: Identifier) throws(Failure) -> [UInt8] {
        try Self.check(plaintext)
        var sealed = [UInt8](repeating: 0, count: Self.overhead + plaintext.count)
        sealed[0] = Self.format
        sealed.replaceSubrange(1..<Self.headerBytes, with: keyID)
        let additional = Self.additional(header: sealed[..<Self.headerBytes], id)
        let done = sealed.withUnsafeMutableBytes { sealed -> Bool in
            let parts = Parts(UnsafeMutableRawBufferPointer(rebasing: sealed[Self.headerBytes...]))
            guard RAND_bytes(parts.nonce, Int32(Self.nonceBytes)) == 1 else { return false }
            return plaintext.withUnsafeBytes { plain in
                encrypt(plain.assumingMemoryBound(to: UInt8.self), additional, parts)
            }
        }
        guard done else { throw Failure(.internalError, "secret: its value could not be encrypted") }
        return sealed
    }

    /// Decrypts a value. The caller wipes it after use.
    ///
    /// - Throws: `precondition` if another key sealed it; `internalError` if it was changed, or was sealed for another
    ///   secret. No error has anything of the value.
    package func open(_ sealed: [UInt8], for id: Identifier) throws(Failure) -> [UInt8] {
        guard sealed.first == Self.format else {
            throw Failure(.internalError, "secret \(id): what is stored has a format that this daemon does not know")
        }
        let count = sealed.count - Self.overhead
        guard SecretLimits.valueBytes.contains(count) else {
            throw Failure(.internalError, "secret \(id): what is stored is not a sealed value")
        }
        guard sealed[1..<Self.headerBytes].elementsEqual(keyID) else {
            throw Failure(
                .precondition,
                "secret \(id): the key file does not fit the data, which another key sealed; give the daemon that key "
                    + "(secret-key-file, or secret.key of the data directory), or set the secret again")
        }
        let additional = Self.additional(header: sealed[..<Self.headerBytes], id)
        var plaintext = [UInt8](repeating: 0, count: count)
        var copy = Array(sealed[Self.headerBytes...])
        let done = copy.withUnsafeMutableBytes { bytes in
            plaintext.withUnsafeMutableBytes { plain in
                decrypt(Parts(bytes), additional, plain.assumingMemoryBound(to: UInt8.self))
            }
        }
        guard done else {
            // What was decrypted before the tag was seen to be wrong.
            plaintext.wipe()
            throw Failure(.internalError, "secret \(id): what is stored was changed, or is that of another secret")
        }
        return plaintext
    }

    private static func check(_ plaintext: [UInt8]) throws(Failure) {
        let range = SecretLimits.valueBytes
        guard !plaintext.isEmpty else { throw Failure(.invalid, "secret: the value is empty; it needs 1 byte or more") }
        guard range.contains(plaintext.count) else {
            throw Failure(
                .tooLarge, "secret: the value has \(plaintext.count) bytes; at most \(range.upperBound) are allowed")
        }
    }

    /// What is authenticated beside the value.
    private static func additional(header: ArraySlice<UInt8>, _ id: Identifier) -> [UInt8] {
        header + [id.high, id.low].flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
    }

    /// What follows the header of a sealed value.
    private struct Parts {
        let nonce: UnsafeMutablePointer<UInt8>?
        let body: UnsafeMutablePointer<UInt8>?
        let bodyCount: Int32
        let tag: UnsafeMutablePointer<UInt8>?

        init(_ bytes: UnsafeMutableRawBufferPointer) {
            let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
            nonce = start
            body = start.map { $0 + nonceBytes }
            bodyCount = Int32(bytes.count - nonceBytes - tagBytes)
            tag = start.map { $0 + bytes.count - tagBytes }
        }
    }

    private func encrypt(
        _ plain: UnsafeBufferPointer<UInt8>, _ additional: [UInt8], _ parts: Parts
    ) -> Bool {
        guard let context = EVP_CIPHER_CTX_new() else { return false }
        // Wipes the key's schedule too.
        defer { EVP_CIPHER_CTX_free(context) }
        var count: Int32 = 0
        return EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), keyStart, parts.nonce, nil) == 1
            && EVP_EncryptUpdate(context, nil, &count, additional, Int32(additional.count)) == 1
            && EVP_EncryptUpdate(context, parts.body, &count, plain.baseAddress, parts.bodyCount) == 1
            && count == parts.bodyCount
            && EVP_EncryptFinal_ex(context, parts.tag, &count) == 1
            && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagBytes), parts.tag) == 1
    }

    private func decrypt(
        _ parts: Parts, _ additional: [UInt8], _ plain: UnsafeMutableBufferPointer<UInt8>
    ) -> Bool {
        guard let context = EVP_CIPHER_CTX_new() else { return false }
        defer { EVP_CIPHER_CTX_free(context) }
        var count: Int32 = 0
        var end: [UInt8] = [0]
        return EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), keyStart, parts.nonce, nil) == 1
            && EVP_DecryptUpdate(context, nil, &count, additional, Int32(additional.count)) == 1
            && EVP_DecryptUpdate(context, plain.baseAddress, &count, parts.body, parts.bodyCount) == 1
            && count == parts.bodyCount
            && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagBytes), parts.tag) == 1
            && EVP_DecryptFinal_ex(context, &end, &count) == 1
    }

    private var keyStart: UnsafePointer<UInt8>? { UnsafePointer(key.baseAddress?.assumingMemoryBound(to: UInt8.self)) }
}
