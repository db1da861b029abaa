internal import Wire

/// A name and a value: a function's header, or an entry of a call's metadata.
public struct Header: Sendable, Hashable {
    public let name: String
    public let value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// The successful answer to a call.
public struct Reply: Sendable, Hashable {
    /// The method's response message, encoded.
    public let payload: [UInt8]
    /// In the daemon's order; keys may repeat.
    public let metadata: [Header]

    /// The last metadata value with a key.
    public func metadata(_ key: String) -> String? {
        metadata.last { $0.name == key }?.value
    }
}

/// The successful answer of a function.
public struct Invocation: Sendable, Hashable {
    /// What the function answered, unchanged.
    public let payload: [UInt8]
    /// As the function named it; empty if it did not.
    public let contentType: String
    /// In the function's order; names may repeat.
    public let headers: [Header]
    /// The id of the call's record; `nil` from a daemon that keeps none.
    public let callID: String?
    /// The version that answered; `nil` if the daemon did not tell.
    public let version: UInt32?
}

/// What `grpc.health.v1.Health/Check` answers.
public enum Health: Sendable, Hashable {
    /// Calls are accepted.
    case serving
    /// The daemon is stopping: running calls finish, new ones are refused.
    case notServing
    /// Something else.
    case unknown
}

extension Invocation {
    /// Reads an answer of `fnrpc.v1.Invocation/Invoke`.
    init(_ reply: Reply) throws(ClientError) {
        let callID = reply.metadata("fn-call-id")
        let body: InvokeBody
        do {
            body = try reply.payload.withUnsafeBytes { try InvokeBody(decoding: $0) }
        } catch {
            throw ClientError(.internalError, "the answer to the call does not parse", callID: callID)
        }
        self.init(
            payload: body.payload, contentType: body.contentType,
            headers: body.headers.map { Header($0.name, $0.value) }, callID: callID,
            version: reply.metadata("fnrpc-version").flatMap { UInt32($0) })
    }
}
