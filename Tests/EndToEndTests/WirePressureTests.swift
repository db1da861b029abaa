import Foundation
import Testing

extension WireTests {
    /// Who is slow or stuck holds up nobody else.
    @Suite struct Pressure {
        private let chunk = Bytes(repeating: 0x63, count: 16 << 10)

        @Test func aStuckStreamDelaysNoOtherCallAndEndsWith8() throws {
            let daemon = try SharedDaemon.daemon
            try daemon.deploy("deaf")
            let connection = try SharedDaemon.connect()
            let id = try connection.open(WireTests.invokeStream, flags: 0x02)
            let before = try daemon.callCounts().started
            try connection.send(.data(id, WireTests.invocation("deaf")))
            try daemon.wait("it runs") { try daemon.callCounts().started > before }
            let begun = Date()
            // 4 MiB: more than a pipe and the stream's buffer hold together.
            for _ in 0..<256 { try connection.send(.data(id, Proto.field(1, chunk))) }
            var (echoes, stuck) = (0, [Answer]())
            let echoing = Date()
            let ids = try (0..<1000).map { _ in try connection.open(WireTests.echo, [0x0A, 1, 0x65]) }
            while echoes < ids.count {
                let frame = try connection.frame()
                if frame.id == id { stuck.append(Answer(frame.data)) } else { echoes += 1 }
            }
            #expect(Date().timeIntervalSince(echoing) < 10, "1000 echoes beside a stuck stream")
            if stuck.isEmpty { stuck.append(try connection.answer(id)) }
            #expect(Date().timeIntervalSince(begun) >= 1, "it had its second")
            #expect(stuck.count == 1 && stuck[0].code == 8, "\(stuck)")
            #expect(stuck[0].quota == "max-stream-input-kib" && stuck[0].retryNanos == 1_000_000_000)
            // The rest of it is dropped.
            try connection.send(.data(id, Proto.field(1, chunk)), .end(id))
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func manyStuckStreamsTogetherAreBounded() throws {
            let daemon = try SharedDaemon.daemon
            try daemon.deploy("lonely", yaml: "max_containers: 1\n")
            let connection = try SharedDaemon.connect()
            // All but one wait for a container, and may; what they send meanwhile is kept.
            var ids: Set<UInt32> = []
            for _ in 0..<40 {
                let id = try connection.open(WireTests.invokeStream, flags: 0x02)
                ids.insert(id)
                try connection.send(.data(id, WireTests.invocation("lonely")))
                for _ in 0..<40 { try connection.send(.data(id, Proto.field(1, chunk))) }
            }
            // 40 times 640 KiB are over the connection's 16 MiB, so some end early.
            var refused = 0
            while refused == 0 {
                let frame = try connection.frame()
                guard ids.contains(frame.id) else { continue }
                #expect(Answer(frame.data).code == 8 && Answer(frame.data).quota == "max-input-mib", "\(frame)")
                refused += 1
            }
            let other = try SharedDaemon.connect()
            for _ in 0..<100 { #expect(try other.isAliveAndQuiet()) }
        }

        @Test func aBigStreamAndSmallEchoesTakeTurns() throws {
            let connection = try SharedDaemon.connect()
            let request = Proto.field(1, varint: 400) + Proto.field(2, varint: 256 << 10)
            let stream = try connection.open(WireTests.generate, request, flags: 0x01)
            var (bytes, worst, total) = (0, 0, 0)
            for _ in 0..<50 {
                let id = try connection.open(WireTests.echo)
                bytes = 0
                while case let frame = try connection.frame(), frame.id != id {
                    #expect(frame.id == stream)
                    bytes += frame.data.count
                    total += frame.data.count
                }
                worst = max(worst, bytes)
            }
            // What may be on its way before an answer: the output queue, a turn, the sockets' buffers; not the stream.
            #expect(worst < 8 << 20, "\(worst) bytes of the stream before an echo")
            #expect(total < 100 << 20)
            while case let frame = try connection.frame(), frame.id != stream || !frame.isEnd {}
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func twoBigStreamsTakeTurns() throws {
            let connection = try SharedDaemon.connect()
            let request = Proto.field(1, varint: 100) + Proto.field(2, varint: 256 << 10)
            let first = try connection.open(WireTests.generate, request, flags: 0x01)
            let second = try connection.open(WireTests.generate, request, flags: 0x01)
            var counts: [UInt32: Int] = [:]
            var atFirstEnd: Int?
            var ended = 0
            while ended < 2 {
                let frame = try connection.frame()
                if frame.isEnd {
                    ended += 1
                    if atFirstEnd == nil { atFirstEnd = counts[frame.id == first ? second : first] }
                } else {
                    counts[frame.id, default: 0] += 1
                }
            }
            #expect(counts == [first: 100, second: 100])
            #expect((atFirstEnd ?? 0) > 50, "the other had \(atFirstEnd ?? 0) of 100 when the first ended")
        }

        @Test func aStreamToAFunctionKeepsItsOrderAndItsBytes() throws {
            try SharedDaemon.daemon.deploy("cat")
            let connection = try SharedDaemon.connect()
            let id = try connection.open(WireTests.invokeStream, flags: 0x02)
            try connection.send(.data(id, WireTests.invocation("cat", "begin ")))
            var sent = Bytes("begin ".utf8)
            var received = Bytes()
            for number in 0..<300 {
                let part = Bytes("\(number) ".utf8) + chunk
                sent += part
                try connection.send(.data(id, Proto.field(1, part)))
            }
            try connection.send(.end(id))
            while let message = try connection.message(id) {
                let part = Fields(message).part(1) ?? []
                #expect(part.count <= 256 << 10)
                received += part
            }
            #expect((received == sent) == true)
        }

        @Test func aFunctionThatEndsEarlyEndsItsStream() throws {
            try SharedDaemon.daemon.deploy("hasty")
            let connection = try SharedDaemon.connect()
            let id = try connection.open(WireTests.invokeStream, flags: 0x02)
            try connection.send(.data(id, WireTests.invocation("hasty")))
            for _ in 0..<20 { try connection.send(.data(id, Proto.field(1, chunk))) }
            var text = ""
            while let message = try connection.message(id) { text += Fields(message).text(1) }
            #expect(text == "bye\n")
            for _ in 0..<20 { try connection.send(.data(id, Proto.field(1, chunk))) }
            try connection.send(.end(id))
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func aReplyOverTheFrameLimitIsRefusedAndStreamsInFull() throws {
            try SharedDaemon.daemon.deploy("big")
            let connection = try SharedDaemon.connect()
            let answer = try connection.call(WireTests.invoke, WireTests.invocation("big"))
            #expect(answer.code != 0 && answer.message.contains("over the limit of 4128768 bytes"), "\(answer)")
            let id = try connection.open(WireTests.invokeStream, WireTests.invocation("big"), flags: 0x01)
            var count = 0
            while let message = try connection.message(id) { count += Fields(message).part(1)?.count ?? 0 }
            #expect(count == 5_000_000)
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func whoGivesCreditIsNeverSentMore() throws {
            try SharedDaemon.daemon.deploy("cat")
            let connection = try SharedDaemon.connect()
            let id = try connection.open(WireTests.invokeStream, flags: 0x02)
            let body = Bytes((0..<40_000).map { UInt8($0 % 251) })
            try connection.send(
                .data(id, WireTests.invocation("cat") + Proto.field(7, varint: 1000)), .data(id, Proto.field(1, body)))
            var (received, allowed, window) = (Bytes(), 1000, UInt64(0))
            while let message = try connection.message(id) {
                let fields = Fields(message)
                window += fields.number(7) ?? 0
                received += fields.part(1) ?? []
                #expect(received.count <= allowed)
                if received.count == body.count { try connection.send(.end(id)) }
                if received.count >= allowed, fields.part(1) != nil {
                    #expect(try connection.isAliveAndQuiet(), "nothing comes without credit")
                    try connection.send(.data(id, Proto.field(7, varint: 7000)))
                    allowed += 7000
                }
            }
            #expect((received == body) == true && window >= 40_000)
        }

        @Test func whoClosesItsHalfIsSentAllOfIt() throws {
            try SharedDaemon.daemon.deploy("cat")
            let connection = try SharedDaemon.connect()
            let id = try connection.open(WireTests.invokeStream, flags: 0x02)
            let body = Bytes(repeating: 0x61, count: 40_000)
            try connection.send(
                .data(id, WireTests.invocation("cat") + Proto.field(7, varint: 1000)), .data(id, Proto.field(1, body)),
                .end(id))
            var received = Bytes()
            while let message = try connection.message(id) { received += Fields(message).part(1) ?? [] }
            #expect((received == body) == true)
        }

        @Test func aChunkOver256KiBIs8() throws {
            try SharedDaemon.daemon.deploy("cat")
            let connection = try SharedDaemon.connect()
            let id = try connection.open(WireTests.invokeStream, flags: 0x02)
            try connection.send(.data(id, WireTests.invocation("cat", String(repeating: "x", count: (256 << 10) + 1))))
            let answer = try connection.answer(id)
            #expect(answer.code == 8 && answer.quota == "chunk" && answer.message.contains("262144"))
            #expect(try connection.isAliveAndQuiet())
        }
    }
}
