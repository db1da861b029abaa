import Foundation
import Testing

extension WireTests {
    /// Sizes of frames, first bytes, and how bytes arrive.
    @Suite struct Frames {
        /// An echo Request whose frame's data has exactly `size` bytes.
        private func echo(_ id: UInt32, size: Int) -> RawFrame {
            var payload = size
            while true {
                let frame = RawFrame.request(
                    id, WireTests.echo, Proto.field(1, Bytes(repeating: 0x61, count: payload)))
                if frame.data.count == size { return frame }
                payload -= frame.data.count - size
            }
        }

        @Test func aFrameOfExactly4MiBIsAccepted() throws {
            let connection = try SharedDaemon.connect()
            try connection.send(echo(1, size: 4 << 20))
            let frame = try connection.frame()
            #expect(frame.id == 1 && Answer(frame.data).code == 0 && frame.data.count > (4 << 20) - 100)
        }

        @Test func oneByteMoreIs8AndTheConnectionLives() throws {
            let connection = try SharedDaemon.connect()
            for size in [(4 << 20) + 1, (16 << 20) - 1] {
                let id = connection.newID()
                try connection.send(
                    RawFrame.header(size, id, RawFrame.request) + Bytes(repeating: 0, count: size))
                let answer = try connection.answer(id)
                #expect(answer.code == 8 && answer.quota == "frame")
                #expect(answer.message == "message length \(size) exceed maximum message size of 4194304")
                #expect(try connection.isAliveAndQuiet())
                try connection.send(.request(id, WireTests.echo))
                #expect(try connection.answer(id).code == 3, "its id is used up")
            }
        }

        @Test func anOversizedMessageEndsItsStreamOnly() throws {
            let connection = try SharedDaemon.connect()
            let big = Bytes(repeating: 0, count: (4 << 20) + 1)
            let id = try connection.open(WireTests.echoStream, flags: 0x02)
            try connection.send(.data(id, big))
            #expect(try connection.answer(id).code == 8)
            try connection.send(.data(id, big), .data(id, [1]))
            try connection.send(.data(77, big))
            #expect(try connection.answer(77).code == 3, "no call was opened with it, whatever its size")
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func aFrameFarOverTheLimitCloses() throws {
            for length in [16 << 20, 17 << 20, 0xFFFF_FFFF] {
                let connection = try SharedDaemon.connect()
                try connection.send(RawFrame.header(length, 1, RawFrame.request))
                #expect(connection.isClosedByPeer(), "\(length)")
            }
        }

        @Test func foreignFirstBytesClose() throws {
            let garbage: [Bytes] = [
                Bytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), Bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8),
                [0x16, 0x03, 0x01, 0x02, 0x00, 0x01], [0x01], [0xFF, 0xFE], Bytes("{\"x\":1}".utf8),
            ]
            for bytes in garbage {
                let connection = try SharedDaemon.connect()
                try connection.send(bytes)
                #expect(connection.isClosedByPeer(), "\(bytes)")
                // In the middle of a conversation too.
                let later = try SharedDaemon.connect()
                #expect(try later.isAliveAndQuiet())
                try later.send(bytes)
                #expect(later.isClosedByPeer(), "\(bytes)")
            }
        }

        @Test func aWholeDialogueByteByByteIsUnderstood() throws {
            let connection = try SharedDaemon.connect()
            let message = WireTests.echoMessage(Bytes("drop by drop".utf8))
            let frames: [RawFrame] = [
                .request(1, WireTests.echo, message, timeout: 5_000_000_000, metadata: [("a", "b")]),
                .request(3, WireTests.echoStream, flags: 0x02), .data(3, message), .data(3, []), .end(3),
                .request(5, WireTests.generate, Proto.field(1, varint: 2), flags: 0x01),
                RawFrame(id: 1, type: 0x50, data: [1, 2, 3]),
                .request(2, WireTests.echo),
            ]
            for byte in frames.flatMap(\.bytes) { try connection.send([byte]) }
            // Each stream in its own order.
            let all = try (0..<8).map { _ in try connection.frame() }
            #expect(all.filter { $0.id == 1 }.map { Answer($0.data).payload } == [message])
            #expect(all.filter { $0.id == 3 && !$0.isEnd } == [.data(3, message), .data(3, [])])
            #expect(all.last { $0.id == 3 }?.isEnd == true)
            #expect(all.filter { $0.id == 5 }.map(\.flags) == [0, 0, 0x05])
            #expect(all.filter { $0.id == 2 }.map { Answer($0.data).code } == [3])
        }

        @Test func manyFramesInOneWriteAreAllAnsweredInOrder() throws {
            let connection = try SharedDaemon.connect()
            let ids = (0..<5000).map { UInt32($0 * 2 + 1) }
            try connection.send(ids.flatMap { RawFrame.request($0, WireTests.echo).bytes })
            for id in ids { #expect(try connection.answer(id).code == 0) }
        }

        @Test func aHalfFrameAtTheEndIsNoCall() throws {
            let connection = try SharedDaemon.connect()
            try connection.send(Bytes(RawFrame.request(1, WireTests.echo).bytes.dropLast()))
            connection.endSending()
            #expect(try connection.next() == nil)
        }
    }
}
