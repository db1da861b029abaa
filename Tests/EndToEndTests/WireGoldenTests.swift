import Foundation
import Testing

/// Frames of Tests/Fixtures/frames: `NAME.hex`, a comment, the header in a line, then the data.
enum Golden {
    static func bytes(_ name: String) throws -> Bytes {
        let folder = TestDaemon.repository.appendingPathComponent("Tests/Fixtures/frames")
        return try Hex.bytes(String(contentsOf: folder.appendingPathComponent(name + ".hex"), encoding: .utf8))
    }

    /// Only for frames whose header and data belong together.
    static func frame(_ name: String) throws -> RawFrame {
        let bytes = try bytes(name)
        try #require(bytes.count >= 10, "\(name)")
        func number(_ at: Int) -> UInt32 { bytes[at..<at + 4].reduce(0) { $0 << 8 | UInt32($1) } }
        try #require(Int(number(0)) == bytes.count - 10, "\(name): the length is wrong")
        return RawFrame(id: number(4), type: bytes[8], flags: bytes[9], data: Bytes(bytes[10...]))
    }
}

extension WireTests {
    /// The daemon's frames are those that PROTOCOL.md shows, byte for byte.
    @Suite struct GoldenFrames {
        @Test(arguments: [
            (["request-unary"], ["response-ok"]),
            (["request-metadata-timeout"], ["response-metadata-timeout"]),
            (["request-unknown-method"], ["response-unknown-method"]),
            (["request-bad-timeout"], ["response-bad-request"]),
            (["request-client-stream", "data", "data-empty", "data-last"], ["response-client-stream"]),
            (["request-server-stream"], ["data-generated", "data-end"]),
            (["data-stray"], ["response-stray"]),
        ])
        func theDaemonAnswersWithExactlyTheseBytes(_ sent: [String], _ received: [String]) throws {
            let connection = try SharedDaemon.connect()
            for name in sent { try connection.send(Golden.bytes(name)) }
            for name in received {
                let frame = try connection.frame()
                #expect(try frame.bytes == Golden.bytes(name), "\(name): \(Hex.text(frame.bytes))")
            }
        }

        @Test func helloTurnsCancelOn() throws {
            let connection = try SharedDaemon.connect()
            try connection.send(Golden.bytes("request-hello"))
            let (hello, golden) = (try connection.frame(), try Golden.frame("response-hello"))
            // The version differs from release to release.
            let server = Fields(Answer(hello.data).payload).part(2) ?? []
            let expected = Fields(Answer(golden.data).payload).part(2) ?? []
            #expect(server.starts(with: Bytes("fnrpcd ".utf8)))
            #expect(try replace(server, by: expected, in: Answer(hello.data).payload) == Answer(golden.data).payload)
            try connection.send(Golden.bytes("request-bidirectional") + Golden.bytes("cancel"))
            #expect(try connection.frame().bytes == Golden.bytes("response-cancelled"))
        }

        @Test func anOversizedFrameIsAnsweredWithQuotaFailure() throws {
            let connection = try SharedDaemon.connect()
            let size = (4 << 20) + 1
            try connection.send(RawFrame.header(size, 9, RawFrame.request) + Bytes(repeating: 0, count: size))
            #expect(try connection.frame().bytes == Golden.bytes("response-frame-too-long"))
        }

        @Test func answersOfFunctionsHaveMetadataInField100() throws {
            try SharedDaemon.daemon.deploy("cat")
            let connection = try SharedDaemon.connect()
            try connection.send(Golden.bytes("request-invoke"))
            let frame = try connection.frame()
            let id = Bytes((Answer(frame.data).metadata["fn-call-id"] ?? "").utf8)
            let zeros = Bytes(repeating: UInt8(ascii: "0"), count: 26)
            #expect(id.count == 26)
            #expect(try replace(id, by: zeros, in: frame.bytes) == Golden.bytes("response-invoke"))
        }

        @Test func everyFixtureIsAFrameWithAComment() throws {
            let folder = TestDaemon.repository.path + "/Tests/Fixtures/frames"
            let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".hex") }
            #expect(names.count >= 20)
            for name in names {
                let text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
                #expect(text.hasPrefix("# "), "\(name)")
                _ = try Golden.frame(String(name.dropLast(4)))
            }
        }

        private func replace(_ part: Bytes, by other: Bytes, in bytes: Bytes) throws -> Bytes {
            let start = try #require(
                (0...max(bytes.count - part.count, 0)).first { bytes[$0...].starts(with: part) })
            // The length of the text stands before it.
            var result = bytes
            result.replaceSubrange(start..<start + part.count, with: other)
            if start > 0, result[start - 1] == UInt8(part.count) { result[start - 1] = UInt8(other.count) }
            return result
        }
    }
}
