import Testing

extension WireTests {
    /// The four kinds of calls, and Data where it does not belong.
    @Suite struct Streams {
        private let message = WireTests.echoMessage(Bytes("a message".utf8))

        private func collected(_ answer: Answer) -> [UInt64?] {
            let fields = Fields(answer.payload)
            return [fields.number(1), fields.number(2)]
        }

        @Test func unaryAnswersWhateverTheFlagsSay() throws {
            let connection = try SharedDaemon.connect()
            for flags: UInt8 in [0, 0x01, 0x02, 0x03, 0x06, 0xFF] {
                #expect(try connection.call(WireTests.echo, message, flags: flags).payload == message)
            }
            #expect(try connection.call(WireTests.echo).payload == [])
        }

        @Test func clientStreamingCollects() throws {
            let connection = try SharedDaemon.connect()
            // 0x06 is what Rust sends.
            for flags: UInt8 in [0x02, 0x06, 0x00] {
                let id = try connection.open(WireTests.collect, flags: flags)
                for _ in 0..<3 { try connection.send(.data(id, message)) }
                try connection.send(.data(id, []), .end(id))
                #expect(collected(try connection.answer(id)) == [4, 27], "flags \(flags)")
            }
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func theLastMessageMayCarryTheEnd() throws {
            let connection = try SharedDaemon.connect()
            let id = try connection.open(WireTests.collect, flags: 0x02)
            try connection.send(.data(id, message), .data(id, message, flags: 0x01))
            #expect(collected(try connection.answer(id)) == [2, 18])
            let empty = try connection.open(WireTests.collect, flags: 0x02)
            try connection.send(.data(empty, [], flags: 0x01))
            #expect(collected(try connection.answer(empty)) == [1, 0], "an empty message, and the end")
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func noInputAtAllIsSaidByTheRequestOrByTheEnd() throws {
            let connection = try SharedDaemon.connect()
            #expect(collected(try connection.call(WireTests.collect, flags: 0x01)) == [0, 0])
            let id = try connection.open(WireTests.collect, flags: 0x02)
            try connection.send(.end(id))
            #expect(collected(try connection.answer(id)) == [0, 0])
            let both = try connection.open(WireTests.echoStream, flags: 0x01)
            #expect(try connection.message(both) == nil)
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func serverStreamingGenerates() throws {
            let connection = try SharedDaemon.connect()
            let request = Proto.field(1, varint: 3) + Proto.field(2, varint: 5)
            // Flag 0 is all that a unary client can say; the method decides.
            for flags: UInt8 in [0x01, 0x00, 0x02] {
                let id = try connection.open(WireTests.generate, request, flags: flags)
                if flags == 0x02 { try connection.send(.end(id)) }
                for _ in 0..<3 { #expect(try connection.message(id) == WireTests.echoMessage(Bytes(".....".utf8))) }
                #expect(try connection.message(id) == nil)
            }
            let none = try connection.open(WireTests.generate, flags: 0x01)
            #expect(try connection.message(none) == nil)
            let refused = try connection.call(WireTests.generate, Proto.field(1, varint: 1_000_001), flags: 0x01)
            #expect(refused.code == 3 && refused.field == "messages")
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func aMessageForAServerStreamIs3() throws {
            let connection = try SharedDaemon.connect()
            let id = try connection.open("grpc.health.v1.Health/Watch", flags: 0x02)
            #expect(try connection.message(id) == [0x08, 1])
            try connection.send(.data(id, message))
            #expect(try connection.answer(id).code == 3)
            try connection.send(.data(id, message), .end(id))
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func bidirectionalEchoesInOrder() throws {
            let connection = try SharedDaemon.connect()
            let id = try connection.open(WireTests.echoStream, flags: 0x02)
            let messages = (0..<200).map { WireTests.echoMessage(Bytes("message \($0)".utf8)) } + [[]]
            for message in messages { try connection.send(.data(id, message)) }
            for message in messages { #expect(try connection.message(id) == message) }
            try connection.send(.end(id), .end(id))
            #expect(try connection.message(id) == nil)
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func aMessageOf4MiBPassesAStream() throws {
            let connection = try SharedDaemon.connect()
            let id = try connection.open(WireTests.echoStream, flags: 0x02)
            let big = Proto.field(1, Bytes(repeating: 0x2E, count: (4 << 20) - 5))
            #expect(big.count == 4 << 20)
            for _ in 0..<3 {
                try connection.send(.data(id, big))
                #expect(try (connection.message(id) == big) == true)
            }
        }

        @Test func theServerEndsEarlyAndWhatCrossesThatIsDropped() throws {
            let connection = try SharedDaemon.connect()
            for method in [WireTests.collect, WireTests.echoStream] {
                let id = try connection.open(method, flags: 0x02)
                try connection.send(.data(id, [0xFF]), .data(id, message), .data(id, message), .end(id))
                #expect(try connection.answer(id).code == 3)
                try connection.send(.data(id, message), .end(id))
                #expect(try connection.isAliveAndQuiet())
            }
        }

        @Test func dataAfterTheEndOfAFinishedStreamIsDropped() throws {
            let connection = try SharedDaemon.connect()
            let id = try connection.open(WireTests.echoStream, flags: 0x01)
            #expect(try connection.message(id) == nil)
            try connection.send(.data(id, message), .end(id))
            let unary = try connection.open(WireTests.echo)
            #expect(try connection.answer(unary).code == 0)
            try connection.send(.data(unary, message), .end(unary))
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func aMessageAfterTheLastOneIs3() throws {
            let connection = try SharedDaemon.connect()
            try SharedDaemon.daemon.deploy("sleeper")
            let id = try connection.open(WireTests.invokeStream, WireTests.invocation("sleeper", "30\n"), flags: 0x02)
            try connection.send(.end(id), .data(id, message))
            #expect(try connection.answer(id).code == 3)
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func dataOnAnIDAboveTheHighestIs3() throws {
            let connection = try SharedDaemon.connect()
            try connection.send(.data(1, message))
            #expect(try connection.answer(1).code == 3)
            #expect(try connection.isAliveAndQuiet())
            for id: UInt32 in [0, 2, 99, UInt32.max] {
                try connection.send(.data(id, message), .end(id))
                #expect(try connection.answer(id).code == 3)
                #expect(try connection.answer(id).code == 3)
            }
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func dataOnAnActiveUnaryCallIs3AndItsOnlyAnswer() throws {
            let daemon = try SharedDaemon.daemon
            try daemon.deploy("sleeper")
            for size in [9, (4 << 20) + 1] {
                let connection = try SharedDaemon.connect()
                let before = try daemon.callCounts()
                let id = try connection.open(WireTests.invoke, WireTests.invocation("sleeper", "0.3\n"))
                try connection.send(.end(id), .data(id, Bytes(repeating: 0, count: size)))
                #expect(try connection.answer(id).code == 3)
                try daemon.wait("the call is over") { try daemon.callCounts().finished > before.finished }
                #expect(try connection.isAliveAndQuiet())
            }
        }

        @Test func streamsInterleaveOnOneConnection() throws {
            let connection = try SharedDaemon.connect()
            let ids = try (0..<50).map { _ in try connection.open(WireTests.echoStream, flags: 0x02) }
            for round in 0..<10 {
                for id in ids.shuffled() { try connection.send(.data(id, WireTests.echoMessage([UInt8(round)]))) }
            }
            for id in ids.shuffled() { try connection.send(.end(id)) }
            var received: [UInt32: [UInt8]] = [:]
            var ended: Set<UInt32> = []
            while ended.count < ids.count {
                let frame = try connection.frame()
                if frame.isEnd {
                    ended.insert(frame.id)
                } else {
                    received[frame.id, default: []] += Fields(frame.data).part(1) ?? []
                }
            }
            for id in ids { #expect(received[id] == Array(0..<10)) }
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func call1025IsRefusedWithLimitAndTime() throws {
            let connection = try SharedDaemon.connect()
            let ids = try (0..<1024).map { _ in try connection.open(WireTests.echoStream, flags: 0x02) }
            let refused = try connection.call(WireTests.echo)
            #expect(refused.code == 8 && refused.reason == "BUSY" && refused.message.contains("1024"))
            #expect(refused.quota == "max-streams" && refused.retryNanos == 10_000_000)
            try connection.send(.end(ids[500]))
            #expect(try connection.message(ids[500]) == nil)
            #expect(try connection.isAliveAndQuiet())
        }
    }
}
