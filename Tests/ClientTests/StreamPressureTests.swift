import FnrpcClient
import Model
import Synchronization
import Testing
import Wire

/// Readers and peers that do not keep up.
@Suite struct StreamPressureTests {
    private func stalling(after time: Duration) -> Client.Limits {
        var limits = Client.Limits()
        limits.stallTime = time
        return limits
    }

    @Test(arguments: [(65, 1), (5, 250_000)])
    func aStuckStreamFailsAndTheOthersGoOn(count: Int, size: Int) async throws {
        let server = try FakeServer(features: ["cancel"]) { peer in
            let stuck = try peer.request()
            let call = try peer.request()
            for number in 0..<count { try peer.send([UInt8](repeating: UInt8(number), count: size), on: stuck) }
            // Behind what does not fit.
            try peer.reply(call, [1])
            let cancel = try peer.frame()
            #expect(cancel.header == FrameHeader(length: 0, streamID: stuck.header.streamID, type: 0x40))
            // What comes later for it is dropped at once, however much it is.
            for _ in 0..<100 { try peer.send([UInt8](repeating: 1, count: 100_000), on: stuck) }
            try peer.end(stuck)
            try peer.reply(try peer.request(), [2])
            peer.waitForClose()
        }
        try await with(server, limits: stalling(after: .milliseconds(50))) { client async throws in
            let stream = try await client.stream(service: "s", method: "m", kind: .serverStreaming)
            #expect(try await client.echo() == [1])
            #expect(try await client.echo() == [2])
            // What was there is still there.
            for number in 0..<count - 1 {
                let expected = [UInt8](repeating: UInt8(number), count: size)
                #expect(try await (stream.receive() == expected) == true)
            }
            let error = await failure { () throws(ClientError) in try await stream.receive() }
            #expect(error?.code == .busy && error?.message.contains("not read in time") == true)
        }
    }

    @Test func aReaderThatGoesOnLosesNothing() async throws {
        let server = try FakeServer { peer in
            let request = try peer.request()
            for number in 0..<1000 { try peer.send([UInt8(truncatingIfNeeded: number)], on: request) }
            try peer.send([UInt8](repeating: 1, count: 2 << 20), on: request)
            try peer.send([UInt8](repeating: 2, count: 2 << 20), on: request)
            try peer.send([3], on: request, flags: 0x01)
            // All of it is sent before the connection ends.
        }
        try await with(server) { client async throws in
            let stream = try await client.stream(service: "s", method: "m", kind: .serverStreaming)
            for number in 0..<1000 { #expect(try await stream.receive() == [UInt8(truncatingIfNeeded: number)]) }
            for number in [1, 2] as [UInt8] {
                let expected = [UInt8](repeating: number, count: 2 << 20)
                #expect(try await (stream.receive() == expected) == true)
            }
            #expect(try await stream.receive() == [3])
            #expect(try await stream.receive() == nil)
        }
    }

    @Test func aStuckStreamAloneMayTakeItsTime() async throws {
        let filled = Gate()
        let server = try FakeServer { peer in
            let request = try peer.request()
            for number in 0..<200 { try peer.send([UInt8(truncatingIfNeeded: number)], on: request) }
            filled.open()
            try peer.end(request)
            peer.waitForClose()
        }
        try await with(server, limits: stalling(after: .milliseconds(1))) { client async throws in
            let stream = try await client.stream(service: "s", method: "m", kind: .serverStreaming)
            await filled.pass()
            // Many times the limit: time is what is tested here.
            try await Task.sleep(for: .milliseconds(50))
            for number in 0..<200 { #expect(try await stream.receive() == [UInt8(truncatingIfNeeded: number)]) }
            #expect(try await stream.receive() == nil)
        }
    }

    @Test func aStuckStreamThatIsCancelledLetsTheOthersGoOnAtOnce() async throws {
        let server = try FakeServer { peer in
            let stuck = try peer.request()
            let call = try peer.request()
            for _ in 0..<100 { try peer.send([1], on: stuck) }
            try peer.reply(call, [1])
            peer.waitForClose()
        }
        // Nobody would wait so long.
        try await with(server, limits: stalling(after: .seconds(3600))) { client async throws in
            var stream: ClientStream? = try await client.stream(service: "s", method: "m", kind: .serverStreaming)
            async let reply = client.echo()
            #expect(try await stream?.receive() == [1])
            // Given up by its owner, without a word.
            stream = nil
            #expect(try await reply == [1])
        }
    }

    @Test func sendingWaitsForAPeerThatDoesNotRead() async throws {
        let go = Gate()
        let total = 64
        let size = 256 << 10
        let server = try FakeServer { peer in
            let request = try peer.request()
            go.wait()
            for number in 0..<total {
                let expected = [UInt8](repeating: UInt8(number), count: size)
                #expect(try (peer.data(on: request).data == expected) == true)
            }
            try peer.expectEnd(of: request)
            try peer.reply(request, [1])
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let stream = try await client.stream(service: "s", method: "m", kind: .clientStreaming)
            let sent = Mutex(0)
            let some = Gate()
            let sender = Task { () async throws in
                for number in 0..<total {
                    try await stream.send([UInt8](repeating: UInt8(number), count: size))
                    sent.withLock { $0 += 1 }
                    if number == 2 { some.open() }
                }
                try await stream.finishSending()
            }
            await some.pass()
            // Time for a client without back pressure to show itself; one with it passes at any speed.
            try await Task.sleep(for: .milliseconds(100))
            #expect(sent.withLock { $0 } < total / 2)
            go.open()
            try await sender.value
            #expect(try await stream.response().payload == [1])
        }
    }

    @Test func aSendThatWaitsEndsWithItsStream() async throws {
        let go = Gate()
        let server = try FakeServer { peer in
            let request = try peer.request()
            go.wait()
            try peer.fail(request, Failure(.busy, "enough"))
            go.wait()
        }
        try await with(server) { client async throws in
            let stream = try await client.stream(service: "s", method: "m", kind: .bidirectional)
            let sender = Task { () async -> (Int, ClientError?) in
                var count = 0
                let error = await failure { () throws(ClientError) in
                    while true {
                        try await stream.send([UInt8](repeating: 1, count: 256 << 10))
                        count += 1
                    }
                }
                return (count, error)
            }
            go.open()
            let (count, error) = await sender.value
            #expect(error?.code == .busy && error?.message == "enough")
            // The socket's buffers, the connection's 512 KiB, and a frame.
            #expect(count < 40)
            go.open()
        }
    }
}
