internal import Model
internal import Synchronization
internal import Wire

/// One call or stream on a connection, as both the caller's task and the event loop see it. Thread-safe.
final class Ticket: Sendable {
    /// Set by the task before it tells the loop, so that a cancel which overtakes the send is not lost.
    let isCancelled = Atomic<Bool>(false)
    /// 0 before it was sent.
    let streamID = Atomic<UInt32>(0)
}

/// What became of a call on one connection.
enum CallOutcome: Sendable {
    /// The peer answered with success.
    case reply(Reply)
    /// The call failed, or nobody knows whether it ran.
    case failure(ClientError)
    /// The peer never took it: the connection was closed or had no ids left. It is safe to try another one.
    ///
    /// - Parameter why: known only if another connection will end in the same way.
    case notSent(why: ClientError?)
}

/// Whether a connection takes further calls. Thread-safe.
final class OpenFlag: Sendable {
    private let value = Atomic<Bool>(true)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func clear() { value.store(false, ordering: .releasing) }
}

extension ClientError {
    static let cancelledByTask = ClientError(.cancelled, "the call was cancelled; it may have run")
}

extension CallOutcome {
    /// Reads the data of a Response frame; `nil` if it does not parse.
    init?(response bytes: UnsafeRawBufferPointer) {
        guard let envelope = try? ResponseEnvelope(scanning: bytes) else { return nil }
        let metadata = envelope.metadata.map { Header($0.key, $0.value) }
        if envelope.code == 0 {
            self = .reply(Reply(payload: Array(envelope.payload), metadata: metadata))
            return
        }
        let reason = String(decoding: envelope.reason, as: UTF8.self)
        let code = ClientError.Code(rawValue: reason) ?? ClientError.Code(Failure.Code(status: envelope.code))
        var message = String(decoding: envelope.message, as: UTF8.self)
        if message.isEmpty { message = "the daemon gave status \(envelope.code) without a message" }
        let callID = metadata.last { $0.name == "fn-call-id" }?.value
        let retryAfter = envelope.retryNanos.map { Duration.nanoseconds(Int64(clamping: $0)) }
        self = .failure(
            ClientError(code, message, callID: callID, retryAfter: retryAfter, status: Array(envelope.status)))
    }
}
