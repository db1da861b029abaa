/// A SHA-256 digest; its text is `sha256:` and 64 lower-case hex digits.
package struct Digest: Hashable, Sendable, CustomStringConvertible {
    /// The 64 hex digits.
    package let hex: String

    /// - Parameter bytes: the 32 bytes of the digest.
    package init(bytes: [UInt8]) {
        precondition(bytes.count == 32, "BUG: a SHA-256 digest has 32 bytes")
        let digits = Array("0123456789abcdef".utf8)
        hex = String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Reads the text form.
    ///
    /// - Parameter field: how the error calls it.
    package init(_ text: String, field: String) throws(Failure) {
        let prefix = "sha256:"
        let digits = text.dropFirst(prefix.count)
        guard text.hasPrefix(prefix), digits.utf8.count == 64,
            digits.utf8.allSatisfy({
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            })
        else {
            throw Failure(.invalid, "\(field): \(quoted(text)) is not a digest; write sha256: and 64 hex digits")
        }
        hex = String(digits)
    }

    package var description: String { "sha256:" + hex }
}
