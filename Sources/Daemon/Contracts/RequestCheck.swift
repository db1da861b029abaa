package import Model
package import Wire

/// What functions of a format cannot be told. Asked before a call waits for a container, so that a mistake of its caller
/// costs nobody one. Formats `ttrpc` passes everything on as it is.
package enum RequestCheck {
    /// What is wrong with a unary call; `nil`: nothing.
    package static func refusal(_ format: FunctionSpec.Format, _ call: InvokeScan) -> Failure? {
        guard format != .ttrpc else { return nil }
        if let refusal = refusal(of: call, call.contentType) { return refusal }
        guard format == .cloudevent else { return nil }
        let isEvent = CloudEvent.isType(String(decoding: call.contentType, as: UTF8.self), CloudEvent.contentType)
        do throws(MalformedReply) { try CloudEvent.check(call.payload, isEvent: isEvent) } catch {
            return CloudEvent.refusal(error, isEvent: isEvent)
        }
        return nil
    }

    /// What is wrong with the first message of a streamed one; `nil`: nothing.
    package static func refusal(_ format: FunctionSpec.Format, _ first: InvokeStreamScan) -> Failure? {
        format == .ttrpc ? nil : refusal(of: first, first.contentType)
    }

    /// What could end a line would let a caller write headers of its own, and leaving it out would change the call.
    private static func refusal(of call: some HeaderBearing, _ contentType: UnsafeRawBufferPointer) -> Failure? {
        guard isValue(contentType) else {
            return Failure(.invalid, "content_type: has a control character; a header has none")
        }
        var found: Failure?
        call.forEachHeader { name, value in
            guard found == nil else { return }
            let text = String(decoding: name, as: UTF8.self)
            if !HTTPHeader.isName(text) {
                found = Failure(
                    .invalid,
                    "headers: \(quoted(text)) is no name of a header; letters, digits and !#$%&'*+-.^_`|~ are allowed")
            } else if !isValue(value) {
                found = Failure(
                    .invalid, "headers: the value of \(quoted(text)) has a control character, such as an end of line")
            }
        }
        return found
    }

    private static func isValue(_ bytes: UnsafeRawBufferPointer) -> Bool {
        HTTPHeader.isValue(Substring(decoding: bytes, as: UTF8.self))
    }
}
