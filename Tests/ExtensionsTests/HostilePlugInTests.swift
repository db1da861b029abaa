import Model
import Testing
import Wire

@testable import Extensions

@Suite struct HostilePlugInTests {
    private static func header(_ length: UInt32, _ streamID: UInt32, _ type: UInt8) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: FrameHeader.size) { buffer, count in
            if let base = buffer.baseAddress {
                FrameHeader(length: length, streamID: streamID, type: type).write(to: base)
            }
            count = FrameHeader.size
        }
    }

    /// What comes instead of an answer, and what is said of it.
    static let bytes: [([UInt8], String)] = [
        (Array("HTTP/1.1 200 OK\r\n\r\n".utf8), "it answered with bytes that are not ttrpc"),
        (Array(repeating: 0xFF, count: 100_000), "it answered with bytes that are not ttrpc"),
        (header((4 << 20) + 1, 3, 2), "it sent a frame of 4194305 bytes; at most 4194304"),
        (header(0xFF_FFFF, 3, 2), "it sent a frame of 16777215 bytes; at most 4194304"),
        (header(0, 5, 2), "it answered with stream id 5, which was not used"),
        (header(0, 2, 2), "it answered with stream id 2, which was not used"),
        (header(0, 0, 2), "it answered with stream id 0, which was not used"),
        (header(0, 3, 3), "it sent stream data on a unary call"),
        (header(3, 3, 2) + [0x0A, 0x7F, 0x00], "its response does not parse"),
    ]

    @Test(arguments: bytes)
    func aConnectionThatSpeaksNonsenseIsGivenUp(bytes: [UInt8], reason: String) async throws {
        let bench = Bench()
        let good = Lock(false)
        let fake = FakePlugIn(bench.path, answering: { _ in good.withLock { $0 } ? .message([]) : .raw(bytes) })
        let plugIn = try bench.plugIn()
        defer { bench.close(plugIn, fake) }
        #expect(
            await plugIn.refusal(of: try makeApp("a"))?.message
                == "extension fake: \(reason); nothing was done (fail=closed)")
        good.withLock { $0 = true }
        // Its next connection is as good as any.
        let app = try makeApp("a")
        await bench.until("there was no other connection") { await plugIn.refusal(of: app) == nil }
        #expect(fake.accepted == 2)
    }

    @Test func anAnswerInSmallPiecesAndFramesOfOtherTypesAreTaken() async throws {
        let bench = Bench()
        let payload: [UInt8] = [0x12, 0x00]
        let frames = Self.header(4, 3, 0x55) + [1, 2, 3, 4] + Self.header(0, 1, 2) + Self.header(2, 3, 2) + payload
        let fake = FakePlugIn(bench.path, answering: { _ in .raw(frames) })
        let plugIn = try bench.plugIn()
        defer { bench.close(plugIn, fake) }
        // The second answer to stream 1, the description, is nobody's.
        #expect(await plugIn.refusal(of: try makeApp("a")) == nil)
    }

    @Test func aConnectionThatEndsFailsWhatWaits() async throws {
        let bench = Bench()
        let fake = FakePlugIn(bench.path, answering: { _ in .hangUp })
        let plugIn = try bench.plugIn()
        defer { bench.close(plugIn, fake) }
        #expect(await plugIn.refusal(of: try makeApp("a"))?.message.contains("it closed its connection") == true)
        #expect(plugIn.waiting == 0)
    }

    @Test(arguments: [
        (FakePlugIn.Reply.status(12, "none of this"), "it did not describe itself: none of this"),
        (.silence, "it did not describe itself: it did not answer within 50 ms"),
        (.message([0xFF]), "its description is bad"),
        (
            .message(DescribeResponse(before: Array(repeating: "app.create", count: 65)).encoded()),
            "its description is bad: before: 65 events are over the limit of 64"
        ),
        (.hangUp, "it closed its connection"),
    ])
    func whoDoesNotDescribeItselfIsNotAsked(reply: FakePlugIn.Reply, reason: String) async throws {
        let bench = Bench()
        let fake = FakePlugIn(bench.path) { request in request.method == "Describe" ? reply : .message([]) }
        let plugIn = try bench.plugIn("timeout=50ms")
        defer { bench.close(plugIn, fake) }
        let app = try makeApp("a")
        await bench.until("it was not noticed: \(reason)") {
            await plugIn.refusal(of: app)?.message.contains(reason) == true
        }
        await bench.until("there was no second try") { fake.accepted >= 2 }
        #expect(fake.requests.isEmpty)
    }

    @Test func sixtyFourEventsMayBeNamed() async throws {
        let bench = Bench()
        let names = Array(repeating: "app.create", count: 64)
        let fake = FakePlugIn(bench.path) { request in
            request.method == "Describe" ? .message(DescribeResponse(before: names).encoded()) : .status(7, "no")
        }
        let plugIn = try bench.plugIn()
        defer { bench.close(plugIn, fake) }
        #expect(await plugIn.refusal(of: try makeApp("a"))?.message == "no")
        #expect(plugIn.interest == Interest(before: [.appCreate]))
    }

    @Test func aQuestionThatFitsNoFrameFails() async throws {
        let bench = Bench()
        let fake = FakePlugIn(bench.path, answering: { _ in .message([]) })
        let plugIn = try bench.plugIn()
        defer { bench.close(plugIn, fake) }
        func ask(_ count: Int) async -> Answer {
            await withCheckedContinuation { continuation in
                plugIn.connection.ask("BeforeChange", .appCreate, .before, [UInt8](repeating: 0, count: count)) {
                    continuation.resume(returning: $0)
                }
            }
        }
        // Service, method and time out take 53 bytes: tags, lengths, 22 + 12 bytes of names, the number, and the payload's own.
        let names = 2 + 22 + 2 + 12
        let most = FrameHeader.maxLength - names - 5 - 6
        #expect(await ask(most) == .message([]))
        #expect(await ask(FrameHeader.maxLength) == .failed("the question is over the frame limit of 4194304 bytes"))
        #expect(await ask(0) == .message([]))
    }
}
