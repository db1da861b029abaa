package import Model

/// An EchoMessage, looked at without copying: it may be as large as a frame, and is sent back as it came.
package struct EchoScan {
    /// Bytes of payload.
    package private(set) var payloadBytes = 0

    /// Scans a message; unknown fields are passed over.
    package init(scanning bytes: UnsafeRawBufferPointer) throws(Failure) {
        var scanner = FieldScanner(bytes)
        do throws(ScanError) {
            while let field = try scanner.next() {
                guard field.number == 1 else { continue }
                guard let value = field.bytes else { throw ScanError.malformed }
                payloadBytes = value.count
            }
        } catch { throw Failure(.invalid, "the EchoMessage message does not parse") }
    }
}
