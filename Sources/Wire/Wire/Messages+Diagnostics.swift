package import CWire
package import Model

/// A message that comes back.
package struct EchoMessage: WireMessage {
    package var payload: [UInt8]

    package init(payload: [UInt8] = []) {
        self.payload = payload
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__EchoMessage>) {
        fnrpc__v1__echo_message__init(raw)
    }

    package init(_ raw: Fnrpc__V1__EchoMessage) throws(Failure) {
        self.init(payload: bytes(raw.payload))
    }

    package func write(to raw: inout Fnrpc__V1__EchoMessage, _ builder: Builder) {
        raw.has_payload = 1
        raw.payload = builder.bytes(payload)
    }
}

/// What Collect was sent.
package struct CollectResponse: WireMessage {
    package var messages: UInt64
    /// Of payload.
    package var bytes: UInt64

    package init(messages: UInt64 = 0, bytes: UInt64 = 0) {
        self.messages = messages
        self.bytes = bytes
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CollectResponse>) {
        fnrpc__v1__collect_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CollectResponse) throws(Failure) {
        self.init(messages: raw.messages, bytes: raw.bytes)
    }

    package func write(to raw: inout Fnrpc__V1__CollectResponse, _ builder: Builder) {
        raw.has_messages = 1
        raw.messages = messages
        raw.has_bytes = 1
        raw.bytes = bytes
    }
}

/// Asks for a stream of messages.
package struct GenerateRequest: WireMessage {
    package var messages: UInt32
    /// Payload of each.
    package var bytes: UInt32

    package init(messages: UInt32 = 0, bytes: UInt32 = 0) {
        self.messages = messages
        self.bytes = bytes
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GenerateRequest>) {
        fnrpc__v1__generate_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GenerateRequest) throws(Failure) {
        self.init(messages: raw.messages, bytes: raw.bytes)
    }

    package func write(to raw: inout Fnrpc__V1__GenerateRequest, _ builder: Builder) {
        raw.has_messages = 1
        raw.messages = messages
        raw.has_bytes = 1
        raw.bytes = bytes
    }
}

/// Ends calls.
package struct CancelRequest: WireMessage {
    /// A call's id, or what its caller calls it.
    package var id: String

    package init(id: String = "") {
        self.id = id
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CancelRequest>) {
        fnrpc__v1__cancel_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CancelRequest) throws(Failure) {
        self.init(id: text(raw.id))
    }

    package func write(to raw: inout Fnrpc__V1__CancelRequest, _ builder: Builder) {
        raw.id = builder.string(id)
    }
}

/// How many calls were ended.
package struct CancelResponse: WireMessage {
    package var cancelled: UInt32

    package init(cancelled: UInt32 = 0) {
        self.cancelled = cancelled
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CancelResponse>) {
        fnrpc__v1__cancel_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CancelResponse) throws(Failure) {
        self.init(cancelled: raw.cancelled)
    }

    package func write(to raw: inout Fnrpc__V1__CancelResponse, _ builder: Builder) {
        raw.has_cancelled = 1
        raw.cancelled = cancelled
    }
}

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
