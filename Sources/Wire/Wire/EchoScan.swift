package import Model

/// An EchoMessage, looked at without copying: it may be as large as a frame, and is sent back as it came.
package struct EchoScan {
    /// Bytes of payload.
    package private(set) var payloadBytes = 0

    /// Scans a message, strictly: the field of a later version would come back as if it had been understood.
    package init(scanning bytes: UnsafeRawBufferPointer) throws(Failure) {
        var scanner = FieldScanner(bytes)
        var unknown: UInt32 = 0
        do throws(ScanError) {
            while let field = try scanner.next() {
                guard field.number == 1 else {
                    unknown = field.number
                    continue
                }
                guard let value = field.bytes else { throw ScanError.malformed }
                payloadBytes = value.count
            }
        } catch { throw Failure(.invalid, "the EchoMessage message does not parse") }
        guard unknown == 0 else { throw Failure(.invalid, unknownField("\(unknown)")) }
    }
}
