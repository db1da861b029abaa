internal import Calls
internal import Model
internal import Store
internal import Wire

/// `fnrpc.v1.Transport`.
struct TransportHandler: Sendable {
    func register(in list: inout MethodList) {
        list.add("fnrpc.v1.Transport", "Hello", .unary, .known, .hello)
    }
}

/// `fnrpc.v1.Invocation`.
struct InvocationHandler: Sendable {
    let context: AdminContext

    func register(in list: inout MethodList) {
        list.add("fnrpc.v1.Invocation", "Invoke", .unary, .call, .invoke)
        list.add("fnrpc.v1.Invocation", "InvokeStream", .bidirectional, .call, .invokeStream)
        list.add("fnrpc.v1.Invocation", "Cancel", .call) { (request: CancelRequest, caller: Caller) in
            guard (1...128).contains(request.id.utf8.count) else {
                throw Failure(.invalid, "id: \(request.id.utf8.count) bytes are out of range; 1 to 128")
            }
            let count = context.dispatcher.cancel(request.id, for: caller.principal, in: context.sessions)
            return CancelResponse(cancelled: UInt32(count))
        }
    }
}

/// `fnrpc.v1.Diagnostics`: all four kinds of call without any function.
struct DiagnosticsHandler: Sendable {
    /// Messages of one Generate call.
    private static let maxMessages: UInt32 = 1_000_000
    /// Payload of each, bytes.
    private static let maxBytes: UInt32 = 256 << 10
    /// Larger ones are made again for each message: a thousand callers that do not read must not hold a thousand.
    private static let keptBytes: UInt32 = 4 << 10

    func register(in list: inout MethodList) {
        let service = "fnrpc.v1.Diagnostics"
        list.add(service, "Echo", .unary, .known, .echo)
        list.add(service, "Collect", .clientStreaming, .known, .streaming { try await collect($0) })
        list.add(service, "Generate", .serverStreaming, .known, .streaming { try await generate($0) })
        list.add(
            service, "EchoStream", .bidirectional, .known,
            .streaming { stream in
                while let message = try await stream.next() {
                    _ = try scan(message)
                    try await stream.send(message)
                }
                return nil
            })
    }

    private func scan(_ message: [UInt8]) throws(Failure) -> EchoScan {
        let result = message.withUnsafeBytes { bytes -> Result<EchoScan, Failure> in
            do throws(Failure) { return .success(try EchoScan(scanning: bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func collect(_ stream: ServerStream) async throws -> [UInt8] {
        var result = CollectResponse(messages: 0, bytes: 0)
        while let message = try await stream.next() {
            result.messages += 1
            result.bytes += UInt64(try scan(message).payloadBytes)
        }
        return result.encoded()
    }

    private func generate(_ stream: ServerStream) async throws -> [UInt8]? {
        let request = try GenerateRequest(decoding: stream.request, strict: true)
        guard request.messages <= Self.maxMessages else {
            throw Failure(.invalid, "messages: \(request.messages) is out of range; 0 to \(Self.maxMessages)")
        }
        guard request.bytes <= Self.maxBytes else {
            throw Failure(.invalid, "bytes: \(request.bytes) is out of range; 0 to \(Self.maxBytes)")
        }
        let make = { @Sendable in EchoMessage(payload: [UInt8](repeating: 0x2E, count: Int(request.bytes))).encoded() }
        if request.bytes <= Self.keptBytes {
            let message = make()
            for _ in 0..<request.messages { try await stream.send(message) }
        } else {
            for _ in 0..<request.messages { try await stream.send(making: make) }
        }
        return nil
    }
}

/// `fnrpc.v1.Connections`.
struct ConnectionsHandler: Sendable {
    /// Connections in one answer.
    private static let maxListed = 10_000

    let context: AdminContext

    func register(in list: inout MethodList) {
        list.add("fnrpc.v1.Connections", "List", .read) { (_: ListConnectionsRequest, _: Caller) in
            let all = context.sessions.all
            var answer = ListConnectionsResponse(total: UInt32(clamping: all.count))
            var bytes = 0
            for session in all.prefix(Self.maxListed) {
                let info = session.info
                bytes += FieldSize.field(1, length: info.encodedSize)
                if bytes > PageRequest.maxBytes { break }
                answer.connections.append(info)
            }
            return answer
        }
        list.addChange("fnrpc.v1.Connections", "Close", target: { [("connection", String($0.id))] }) {
            (request: CloseConnectionRequest, _: Caller) in
            guard let session = context.sessions.session(request.id) else {
                throw Failure(.notFound, "connection \(request.id) not found; see fnrpc connection list")
            }
            session.close()
            return CloseConnectionResponse()
        }
    }
}
