import FnrpcClient
import Model
import Testing
import Wire

/// How the client takes what no well-behaved server sends (and what some do).
@Suite struct UnusualFrameTests {
    /// What a server does between a request and the reply of the next call, and what the first call makes of it.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let answer: @Sendable (Peer, UInt32) throws -> Void
        /// The payload that the first call gets; `nil`: it fails.
        let payload: [UInt8]?
        var code: ClientError.Code = .internalError
        var words = ""
    }

    /// Response{payload: [5]}.
    static let five: [UInt8] = [0x12, 1, 5]

    /// The connection goes on after each of them.
    static let harmless: [Case] = [
        Case(
            testDescription: "unknown type on stream 0, an even stream, the active stream",
            answer: { peer, id in
                for stream in [0, 2, id] { try peer.send([1, 2, 3], streamID: stream, type: 0x40) }
                for type in [0, 4, 0x41, 0x43, 0xFF] as [UInt8] {
                    try peer.send([1], streamID: id, type: type, flags: 0xFF)
                }
                try peer.send(five, streamID: id)
            }, payload: [5]),
        Case(
            testDescription: "frames of streams that nobody opened",
            answer: { peer, id in
                for stream in [0, 2, id + 100] {
                    try peer.send(five, streamID: stream)
                    try peer.send([9], streamID: stream, type: FrameHeader.data)
                    try peer.send([], streamID: stream, type: FrameHeader.data, flags: 0x05)
                }
                try peer.send(five, streamID: id)
            }, payload: [5]),
        Case(
            testDescription: "a request of the server",
            answer: { peer, id in
                try peer.send([0x0A, 1, 0x73, 0x12, 1, 0x6D], streamID: id, type: FrameHeader.request)
                try peer.send(five, streamID: id)
            }, payload: [5]),
        Case(
            testDescription: "Data on an active unary call",
            answer: { peer, id in
                try peer.send([9], streamID: id, type: FrameHeader.data)
                // Comes too late.
                try peer.send(five, streamID: id)
            }, payload: nil, words: "stream data in answer to a call that is no stream"),
        Case(
            testDescription: "the response twice",
            answer: { peer, id in for _ in 0..<2 { try peer.send(five, streamID: id) } }, payload: [5]),
        Case(
            testDescription: "flags on a response",
            answer: { peer, id in try peer.send(five, streamID: id, flags: 0xFF) }, payload: [5]),
        Case(
            testDescription: "fields that nobody knows, of every wire type",
            answer: { peer, id in
                try peer.send(
                    five + [0x92, 3, 1, 0, 0x98, 3, 7, 0xA1, 3, 1, 2, 3, 4, 5, 6, 7, 8, 0xAD, 3, 1, 2, 3, 4],
                    streamID: id)
            }, payload: [5]),
        Case(testDescription: "an empty response", answer: { try $0.send([], streamID: $1) }, payload: []),
        Case(
            testDescription: "status{}",
            answer: { peer, id in try peer.send([0x0A, 0] + five, streamID: id) }, payload: [5]),
        Case(
            testDescription: "status{code: 0}",
            answer: { peer, id in try peer.send([0x0A, 2, 0x08, 0] + five, streamID: id) }, payload: [5]),
        Case(
            testDescription: "an error with a payload",
            answer: { peer, id in try peer.send([0x0A, 2, 0x08, 5] + five, streamID: id) }, payload: nil,
            code: .notFound, words: "status 5"),
        Case(
            testDescription: "a code that does not exist",
            answer: { peer, id in try peer.send([0x0A, 2, 0x08, 99] + five, streamID: id) }, payload: nil,
            words: "status 99"),
        Case(
            testDescription: "a response that does not parse",
            answer: { peer, id in try peer.send([0x12, 0x7F, 1], streamID: id) }, payload: nil,
            words: "does not parse"),
        Case(
            testDescription: "a status that does not parse",
            answer: { peer, id in try peer.send([0x0A, 2, 0x08, 0x80], streamID: id) }, payload: nil,
            words: "does not parse"),
        Case(
            testDescription: "byte by byte",
            answer: { peer, id in
                for byte in frameBytes(five, streamID: id) { try peer.send([byte]) }
            }, payload: [5]),
        Case(
            testDescription: "the longest frame",
            answer: { peer, id in
                // Response{payload} with 5 bytes of tag and length.
                let payload = [UInt8](repeating: 7, count: FrameHeader.maxLength - 5)
                try peer.send(response(payload: payload), streamID: id)
            }, payload: [UInt8](repeating: 7, count: FrameHeader.maxLength - 5)),
        Case(
            testDescription: "one byte more",
            answer: { peer, id in try peer.send(overlong(FrameHeader.maxLength + 1, id)) }, payload: nil,
            code: .tooLarge, words: "4194305 bytes, over ttrpc's limit of 4194304"),
        Case(
            testDescription: "the longest frame that is skipped",
            answer: { peer, id in try peer.send(overlong((16 << 20) - 1, id)) }, payload: nil,
            code: .tooLarge, words: "16777215 bytes"),
        Case(
            testDescription: "an overlong frame of nobody",
            answer: { peer, id in
                try peer.send(overlong(FrameHeader.maxLength + 1, id + 100))
                try peer.send(five, streamID: id)
            }, payload: [5]),
    ]

    /// A Response frame over the limit; what is in it is never looked at.
    static func overlong(_ length: Int, _ id: UInt32) -> [UInt8] {
        frameBytes([UInt8](repeating: 0xEE, count: length), streamID: id)
    }

    @Test(arguments: harmless)
    func theConnectionGoesOn(test: Case) async throws {
        let server = try FakeServer { peer in
            try test.answer(peer, try peer.request().header.streamID)
            try peer.reply(try peer.request(), [42])
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            let first: Result<[UInt8], ClientError>
            do throws(ClientError) { first = .success(try await client.echo()) } catch { first = .failure(error) }
            switch first {
            case .success(let payload): #expect(payload == test.payload)
            case .failure(let error):
                #expect(test.payload == nil && error.code == test.code, "\(error)")
                #expect(error.message.contains(test.words), "\(error)")
            }
            // On the same connection: the server has no other.
            #expect(try await client.echo() == [42])
        }
    }

    @Test(arguments: [
        (Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), "HTTP"),
        ([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5], "TLS"),
        ([0xFF, 0xFE], "not ttrpc"),
        // 16 MiB, then 4 GiB.
        ([0x01, 0x00, 0x00, 0x00, 0, 0, 0, 1, 2, 0], "not ttrpc"),
        ([0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1, 2, 0], "not ttrpc"),
    ])
    func nonsenseClosesTheConnection(bytes: [UInt8], words: String) async throws {
        let server = try FakeServer(
            { peer in
                _ = try peer.request()
                try peer.send(bytes)
                // The client must close; the server's read ends only then.
                peer.waitForClose()
            },
            { peer in
                try peer.reply(try peer.request(), [1])
                peer.waitForClose()
            })
        try await with(server) { client async throws in
            let error = await failure { () throws(ClientError) in try await client.echo() }
            #expect(error?.code == .internalError)
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
            // The next call connects again.
            #expect(try await client.echo() == [1])
        }
    }

    @Test(arguments: [true, false])
    func aServerThatClosesFailsTheCall(inTheMiddle: Bool) async throws {
        let server = try FakeServer { peer in
            let id = try peer.request().header.streamID
            if inTheMiddle { try peer.send(Array(frameBytes(Self.five, streamID: id).dropLast())) }
        }
        try await with(server) { client async throws in
            let error = await failure { () throws(ClientError) in try await client.echo() }
            #expect(error?.code == .unavailable && error?.message.contains("may have run") == true, "\(error as Any)")
        }
    }

    @Test func theDelayOfARetryIsRead() async throws {
        let server = try FakeServer { peer in
            for info in [
                [0x0A, 5, 0x08, 2, 0x10, 0xF4, 3], [0x0A, 2, 0x10, 7], [0x0A, 0], [0x0A, 1, 0x08], [0x08, 1],
            ]
                as [[UInt8]]
            {
                let type = Array("type.googleapis.com/google.rpc.RetryInfo".utf8)
                let any = [0x0A, UInt8(type.count)] + type + [0x12, UInt8(info.count)] + info
                let status = [0x08, 14, 0x12, 1, 0x78, 0x1A, UInt8(any.count)] + any
                try peer.send(response(status: status), streamID: try peer.request().header.streamID)
            }
            peer.waitForClose()
        }
        try await with(server) { client async throws in
            // A damaged delay is as good as none; the error itself stays.
            for delay in [.seconds(2) + .nanoseconds(500), .nanoseconds(7), .zero, nil, nil] as [Duration?] {
                let error = await failure { () throws(ClientError) in try await client.echo() }
                #expect(error == ClientError(.unavailable, "x", retryAfter: delay))
            }
        }
    }
}
