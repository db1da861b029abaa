package import Loop
internal import Model
internal import Wire

/// Contract `ttrpc`: any number of calls over one connection, matched by stream id; payloads pass undecoded.
// SAFETY: `pending` is guarded by its lock, `connection` is written once before use; the rest is loop-confined.
package final class TtrpcLink: FunctionLink, ConnectionOwner, @unchecked Sendable {
    /// Past this id the container is replaced; ids end at 2^32.
    private static let lastStreamID: UInt32 = 1 << 31

    private let pending = Lock(Pending())
    private var connection: Connection?
    private weak var owner: (any FunctionLinkOwner)?

    private struct Pending {
        var tokens = StreamTable<AnyObject>()
        /// Those of them that call a service of the function's own.
        var services: Set<UInt32> = []
        var nextID: UInt32 = 1
        /// The owner has taken what was pending; nothing is added any more.
        var isOver = false

        mutating func take(_ id: UInt32) -> AnyObject? {
            if !services.isEmpty { services.remove(id) }
            return tokens.remove(id)
        }
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
            pending.tokens.insert(call.token, pending.nextID)
            if case .service = call.target { pending.services.insert(pending.nextID) }
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
        let written =
            switch call.target {
            case .service(let service, let method, let payload):
                write(call, service, method, payload, streamID, connection)
            case .invoke(let request):
                if let path = call.path {
                    withCallRequest(request.bytes, path) { payload in
                        write(
                            call, bytes(FunctionService.name), bytes(FunctionService.call), payload, streamID,
                            connection)
                    }
                } else {
                    write(
                        call, bytes(FunctionService.name), bytes(FunctionService.call), request.bytes, streamID,
                        connection)
                }
            }
        if written != .taken { refuse(streamID, connection, written) }
    }

    private func write(
        _ call: FunctionCall, _ service: UnsafeRawBufferPointer, _ method: UnsafeRawBufferPointer,
        _ payload: UnsafeRawBufferPointer, _ streamID: UInt32, _ connection: Connection
    ) -> Written {
        let timeoutNanos = call.timeoutNanos
        return withRequestMetadata(id: call.id, deadline: call.deadline, call.metadata) { metadata -> Written in
            let frame = RequestFrame(
                service: service, method: method, payload: payload, timeoutNanos: timeoutNanos, metadata: metadata)
            guard frame.length <= FrameHeader.maxLength else { return .tooLong }
            let isTaken = connection.write(count: FrameHeader.size + frame.length) {
                frame.write(streamID: streamID, to: $0)
            }
            return isTaken ? .taken : .refused
        }
    }

    private enum Written {
        case taken
        /// The connection is closed, or its peer does not read.
        case refused
        /// The Request does not fit into a frame, which is its caller's doing.
        case tooLong
    }

    private func refuse(_ streamID: UInt32, _ connection: Connection, _ written: Written) {
        connection.loop.run { [self] in
            // Whoever takes the token out of `pending` answers it.
            guard let token = pending.withLock({ $0.take(streamID) }) else { return }
            guard written == .refused else {
                let text = "the request and its metadata do not fit into a frame of \(FrameHeader.maxLength) bytes"
                owner?.answered(token, .refused(Failure(.tooLarge, text, quota: "frame")))
                return
            }
            owner?.answered(token, .broken("it does not take calls any more"))
            connection.close()
        }
    }

    package func abandon(_ token: AnyObject) {
        pending.withLock { pending in
            if let entry = pending.tokens.all.first(where: { $0.value === token }) { _ = pending.take(entry.id) }
        }
    }

    package func takePending() -> [AnyObject] {
        pending.withLock { pending in
            defer { pending.tokens.removeAll() }
            pending.isOver = true
            return pending.tokens.all.map(\.value)
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
                switch header.type {
                case FrameHeader.response:
                    guard answer(header.streamID, UnsafeRawBufferPointer(rebasing: data)) else {
                        return broken("its response does not parse")
                    }
                case FrameHeader.data: refuseData(header.streamID)
                default: break
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
        guard let token = pending.withLock({ $0.take(streamID) }) else { return true }
        if response.code != 0 {
            let text = String(decoding: response.message, as: UTF8.self)
            let code = (1...16).contains(response.code) ? response.code : 2
            owner?.answered(token, .failed(code: code, message: text, status: response.status))
        } else if response.payload.count > ContractLimits.replyBytes {
            let text = "the reply has \(response.payload.count) bytes; at most \(ContractLimits.replyBytes) are allowed"
            owner?.answered(token, .failed(code: 8, message: text))
        } else {
            owner?.answered(token, .message(response.payload))
        }
        return true
    }

    /// Calls of this link are unary; streams have connections of their own.
    private func refuseData(_ streamID: UInt32) {
        // Of a call that was abandoned, or has failed already, it is nothing to us.
        let (token, isService) = pending.withLock { pending in
            (pending.tokens.remove(streamID), pending.services.remove(streamID) != nil)
        }
        guard let token else { return }
        // Here the caller is wrong about a method of the function's; that is no reason to give up the container.
        let answer: FunctionReply =
            isService
            ? .refused(Failure(.invalid, "the method answers with a stream; call it as one"))
            : .broken("it sent stream data on a unary call")
        owner?.answered(token, answer)
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
