import FnrpcClient
import Model
import Testing
import Wire

/// Hello, and the frames that it turns on.
@Suite struct HelloTests {
    private func cancelFrame(_ request: ReceivedRequest) -> FrameHeader {
        FrameHeader(length: 0, streamID: request.header.streamID, type: Extension.cancelFrame)
    }

    private func goAway(_ peer: Peer, _ data: [UInt8], streamID: UInt32 = 0) throws {
        try peer.send(data, streamID: streamID, type: Extension.goawayFrame)
    }

    @Test func isSaidOncePerConnectionBehindTheFirstRequest() async throws {
        let script: @Sendable (Peer) throws -> Void = { peer in
            // Raw, because `request()` would answer Hello itself.
            var services: [String] = []
            for _ in 0..<2 {
                let header = try peer.read(FrameHeader.size).withUnsafeBytes {
                    FrameHeader(reading: try #require($0.baseAddress))
                }
                let data = try peer.read(Int(header.length))
                try data.withUnsafeBytes {
                    services.append(String(decoding: try RequestEnvelope(scanning: $0).service, as: UTF8.self))
                }
            }
            #expect(services == ["s", "fnrpc.v1.Transport"])
            // The answer to the call does not wait for the one to Hello, which never comes.
            try peer.send([], streamID: 1)
            let next = try peer.request()
            #expect(next.header.streamID == 5 && next.service == "s")
            try peer.reply(next, [2])
            // Ends without an answer, and the connection with it.
            _ = try peer.request()
        }
        let server = try FakeServer(script)
        try await with(server) { client async throws in
            for _ in 0..<2 {
                #expect(try await client.echo() == [])
                #expect(try await client.echo() == [2])
                #expect(await failure { () throws(ClientError) in try await client.echo() }?.code == .unavailable)
            }
        }
    }

    @Test func aCancelledTaskTellsTheServer() async throws {
        let seen = Gate()
        let server = try FakeServer(features: ["cancel"]) { peer in
            try peer.reply(try peer.request(), [1])
            let call = try peer.request()
            seen.open()
            #expect(try peer.frame().header == cancelFrame(call))
            let stream = try peer.request()
            seen.open()
            #expect(try peer.frame().header == cancelFrame(stream))
            try peer.reply(try peer.request(), [2])
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            // Answered behind Hello, so Hello's answer is there.
            #expect(try await client.echo() == [1])
            let call = Task { await failure { () throws(ClientError) in try await client.echo() } }
            await seen.pass()
            call.cancel()
            #expect(await call.value?.code == .cancelled)
            let stream = try await client.stream(service: "s", method: "m", kind: .bidirectional)
            await seen.pass()
            let reader = Task { await failure { () throws(ClientError) in try await stream.receive() } }
            reader.cancel()
            #expect(await reader.value?.code == .cancelled)
            #expect(await failure { () throws(ClientError) in try await stream.send([]) }?.code == .cancelled)
            #expect(try await client.echo() == [2])
        }
    }

    @Test func expiryCancelAndOblivionTellTheServer() async throws {
        let server = try FakeServer(features: ["cancel", "other"]) { peer in
            try peer.reply(try peer.request(), [1])
            for _ in 0..<4 {
                let request = try peer.request()
                try peer.send([9], on: request)
                #expect(try peer.frame().header == cancelFrame(request))
            }
            try peer.reply(try peer.request(), [2])
            peer.waitForClose()
        }
        var limits = Client.Limits()
        limits.timeoutGrace = .zero
        try await with(server, limits: limits) { client async throws in
            #expect(try await client.echo() == [1])
            // Data on a unary call is the server's mistake; the server is told that nobody listens.
            #expect(await failure { () throws(ClientError) in try await client.echo() }?.code == .internalError)

            let late = try await client.stream(
                service: "s", method: "m", kind: .serverStreaming, timeout: .milliseconds(10))
            let expiry = await failure { () throws(ClientError) in
                // On a slow machine the time is up before the message comes.
                while let message = try await late.receive() { #expect(message == [9]) }
                return true
            }
            #expect(expiry?.code == .timeout)

            let given = try await client.stream(service: "s", method: "m", kind: .serverStreaming)
            given.cancel()
            given.cancel()
            #expect(await failure { () throws(ClientError) in try await given.receive() }?.code == .cancelled)

            var forgotten: ClientStream? = try await client.stream(service: "s", method: "m", kind: .serverStreaming)
            #expect(try await forgotten?.receive() == [9])
            forgotten = nil
            #expect(try await client.echo() == [2])
        }
    }

    @Test(arguments: [nil, [], ["goaway"]] as [[String]?])
    func withoutTheFeatureNothingIsSent(features: [String]?) async throws {
        let script: @Sendable (Peer) throws -> Void = { peer in
            try peer.reply(try peer.request(), [1])
            _ = try peer.request()
            // The next frame is the next request, and nothing else.
            try peer.reply(try peer.request(), [2])
            peer.waitForClose()
        }
        let server = try features.map { try FakeServer(features: $0, script) } ?? FakeServer(script)
        try await with(server) { client async throws in
            #expect(try await client.echo() == [1])
            try await client.stream(service: "s", method: "m", kind: .bidirectional).cancel()
            #expect(try await client.echo() == [2])
        }
    }

    @Test(arguments: [[0, 0, 0, 7], []] as [[UInt8]])
    func afterGoAwayTheNextCallConnectsAgain(data: [UInt8]) async throws {
        let moved = Gate()
        let server = try FakeServer(
            features: ["cancel", "goaway"],
            { peer in
                try peer.reply(try peer.request(), [1])
                let stream = try peer.request()
                let call = try peer.request()
                #expect(call.header.streamID == 7)
                try goAway(peer, data)
                try peer.send([2], on: stream)
                moved.wait()
                // What runs, finishes.
                try peer.reply(call, [3])
                try peer.send([4], on: stream)
                try peer.end(stream)
                // The client closes after the last one.
                peer.waitForClose()
            },
            { peer in
                try peer.reply(try peer.request(), [5])
                peer.waitForClose()
            })
        try await with(server) { client async throws in
            #expect(try await client.echo() == [1])
            let stream = try await client.stream(service: "s", method: "m", kind: .bidirectional)
            async let call = client.echo()
            // Sent behind GOAWAY.
            #expect(try await stream.receive() == [2])
            #expect(try await client.echo() == [5])
            moved.open()
            #expect(try await call == [3])
            #expect(try await stream.receive() == [4])
            #expect(try await stream.receive() == nil)
        }
    }

    @Test func whatGoAwayDidNotTakeIsCalledElsewhere() async throws {
        let server = try FakeServer(
            features: ["goaway"],
            { peer in
                try peer.reply(try peer.request(), [1])
                let stream = try peer.request()
                let call = try peer.request()
                #expect(stream.header.streamID == 5 && call.header.streamID == 7)
                try goAway(peer, [0, 0, 0, 1])
                peer.waitForClose()
            },
            { peer in
                let call = try peer.request()
                #expect(call.payload == [7])
                try peer.reply(call, [2])
                peer.waitForClose()
            })
        try await with(server) { client async throws in
            #expect(try await client.echo() == [1])
            let stream = try await client.stream(service: "s", method: "m", kind: .bidirectional)
            #expect(try await client.echo([7]) == [2])
            let error = await failure { () throws(ClientError) in try await stream.receive() }
            #expect(error?.code == .unavailable && error?.message.contains("did not run") == true)
        }
    }

    @Test func goAwayThatNobodyAskedForIsIgnored() async throws {
        let server = try FakeServer(features: ["cancel"]) { peer in
            let call = try peer.request()
            try goAway(peer, [0, 0, 0, 0])
            try peer.reply(call, [1])
            try peer.reply(try peer.request(), [2])
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            #expect(try await client.echo() == [1])
            #expect(try await client.echo() == [2])
        }
    }

    @Test func everyRequestSaysWhoCalls() async throws {
        let server = try FakeServer { peer in
            let expected = [
                Header("authorization", "Bearer fn_abc"), Header("fnrpc-app", "shop"), Header("traceparent", "00-1"),
            ]
            let call = try peer.request()
            #expect(call.metadata == expected + [Header("k", "v")])
            try peer.reply(call, [])
            let stream = try peer.request()
            #expect(stream.metadata == expected)
            try peer.end(stream)
            peer.waitForClose()
        }
        let options = ClientOptions(token: "fn_abc", app: "shop", metadata: [Header("traceparent", "00-1")])
        try await with(server, options: options) { client async throws in
            _ = try await client.call(service: "s", method: "m", payload: [], metadata: [Header("k", "v")])
            let stream = try await client.stream(service: "s", method: "m", kind: .serverStreaming)
            #expect(try await stream.receive() == nil)
        }
    }

    @Test(arguments: ["", "two words", "line\nend", "ümlaut"])
    func aTokenThatCannotBeSentIsRefused(token: String) async throws {
        let error = await failure { () throws(ClientError) in
            try await Client.connect(to: .standard, options: ClientOptions(token: token))
        }
        #expect(error?.code == .invalid)
        #expect(token.isEmpty || error?.message.contains(token) == false)
    }
}
