// Generated from proto/fnrpc/v1/invocation.proto by scripts/swift-messages.
package import CWire
package import Model

/// Ends calls.
package struct CancelRequest: WireMessage {
    /// The call's id (response metadata fn-call-id), or what its caller gave in request metadata fnrpc-invocation-id.
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
    /// How many calls; 0: none with this id runs.
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
