import FnrpcClient
import Model
import Testing
import Wire

@Suite struct StreamTests {
    private func stream(
        _ client: Client, _ kind: StreamKind, timeout: Duration? = nil
    ) async throws(ClientError) -> ClientStream {
        try await client.stream(service: "a.B", method: "C", kind: kind, timeout: timeout)
    }

    @Test func serverStreaming() async throws {
        let server = try FakeServer { peer in
            let request = try peer.request()
            #expect(request.service == "a.B" && request.method == "C" && request.payload == [7])
            #expect(request.header.flags == 0x01)
            #expect(request.metadata == [Header("k", "v")])
            try peer.send([1], on: request)
            // An empty message is not "no message"; flags that nobody knows are ignored.
            try peer.send([], on: request, flags: 0xF8)
            // "No message" without an end says nothing.
            try peer.send([8, 8], on: request, flags: 0x04)
            try peer.send([3], on: request)
            try peer.end(request, metadata: [("a", "1"), ("b", "2")])
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let stream = try await client.stream(
                service: "a.B", method: "C", kind: .serverStreaming, payload: [7], metadata: [Header("k", "v")])
            var all: [[UInt8]] = []
            for try await message in stream.messages { all.append(message) }
            #expect(all == [[1], [], [3]])
            #expect(stream.metadata == [Header("a", "1"), Header("b", "2")])
            #expect(try await stream.receive() == nil)
            #expect(await failure { () throws(ClientError) in try await stream.send([1]) }?.code == .invalid)
            #expect(await failure { () throws(ClientError) in try await stream.response() }?.code == .invalid)
            try await stream.finishSending()
        }
    }

    @Test func clientStreaming() async throws {
        let server = try FakeServer { peer in
            let request = try peer.request()
            #expect(request.header.flags == 0x02 && request.payload == [])
            var sum: UInt8 = 0
            for _ in 0..<3 {
                let frame = try peer.data(on: request)
                #expect(frame.header.flags == 0)
                sum += UInt8(frame.data.count)
            }
            try peer.expectEnd(of: request)
            try peer.reply(request, [sum], metadata: [("fn-call-id", "01X")])
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let stream = try await stream(client, .clientStreaming)
            for message in [[1, 2], [], [3]] as [[UInt8]] { try await stream.send(message) }
            try await stream.finishSending()
            try await stream.finishSending()
            #expect(await failure { () throws(ClientError) in try await stream.send([1]) }?.code == .invalid)
            #expect(await failure { () throws(ClientError) in try await stream.receive() }?.code == .invalid)
            let reply = try await stream.response()
            #expect(reply.payload == [3] && reply.metadata("fn-call-id") == "01X")
        }
    }

    @Test func bidirectionalEchoes() async throws {
        let server = try FakeServer { peer in
            let request = try peer.request()
            #expect(request.header.flags == 0x02)
            while true {
                let frame = try peer.data(on: request)
                if frame.header.flags == 0x05 { break }
                try peer.send(frame.data, on: request)
            }
            try peer.end(request)
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let stream = try await stream(client, .bidirectional)
            let big = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
            for message in [[1], big, []] {
                try await stream.send(message)
                #expect(try await stream.receive() == message)
            }
            try await stream.finishSending()
            #expect(try await stream.receive() == nil)
        }
    }

    @Test(
        arguments: [
            // Content in the closing frame; an empty message in it; Responses instead of the closing frame.
            (FrameHeader.data, 0x01, [2], [[1], [2]]),
            (FrameHeader.data, 0x01, [], [[1], []]),
            (FrameHeader.data, 0x05, [9], [[1]]),
            (FrameHeader.response, 0, [], [[1]]),
            (FrameHeader.response, 0xFF, [0x0A, 0], [[1]]),
            (FrameHeader.response, 0, [0x0A, 2, 0x08, 0], [[1]]),
            (FrameHeader.response, 0, [0x12, 1, 5], [[1], [5]]),
        ] as [(UInt8, UInt8, [UInt8], [[UInt8]])])
    func endings(type: UInt8, flags: UInt8, data: [UInt8], messages: [[UInt8]]) async throws {
        let server = try FakeServer { peer in
            let request = try peer.request()
            try peer.send([1], on: request)
            try peer.send(data, streamID: request.header.streamID, type: type, flags: flags)
            // Too late for anybody.
            try peer.send([7], on: request)
            try peer.fail(request, Failure(.internalError, "late"))
            try peer.reply(try peer.request(), [1])
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let stream = try await stream(client, .bidirectional)
            var all: [[UInt8]] = []
            while let message = try await stream.receive() { all.append(message) }
            #expect(all == messages)
            #expect(await failure { () throws(ClientError) in try await stream.send([1]) }?.code == .precondition)
            try await stream.finishSending()
            #expect(try await client.echo() == [1])
        }
    }

    @Test(
        arguments: [
            (FrameHeader.data, 0, [1], "stream data where one response belongs"),
            (FrameHeader.response, 0, [0x12, 0x7F], "does not parse"),
        ] as [(UInt8, UInt8, [UInt8], String)])
    func aMistakeEndsTheStreamAlone(type: UInt8, flags: UInt8, data: [UInt8], words: String) async throws {
        let server = try FakeServer { peer in
            let request = try peer.request()
            try peer.send(data, streamID: request.header.streamID, type: type, flags: flags)
            try peer.reply(try peer.request(), [1])
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let stream = try await stream(client, .clientStreaming)
            let error = await failure { () throws(ClientError) in try await stream.response() }
            #expect(error?.code == .internalError && error?.message.contains(words) == true)
            #expect(try await client.echo() == [1])
        }
    }

    @Test func anEarlyErrorReachesReaderAndSender() async throws {
        let server = try FakeServer { peer in
            let request = try peer.request()
            #expect(try peer.data(on: request).data == [1])
            try peer.send([2], on: request)
            try peer.fail(request, Failure(.functionFailed, "no more"))
            try peer.reply(try peer.request(), [1])
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let stream = try await stream(client, .bidirectional)
            try await stream.send([1])
            #expect(try await stream.receive() == [2])
            let expected = ClientError(.functionFailed, "no more", callID: "01FAIL")
            #expect(await failure { () throws(ClientError) in try await stream.receive() } == expected)
            #expect(await failure { () throws(ClientError) in try await stream.send([1]) } == expected)
            #expect(await failure { () throws(ClientError) in try await stream.finishSending() } == expected)
            #expect(try await client.echo() == [1])
        }
    }

    @Test func anOverlongMessageEndsTheStreamAlone() async throws {
        let server = try FakeServer { peer in
            let request = try peer.request()
            try peer.send([UInt8](repeating: 1, count: FrameHeader.maxLength), on: request)
            try peer.send([UInt8](repeating: 1, count: FrameHeader.maxLength + 1), on: request)
            try peer.reply(try peer.request(), [1])
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let stream = try await stream(client, .serverStreaming)
            #expect(try await stream.receive()?.count == FrameHeader.maxLength)
            #expect(await failure { () throws(ClientError) in try await stream.receive() }?.code == .tooLarge)
            #expect(try await client.echo() == [1])
        }
    }

    @Test func anOverlongMessageIsNotSent() async throws {
        let server = try FakeServer { peer in
            let request = try peer.request()
            #expect(try peer.data(on: request).data.count == FrameHeader.maxLength)
            try peer.end(request)
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let payload = await failure { () throws(ClientError) in
                try await client.stream(service: "s", method: "m", kind: .bidirectional, payload: [1])
            }
            #expect(payload?.code == .invalid)
            let stream = try await stream(client, .bidirectional)
            let message = [UInt8](repeating: 1, count: FrameHeader.maxLength + 1)
            let error = await failure { () throws(ClientError) in try await stream.send(message) }
            #expect(error?.code == .tooLarge && error?.message.contains("at most 4194304") == true)
            try await stream.send(Array(message.dropLast()))
            #expect(try await stream.receive() == nil)
        }
    }

    @Test func aLostConnectionFailsOpenStreams() async throws {
        let server = try FakeServer(
            { peer in
                let request = try peer.request()
                _ = try peer.request()
                try peer.send([1], on: request)
            },
            { peer in
                try peer.reply(try peer.request(), [5])
                peer.waitForClose()
            })
        try await with(server) { client async throws in
            let first = try await stream(client, .serverStreaming)
            let second = try await stream(client, .clientStreaming)
            #expect(try await first.receive() == [1])
            #expect(await failure { () throws(ClientError) in try await first.receive() }?.code == .unavailable)
            #expect(await failure { () throws(ClientError) in try await second.response() }?.code == .unavailable)
            #expect(await failure { () throws(ClientError) in try await second.send([]) }?.code == .unavailable)
            #expect(try await client.echo() == [5])
        }
    }

    @Test func connectsAgainBeforeTheIDsEnd() async throws {
        let moved = Gate()
        let server = try FakeServer(
            { peer in
                let requests = [try peer.request(), try peer.request()]
                #expect(requests.map(\.header.streamID) == [1, 5])
                moved.wait()
                for request in requests {
                    try peer.send([1], on: request)
                    try peer.end(request)
                }
                // The used-up connection is closed by the client.
                peer.waitForClose()
            },
            { peer in
                let request = try peer.request()
                #expect(request.header.streamID == 1)
                moved.open()
                try peer.end(request)
                peer.waitForClose()
            })
        var limits = Client.Limits()
        limits.lastStreamID = 5
        try await with(server, limits: limits) { client async throws in
            let old = [try await stream(client, .serverStreaming), try await stream(client, .bidirectional)]
            let new = try await stream(client, .serverStreaming)
            #expect(try await new.receive() == nil)
            for stream in old {
                #expect(try await stream.receive() == [1])
                #expect(try await stream.receive() == nil)
            }
        }
    }

    @Test func aTimeOutIsLocalAndOnTheWire() async throws {
        let server = try FakeServer { peer in
            let late = try peer.request()
            #expect(late.timeoutNanos == 20_000_000 && late.metadata("fnrpc-timeout") == ["20000000ns"])
            try peer.send([1], on: late)
            let next = try peer.request()
            #expect(next.metadata("fnrpc-timeout") == [])
            try peer.end(late)
            try peer.reply(next, [2])
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let stream = try await stream(client, .serverStreaming, timeout: .milliseconds(20))
            let expiry = await failure { () throws(ClientError) in
                // On a slow machine the time is up before the message comes.
                while let message = try await stream.receive() { #expect(message == [1]) }
                return true
            }
            #expect(expiry?.code == .timeout)
            #expect(try await client.echo() == [2])
            let past = await failure { () throws(ClientError) in
                try await self.stream(client, .bidirectional, timeout: .zero)
            }
            #expect(past?.code == .timeout)
        }
    }

    @Test func manyStreamsAtOnce() async throws {
        let server = try FakeServer { peer in
            while true {
                let frame = try peer.frame()
                guard frame.header.type == FrameHeader.data else { continue }
                try peer.send(
                    frame.data, streamID: frame.header.streamID, type: FrameHeader.data, flags: frame.header.flags)
            }
        }
        try await with(server) { client async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<50 as Range<UInt8> {
                    group.addTask { () async throws in
                        let stream = try await client.stream(service: "s", method: "m", kind: .bidirectional)
                        for index in 0..<100 as Range<UInt8> {
                            try await stream.send([number, index])
                            #expect(try await stream.receive() == [number, index])
                        }
                        try await stream.finishSending()
                        #expect(try await stream.receive() == nil)
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
