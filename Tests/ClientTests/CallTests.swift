import Dispatch
import FnrpcClient
import Model
import Testing
import Wire

@Suite struct CallTests {
    @Test func repliesInAnyOrderReachTheirCallers() async throws {
        let server = try FakeServer { peer in
            let requests = [try peer.request(), try peer.request(), try peer.request()]
            #expect(requests.map(\.header.streamID) == [1, 5, 7])
            #expect(requests.allSatisfy { $0.service == "a.B" && $0.method == "C" && $0.timeoutNanos == 0 })
            for request in requests.reversed() { try peer.reply(request, request.payload) }
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<3 as Range<UInt8> {
                    group.addTask {
                        let reply = try await client.call(service: "a.B", method: "C", payload: [number, 7])
                        #expect(reply.payload == [number, 7])
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func manyCallsAtOnce() async throws {
        let server = try FakeServer { peer in
            while true {
                let request = try peer.request()
                try peer.reply(request, request.payload)
            }
        }
        try await with(server) { client async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<500 {
                    group.addTask { () async throws in
                        let payload = Array("call \(number)".utf8)
                        let reply = try await client.call(service: "s", method: "m", payload: payload)
                        #expect((reply.payload == payload) == true)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func statusesBecomeErrors() async throws {
        let tooLarge = Failure(.tooLarge, "the body is over the limit").encodedStatus()
        let server = try FakeServer { peer in
            try peer.send(
                response(status: tooLarge, metadata: [("fn-call-id", "01ABC")]),
                streamID: try peer.request().header.streamID)
            // Status{code: 8, message: "full"} without detail, then codes that no client may read as success.
            for code: UInt8 in [8, 5, 99] {
                let status: [UInt8] = [0x08, code, 0x12, 4] + Array("full".utf8)
                try peer.send([0x0A, UInt8(status.count)] + status, streamID: try peer.request().header.streamID)
            }
            // status{} is success.
            try peer.send([0x0A, 0, 0x12, 1, 42], streamID: try peer.request().header.streamID)
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            func call() async throws(ClientError) -> Reply {
                try await client.call(service: "s", method: "m", payload: [])
            }
            let first = await failure(call)
            #expect(first == ClientError(.tooLarge, "the body is over the limit", callID: "01ABC"))
            #expect(await failure(call) == ClientError(.busy, "full"))
            #expect(await failure(call)?.code == .notFound)
            #expect(await failure(call)?.code == .internalError)
            #expect(try await call().payload == [42])
        }
    }

    @Test func aLostConnectionFailsEveryCall() async throws {
        let server = try FakeServer { peer in for _ in 0..<4 { _ = try peer.request() } }
        try await with(server) { client async throws in
            let codes = await withTaskGroup(of: ClientError?.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        await failure { () throws(ClientError) in
                            try await client.call(service: "s", method: "m", payload: [])
                        }
                    }
                }
                return await group.reduce(into: [ClientError?]()) { $0.append($1) }
            }
            #expect(codes.count == 4)
            #expect(codes.allSatisfy { $0?.code == .unavailable && $0?.message.contains("may have run") == true })
        }
    }

    @Test func aTimeOutIsLocalAndOnTheWire() async throws {
        let server = try FakeServer { peer in
            let late = try peer.request()
            #expect(late.timeoutNanos == 20_000_000)
            // Comes only after the client has given up.
            let next = try peer.request()
            try peer.reply(late, [1])
            try peer.reply(next, [2])
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let error = await failure { () throws(ClientError) in
                try await client.call(service: "s", method: "m", payload: [], timeout: .milliseconds(20))
            }
            #expect(error?.code == .timeout)
            #expect(try await client.call(service: "s", method: "m", payload: []).payload == [2])
            let past = await failure { () throws(ClientError) in
                try await client.call(service: "s", method: "m", payload: [], timeout: .zero)
            }
            #expect(past?.code == .timeout)
        }
    }

    @Test func aCancelledTaskEndsAlone() async throws {
        let (seen, signal) = AsyncStream<Void>.makeStream()
        let server = try FakeServer { peer in
            let dropped = try peer.request()
            signal.yield()
            let next = try peer.request()
            try peer.reply(dropped, [1])
            try peer.reply(next, [2])
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let task = Task {
                await failure { () throws(ClientError) in try await client.call(service: "s", method: "m", payload: [])
                }
            }
            for await _ in seen { break }
            task.cancel()
            #expect(await task.value?.code == .cancelled)
            #expect(try await client.call(service: "s", method: "m", payload: []).payload == [2])
        }
    }

    @Test func connectsAgainBeforeTheIDsEnd() async throws {
        let server = try FakeServer(
            { peer in
                let requests = [try peer.request(), try peer.request()]
                #expect(requests.map(\.header.streamID) == [1, 5])
                // The first is answered after the client has moved on.
                try peer.reply(requests[1], [3])
                try peer.reply(requests[0], [1])
                // The used-up connection is closed by the client.
                peer.waitForClose()
            },
            { peer in
                let request = try peer.request()
                #expect(request.header.streamID == 1)
                try peer.reply(request, [9])
                peer.waitForClose()
            })
        var limits = Client.Limits()
        limits.lastStreamID = 5
        try await with(server, limits: limits) { client async throws in
            let payloads = try await withThrowingTaskGroup(of: [UInt8].self) { group in
                for _ in 0..<2 {
                    group.addTask { try await client.call(service: "s", method: "m", payload: []).payload }
                }
                return try await group.reduce(into: [[UInt8]]()) { $0.append($1) }
            }
            #expect(Set(payloads) == [[1], [3]])
            #expect(try await client.call(service: "s", method: "m", payload: []).payload == [9])
        }
    }

    @Test func tooManyPendingCallsAreRefused() async throws {
        let (seen, signal) = AsyncStream<Void>.makeStream()
        let refused = DispatchSemaphore(value: 0)
        let server = try FakeServer { peer in
            let request = try peer.request()
            signal.yield()
            refused.wait()
            try peer.reply(request, [1])
            peer.waitForClose()
        }
        var limits = Client.Limits()
        limits.pendingCalls = 1
        try await with(server, limits: limits) { client async throws in
            async let first = client.call(service: "s", method: "m", payload: [])
            for await _ in seen { break }
            let error = await failure { () throws(ClientError) in
                try await client.call(service: "s", method: "m", payload: [])
            }
            #expect(error?.code == .busy)
            refused.signal()
            #expect(try await first.payload == [1])
        }
    }

    @Test func aFrameOverTheLimitIsNotSent() async throws {
        let server = try FakeServer { peer in
            let request = try peer.request()
            #expect(request.header.length == UInt32(FrameHeader.maxLength))
            try peer.reply(request, [1])
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            // Tag and length of service and method, 3 bytes each; tag and length of the payload, 5 bytes.
            let fits = FrameHeader.maxLength - 6 - 5
            let payload = [UInt8](repeating: 7, count: fits + 1)
            let error = await failure { () throws(ClientError) in
                try await client.call(service: "s", method: "m", payload: payload)
            }
            #expect(error?.code == .tooLarge)
            #expect(error?.message.contains("\(fits + 1) bytes") == true)
            #expect(error?.message.contains("at most \(fits) ") == true)
            #expect(try await client.call(service: "s", method: "m", payload: Array(payload.dropLast())).payload == [1])
        }
    }

    @Test func invokeSendsAndReadsItsMessages() async throws {
        let server = try FakeServer { peer in
            let request = try peer.request()
            #expect(request.service == "fnrpc.v1.Invocation" && request.method == "Invoke")
            try request.payload.withUnsafeBytes { bytes in
                let scan = try InvokeScan(scanning: bytes)
                #expect(Array(scan.payload) == Array("{}".utf8))
                #expect(String(decoding: scan.target.app, as: UTF8.self) == "demo" && scan.target.version == 4)
                #expect(scan.headerCount == 1)
            }
            let body = InvokeBody(
                payload: Array("hi".utf8), contentType: "text/plain", headers: [CallHeader(name: "a", value: "b")])
            try peer.reply(request, body.encoded(), metadata: [("fn-call-id", "01X"), ("fnrpc-version", "4")])
            try peer.reply(try peer.request(), [0x0A, 0x7F])
            try peer.reply(try peer.request(), [0x08, 2])
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let answer = try await client.invoke(
                app: "demo", function: "hello", version: 4, payload: Array("{}".utf8), headers: [Header("x", "y")])
            #expect(answer.payload == Array("hi".utf8) && answer.contentType == "text/plain")
            #expect(answer.headers == [Header("a", "b")] && answer.callID == "01X" && answer.version == 4)
            let bad = await failure { () throws(ClientError) in
                try await client.invoke(app: "demo", function: "hello", payload: [])
            }
            #expect(bad?.code == .internalError)
            #expect(try await client.health() == .notServing)
        }
    }

    @Test(
        arguments: [
            (.function(app: "a", name: "f"), InvokeTarget(app: "a", function: "f")),
            (.function(app: "", name: "f", revision: .version(7)), InvokeTarget(function: "f", version: 7)),
            (
                .function(app: "a", name: "f", revision: .alias("live")),
                InvokeTarget(app: "a", function: "f", alias: "live")
            ),
            (.path(app: "a", path: "/x"), InvokeTarget(app: "a", path: "/x")),
            (
                .path(app: "a", method: "GET", path: "/x/%20", query: "q=1"),
                InvokeTarget(app: "a", method: "GET", path: "/x/%20", query: "q=1")
            ),
        ] as [(InvocationTarget, InvokeTarget)])
    func everyTargetIsSent(target: InvocationTarget, expected: InvokeTarget) async throws {
        let server = try FakeServer { peer in
            let request = try peer.request()
            let sent = try request.payload.withUnsafeBytes { try InvokeChunk(decoding: $0, strict: true) }
            #expect(sent.target == expected && sent.payload == [1])
            try peer.reply(request, InvokeBody(payload: [2]).encoded())
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            #expect(try await client.invoke(target, payload: [1]).payload == [2])
        }
    }

    @Test func aClosedClientRefuses() async throws {
        let server = try FakeServer { $0.waitForClose() }
        try await with(server) { client async throws in
            await client.close()
            let error = await failure { () throws(ClientError) in
                try await client.call(service: "s", method: "m", payload: [])
            }
            #expect(error == ClientError(.unavailable, "the client is closed"))
        }
    }
}
