import FnrpcClient
import Model
import Testing
import Wire

@Suite struct InvokeStreamTests {
    private static let chunkBytes = 256 << 10

    private func chunk(_ peer: Peer, _ request: ReceivedRequest) throws -> InvokeChunk {
        try peer.data(on: request).data.withUnsafeBytes { try InvokeChunk(decoding: $0, strict: true) }
    }

    /// Reads the first message, which carries no part of the body.
    private func first(_ peer: Peer) throws -> ReceivedRequest {
        let request = try peer.request()
        #expect(request.service == "fnrpc.v1.Invocation" && request.method == "InvokeStream")
        #expect(request.header.flags == 0x02 && request.payload == [])
        let first = try chunk(peer, request)
        #expect(
            first
                == InvokeChunk(
                    contentType: "text/plain", headers: [CallHeader(name: "a", value: "b")],
                    target: InvokeTarget(app: "demo", function: "hello", version: 3), credit: 1 << 20))
        return request
    }

    /// A full message of the answer.
    private func part(_ byte: UInt8) -> [UInt8] {
        InvokeChunk(payload: [UInt8](repeating: byte, count: Self.chunkBytes)).encoded()
    }

    private func invoke(_ client: Client) async throws(ClientError) -> InvocationStream {
        try await client.invokeStream(
            app: "demo", function: "hello", version: 3, contentType: "text/plain", headers: [Header("a", "b")])
    }

    @Test func aStreamMayGoToAPath() async throws {
        let server = try FakeServer { peer in
            let request = try peer.request()
            let target = InvokeTarget(app: "demo", method: "PUT", path: "/a/b", query: "c=d")
            #expect(try chunk(peer, request).target == target)
            try peer.send(InvokeChunk(payload: [7]).encoded(), on: request)
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let stream = try await client.invokeStream(
                .path(app: "demo", method: "PUT", path: "/a/b", query: "c=d"))
            #expect(try await stream.receive() == [7])
            stream.cancel()
        }
    }

    @Test func theBodyIsCutAndWaitsForCredit() async throws {
        let body = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 >> 3) }
        let server = try FakeServer { peer in
            let request = try first(peer)
            var received: [UInt8] = []
            for credit in [100, 1_000_000] as [UInt32] {
                try peer.send(InvokeChunk(credit: credit).encoded(), on: request)
                if credit == 100 {
                    // No more comes than was allowed: the next message is for the next credit.
                    let part = try chunk(peer, request)
                    #expect(part == InvokeChunk(payload: Array(body.prefix(100))))
                    received += part.payload
                }
            }
            while received.count < body.count {
                let part = try chunk(peer, request).payload
                #expect(!part.isEmpty && part.count <= Self.chunkBytes)
                received += part
            }
            #expect((received == body) == true)
            #expect(try chunk(peer, request) == InvokeChunk(isEnd: true))
            try peer.send(
                InvokeChunk(
                    payload: [1], contentType: "text/html", headers: [CallHeader(name: "x", value: "y")]
                ).encoded(), on: request)
            try peer.send(InvokeChunk(payload: [2]).encoded(), on: request)
            try peer.end(request, metadata: [("fn-call-id", "01CALL"), ("fnrpc-version", "7")])
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let stream = try await invoke(client)
            // Nobody receives meanwhile; credit is seen all the same.
            try await stream.send(body)
            try await stream.finish()
            try await stream.finish()
            #expect(await failure { () throws(ClientError) in try await stream.send([1]) }?.code == .invalid)
            #expect(try await stream.receive() == [1])
            #expect(stream.contentType == "text/html" && stream.headers == [Header("x", "y")])
            #expect(try await stream.receive() == [2])
            #expect(try await stream.receive() == nil)
            #expect(stream.callID == "01CALL" && stream.version == 7)
        }
    }

    @Test func theAnswerComesAsItIsReadAndDisturbsNobody() async throws {
        let total = 32
        let full = Gate()
        let server = try FakeServer { peer in
            let request = try first(peer)
            #expect(try chunk(peer, request) == InvokeChunk(isEnd: true))
            var credit = 1 << 20
            var sent = 0
            while sent < total, credit >= Self.chunkBytes {
                try peer.send(part(UInt8(sent)), on: request)
                sent += 1
                credit -= Self.chunkBytes
            }
            full.open()
            // The credit is used up; other calls go on as if nothing was.
            for _ in 0..<3 { try peer.reply(try peer.request(), [9]) }
            while sent < total {
                let more = try chunk(peer, request)
                #expect(more == InvokeChunk(credit: UInt32(Self.chunkBytes)))
                try peer.send(part(UInt8(sent)), on: request)
                sent += 1
            }
            try peer.end(request)
            peer.waitForClose()
        }
        var limits = Client.Limits()
        limits.stallTime = .milliseconds(1)
        try await with(server, limits: limits) { client async throws in
            let stream = try await invoke(client)
            try await stream.finish()
            await full.pass()
            for _ in 0..<3 { #expect(try await client.echo() == [9]) }
            for number in 0..<total {
                let expected = [UInt8](repeating: UInt8(number), count: Self.chunkBytes)
                #expect(try await (stream.receive() == expected) == true)
            }
            #expect(try await stream.receive() == nil)
        }
    }

    @Test func moreThanTheCreditIsRefused() async throws {
        let refused = Gate()
        let server = try FakeServer(features: ["cancel"]) { peer in
            let request = try first(peer)
            for _ in 0..<5 { try peer.send(part(1), on: request) }
            #expect(try peer.frame().header.type == Extension.cancelFrame)
            refused.open()
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let stream = try await invoke(client)
            await refused.pass()
            // What came within the credit may be read.
            for _ in 0..<4 { #expect(try await stream.receive()?.count == Self.chunkBytes) }
            let error = await failure { () throws(ClientError) in try await stream.receive() }
            #expect(error?.code == .internalError && error?.message.contains("credit") == true)
        }
    }

    @Test func anErrorEndsBothDirections() async throws {
        let server = try FakeServer { peer in
            let request = try first(peer)
            try peer.send(InvokeChunk(payload: [1], credit: 1).encoded(), on: request)
            #expect(try chunk(peer, request).payload == [5])
            try peer.fail(request, Failure(.functionFailed, "broken"))
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let stream = try await invoke(client)
            let expected = ClientError(.functionFailed, "broken", callID: "01FAIL")
            // Waits for credit that never comes.
            #expect(await failure { () throws(ClientError) in try await stream.send([5, 6]) } == expected)
            #expect(try await stream.receive() == [1])
            #expect(await failure { () throws(ClientError) in try await stream.receive() } == expected)
            #expect(await failure { () throws(ClientError) in try await stream.finish() } == expected)
        }
    }

    @Test func aFunctionMayAnswerWithoutReading() async throws {
        let server = try FakeServer { peer in
            let request = try first(peer)
            try peer.end(request)
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let stream = try await invoke(client)
            #expect(await failure { () throws(ClientError) in try await stream.send([1]) }?.code == .precondition)
            try await stream.finish()
            #expect(try await stream.receive() == nil)
            #expect(stream.contentType == "" && stream.headers == [])
        }
    }

    @Test(arguments: [[0x0A, 0x7F], [0x12, 1, 0], [0x38, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]] as [[UInt8]])
    func nonsenseFailsTheCall(message: [UInt8]) async throws {
        let server = try FakeServer(features: ["cancel"]) { peer in
            let request = try first(peer)
            try peer.send(message, on: request)
            #expect(try peer.frame().header.type == Extension.cancelFrame)
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let stream = try await invoke(client)
            #expect(await failure { () throws(ClientError) in try await stream.receive() }?.code == .internalError)
        }
    }

    @Test func whoWaitsCanBeCancelled() async throws {
        let seen = Gate()
        let server = try FakeServer(features: ["cancel"]) { peer in
            for _ in 0..<3 {
                let request = try first(peer)
                // Hello's answer came before this one.
                try peer.send(InvokeChunk(payload: [1]).encoded(), on: request)
                #expect(try peer.frame().header.type == Extension.cancelFrame)
                seen.open()
            }
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let reading = try await invoke(client)
            #expect(try await reading.receive() == [1])
            let reader = Task { await failure { () throws(ClientError) in try await reading.receive() } }
            reader.cancel()
            #expect(await reader.value?.code == .cancelled)
            await seen.pass()

            let sending = try await invoke(client)
            #expect(try await sending.receive() == [1])
            let sender = Task { await failure { () throws(ClientError) in try await sending.send([1]) } }
            sender.cancel()
            #expect(await sender.value?.code == .cancelled)
            await seen.pass()

            // Given up by its owner without a word.
            var forgotten: InvocationStream? = try await invoke(client)
            #expect(try await forgotten?.receive() == [1])
            forgotten = nil
            await seen.pass()
        }
    }
}
