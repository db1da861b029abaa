// Generated from proto/fnrpc/v1/diagnostics.proto by scripts/swift-messages.
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
    /// 0 to 1,000,000.
    package var messages: UInt32
    /// Payload of each; 0 to 262,144.
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
