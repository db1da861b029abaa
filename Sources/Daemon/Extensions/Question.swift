internal import Loop
internal import Model

/// What a plug-in says, or that it says nothing.
enum Answer: Sendable, Equatable {
    /// The payload of its Response.
    case message([UInt8])
    /// Its Status: google.rpc.Code, 1 to 16, and text.
    case refused(Int32, String)
    /// There is no answer that could be used; the text completes "extension NAME: …".
    case failed(String)
    /// It does not want to be asked.
    case notWanted
}

/// One question to a plug-in, until its answer.
// SAFETY: everything that changes is confined to the connection's loop.
final class Question: Expiring, @unchecked Sendable {
    let method: StaticString
    /// `nil`: it is about the plug-in itself.
    let type: EventType?
    let phase: EventPhase
    let payload: [UInt8]
    let then: @Sendable (Answer) -> Void
    let askedAt = Instant.now()
    let entry = WheelEntry()
    /// 0: it was not sent yet.
    var streamID: UInt32 = 0
    var isDone = false
    private weak let owner: PlugInConnection?

    init(
        method: StaticString, type: EventType, phase: EventPhase, payload: [UInt8], owner: PlugInConnection,
        then: @escaping @Sendable (Answer) -> Void
    ) {
        self.method = method
        self.type = type
        self.phase = phase
        self.payload = payload
        self.owner = owner
        self.then = then
    }

    /// Asks the plug-in for its description.
    init(describe payload: [UInt8], owner: PlugInConnection, then: @escaping @Sendable (Answer) -> Void) {
        method = "Describe"
        type = nil
        phase = .before
        self.payload = payload
        self.owner = owner
        self.then = then
    }

    func isWanted(by interest: Interest) -> Bool { type.map { interest.contains($0, phase) } ?? true }

    func expired() { owner?.expired(self) }
}
