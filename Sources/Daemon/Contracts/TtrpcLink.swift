package import Loop
internal import Model
internal import Wire

/// Contract `ttrpc`: any number of calls over one connection, matched by stream id; payloads pass undecoded.
// SAFETY: `pending` is guarded by its lock, `connection` is written once before use; the rest is loop-confined.
package final class TtrpcLink: FunctionLink, ConnectionOwner, @unchecked Sendable {
    private static let service: StaticString = "fnrpc.function.v1.Function"
    private static let method: StaticString = "Call"
    private static let callIDKey: StaticString = "fn-call-id"
    private static let deadlineKey: StaticString = "fn-deadline"
    /// Past this id the container is replaced; ids end at 2^32.
    private static let lastStreamID: UInt32 = 1 << 31

    private let pending = Lock(Pending())
    private var connection: Connection?
    private weak var owner: (any FunctionLinkOwner)?

    private struct Pending {
        var tokens: [UInt32: AnyObject] = [:]
        var nextID: UInt32 = 1
        /// The owner has taken what was pending; nothing is added any more.
        var isOver = false
    }

    /// Takes over a connected socket; on the loop.
    package init(loop: EventLoop, descriptor: Int32, owner: any FunctionLinkOwner) {
        self.owner = owner
        connection = Connection(loop: loop, descriptor: descriptor, owner: self, options: .toFunction)
    }

    package func send(_ call: FunctionCall) {
        let added = pending.withLock { pending -> UInt32? in
            if pending.isOver { return nil }
            defer { pending.nextID += 2 }
            pending.tokens[pending.nextID] = call.token
            return pending.nextID
        }
        guard let connection else { return }
        guard let streamID = added else {
            let token = UncheckedToken(call.token)
            connection.loop.run { [self] in owner?.answered(token.object, .broken("its container ended")) }
            return
        }
        // Its deadline may have passed on the way here; whoever answered it could not find it in `pending`.
        guard owner?.wants(call.token) == true else { return abandon(call.token) }
        guard streamID < Self.lastStreamID else {
            return lost("its connection has used all stream ids")
        }
        var id = call.id
        var deadline = call.deadline.rfc3339(fractionDigits: 3)
        let written = id.withUTF8 { id in
            deadline.withUTF8 { deadline in
                let metadata = [
                    MetadataEntry(key: Self.callIDKey, value: UnsafeRawBufferPointer(id)),
                    MetadataEntry(key: Self.deadlineKey, value: UnsafeRawBufferPointer(deadline)),
                ]
                return metadata.withUnsafeBufferPointer { metadata in
                    let frame = RequestFrame(
                        service: bytes(Self.service), method: bytes(Self.method), payload: call.request.bytes,
                        timeoutNanos: call.timeoutNanos, metadata: metadata)
                    guard frame.length <= FrameHeader.maxLength else { return false }
                    return connection.write(count: FrameHeader.size + frame.length) {
                        frame.write(streamID: streamID, to: $0)
                    }
                }
            }
        }
        if !written { refuse(streamID, connection) }
    }

    /// The connection takes no output: it is closed, or its peer does not read.
    private func refuse(_ streamID: UInt32, _ connection: Connection) {
        connection.loop.run { [self] in
            // Whoever takes the token out of `pending` answers it.
            guard let token = pending.withLock({ $0.tokens.removeValue(forKey: streamID) }) else { return }
            owner?.answered(token, .broken("it does not take calls any more"))
            connection.close()
        }
    }

    package func abandon(_ token: AnyObject) {
        pending.withLock { pending in
            if let entry = pending.tokens.first(where: { $0.value === token }) { pending.tokens[entry.key] = nil }
        }
    }

    package func takePending() -> [AnyObject] {
        pending.withLock { pending in
            defer { pending.tokens = [:] }
            pending.isOver = true
            return Array(pending.tokens.values)
        }
    }

    package func exited(_ description: String, success: Bool) {}

    package func close() {
        connection?.close()
    }

    package func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) -> InputStep {
        var done = 0
        while true {
            switch FrameStep(UnsafeRawBufferPointer(rebasing: bytes[done...])) {
            case .incomplete(let needed): return .consumed(done, needed: needed)
            case .foreign: return broken("it answered with bytes that are not ttrpc")
            case .tooLong(let header): return broken("it sent a frame of \(header.length) bytes; at most 4194304")
            case .frame(let header):
                let data = bytes[(done + FrameHeader.size)..<(done + FrameHeader.size + Int(header.length))]
                done += FrameHeader.size + Int(header.length)
                guard header.type == FrameHeader.response else { continue }
                guard answer(header.streamID, UnsafeRawBufferPointer(rebasing: data)) else {
                    return broken("its response does not parse")
                }
            }
        }
    }

    package func connectionClosed(_ connection: Connection) {
        lost("it closed its connection")
    }

    private func answer(_ streamID: UInt32, _ data: UnsafeRawBufferPointer) -> Bool {
        guard let response = try? ResponseEnvelope(scanning: data) else { return false }
        // An answer to a call that was abandoned, or a second answer, is nothing to us.
        guard let token = pending.withLock({ $0.tokens.removeValue(forKey: streamID) }) else { return true }
        if response.code != 0 {
            let text = String(decoding: response.message, as: UTF8.self)
            let code = (1...16).contains(response.code) ? response.code : 2
            owner?.answered(token, .failed(code: code, message: text))
        } else if response.payload.count > ContractLimits.replyBytes {
            let text = "the reply has \(response.payload.count) bytes; at most \(ContractLimits.replyBytes) are allowed"
            owner?.answered(token, .failed(code: 8, message: text))
        } else {
            owner?.answered(token, .message(response.payload))
        }
        return true
    }

    private func broken(_ reason: String) -> InputStep {
        lost(reason)
        return .close
    }

    private func lost(_ reason: String) {
        guard let connection else { return }
        connection.loop.run { [self] in owner?.linkLost(reason) }
    }
}

/// A literal's bytes.
func bytes(_ literal: StaticString) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
}
