/// An fnrpc.v1.InvokeStreamRequest or InvokeStreamResponse, scanned without copying. Valid as long as the scanned bytes
/// are. How large a payload may be is for whoever takes it to say.
package struct InvokeStreamScan: HeaderBearing {
    /// The whole message; a ttrpc function gets it as it is, because fields 1 to 3 are those of its CallPart.
    package let bytes: UnsafeRawBufferPointer
    package private(set) var payload = UnsafeRawBufferPointer(start: nil, count: 0)
    package private(set) var contentType = UnsafeRawBufferPointer(start: nil, count: 0)
    /// Who is called.
    package private(set) var target = InvokeTargetScan()
    /// So many more bytes of payload its sender can take; `nil` if it does not say.
    package private(set) var credit: UInt32?
    /// Whether the body ends with this message; its sender goes on to give credit.
    package private(set) var isEnd = false
    /// How many headers there are.
    package private(set) var headerCount = 0
    /// Whether it says who is called, which only the first message of a caller may do.
    package private(set) var namesFunction = false
    /// The highest field number that is there; 0: the message is empty. Up to 3 it is a CallPart.
    package private(set) var lastField: UInt32 = 0

    /// Whether it is between caller and daemon only: there is nothing in it for the function.
    package var isOnlyControl: Bool { (credit != nil || isEnd) && !hasContent && !namesFunction }
    private var hasContent = false

    /// Scans one message.
    package init(scanning bytes: UnsafeRawBufferPointer) throws(EnvelopeError) {
        self.bytes = bytes
        var scanner = FieldScanner(bytes)
        var headers = HeaderScan(strict: true)
        while let field = try scanner.nextOfCall() {
            lastField = max(lastField, field.number)
            switch field.number {
            case 1: payload = try field.callBytes("payload")
            case 2: contentType = try field.callContentType()
            case 3:
                _ = try headers.take(try field.callBytes("headers"))
                headerCount = headers.count
            case 7: credit = try field.callNumber("credit")
            case 8: isEnd = try field.callFlag("end")
            default: guard try target.take(field) else { throw field.isUnknown }
            }
            hasContent = hasContent || field.number <= 3
            namesFunction = namesFunction || InvokeTargetScan.has(field.number)
        }
    }
}

/// Puts the tag and length of an InvokeStreamRequest's or InvokeStreamResponse's payload before bytes that are in
/// place, so that a part is read from a socket and sent on without another copy.
package enum InvokeStreamPayload {
    /// Room before the payload that the tag and any length of up to 2^28 need, bytes.
    package static let headroom = 5

    /// Makes the message.
    ///
    /// - Parameter buffer: ``headroom`` bytes, then the payload.
    /// - Returns: the message, a part of `buffer` that ends with it; empty for an empty payload.
    package static func message(in buffer: UnsafeMutableRawBufferPointer) -> UnsafeRawBufferPointer {
        let count = buffer.count - headroom
        precondition(count >= 0 && count < 1 << 28, "BUG: a part of this size has another headroom")
        guard count > 0 else { return UnsafeRawBufferPointer(rebasing: buffer[..<0]) }
        let start = headroom - 1 - FieldSize.varint(UInt64(count))
        var writer = FieldWriter(UnsafeMutableRawBufferPointer(rebasing: buffer[start..<headroom]))
        writer.header(1, length: count)
        return UnsafeRawBufferPointer(rebasing: buffer[start...])
    }
}
