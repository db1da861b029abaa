import Testing

extension WireTests {
    /// Requests, their names and their stream ids.
    @Suite struct Requests {
        @Test func anUnknownServiceIs12InGosWording() throws {
            let connection = try SharedDaemon.connect()
            let answer = try connection.call("no.Such/Thing")
            #expect(answer.code == 12 && answer.message == "service no.Such")
            let reserved = try connection.call("fnrpc.v9.Apps/Get")
            #expect(reserved.code == 12 && reserved.message == "service fnrpc.v9.Apps")
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func anUnknownMethodIs12InGosWording() throws {
            let connection = try SharedDaemon.connect()
            let answer = try connection.call("fnrpc.v1.Diagnostics/Nothing")
            #expect(answer.code == 12 && answer.message == "method Nothing")
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func evenAndZeroIDsAre3() throws {
            let connection = try SharedDaemon.connect()
            for id: UInt32 in [0, 2, 4_294_967_294] {
                try connection.send(.request(id, WireTests.echo))
                #expect(try connection.answer(id).code == 3)
            }
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func anActiveIDIs3AndTheCallLivesOn() throws {
            let connection = try SharedDaemon.connect()
            let id = try connection.open(WireTests.echoStream, flags: 0x02)
            try connection.send(.request(id, WireTests.echo))
            #expect(try connection.answer(id).code == 3)
            try connection.send(.data(id, WireTests.echoMessage([7])), .end(id))
            #expect(try connection.message(id) == WireTests.echoMessage([7]))
            #expect(try connection.message(id) == nil)
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func aFinishedIDIs3() throws {
            let connection = try SharedDaemon.connect()
            #expect(try connection.isAliveAndQuiet())
            try connection.send(.request(1, WireTests.echo))
            #expect(try connection.answer(1).code == 3)
            // A refused call has used its id up as well.
            let refused = try connection.open("no.Such/Thing")
            #expect(try connection.answer(refused).code == 12)
            try connection.send(.request(refused, WireTests.echo))
            #expect(try connection.answer(refused).code == 3)
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func idsOutOfOrderAreAccepted() throws {
            let connection = try SharedDaemon.connect()
            for id: UInt32 in [9, 1, 5, 3, 7, 11] {
                try connection.send(.request(id, WireTests.echo, [0x0A, 1, UInt8(id)]))
                #expect(try connection.answer(id).payload == [0x0A, 1, UInt8(id)])
            }
        }

        @Test func sixtyFourShuffledIDsAreAllAnsweredOnce() throws {
            for _ in 0..<20 {
                let connection = try SharedDaemon.connect()
                let ids = (0..<64).map { UInt32($0 * 2 + 1) }.shuffled()
                try connection.send(
                    ids.flatMap { RawFrame.request($0, WireTests.echo, [0x0A, 1, UInt8($0)]).bytes })
                var answered: Set<UInt32> = []
                for _ in ids {
                    let frame = try connection.frame()
                    #expect(Answer(frame.data).payload == [0x0A, 1, UInt8(frame.id)])
                    answered.insert(frame.id)
                }
                #expect(answered == Set(ids))
            }
        }

        @Test func afterAJumpTheWindowOf1024DecidesAboutLowerIDs() throws {
            let connection = try SharedDaemon.connect()
            func code(_ id: UInt32) throws -> Int {
                try connection.send(.request(id, WireTests.echo))
                return try connection.answer(id).code
            }
            #expect(try code(1) == 0)
            let high: UInt32 = 2_000_001
            #expect(try code(high) == 0)
            #expect(try code(high - 2) == 0)
            #expect(try code(high - 2 * 1023) == 0, "the last one inside")
            #expect(try code(high - 2 * 1024) == 3, "the first one outside")
            #expect(try code(3) == 3)
            #expect(try code(high - 2) == 3, "used meanwhile")
            #expect(try code(UInt32.max) == 0, "the last id of all")
            #expect(try code(high + 2) == 3)
        }

        @Test func anUnparsableRequestIs3() throws {
            let connection = try SharedDaemon.connect()
            let broken: [Bytes] = [
                [0xFF], [0x0A, 200, 1], [0x0B], Proto.field(1, varint: 5), [],
                Proto.field(1, WireTests.echo), Proto.field(2, "Echo"),
                Proto.field(1, "a.B") + Proto.field(2, "C") + Proto.field(5, varint: 1),
            ]
            for data in broken {
                let id = connection.newID()
                try connection.send(RawFrame(id: id, type: RawFrame.request, data: data))
                #expect(try connection.answer(id).code == 3, "\(data)")
            }
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func anUnparsablePayloadIs3() throws {
            let connection = try SharedDaemon.connect()
            let methods = [
                "fnrpc.v1.Apps/Get", WireTests.echo, WireTests.generate, WireTests.invoke,
                "grpc.health.v1.Health/Check",
                "grpc.health.v1.Health/Watch", "fnrpc.v1.Transport/Hello", "fnrpc.v1.Connections/Close",
            ]
            for method in methods { #expect(try connection.call(method, [0xFF]).code == 3, "\(method)") }
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func badUTF8OrNULInANameIs3() throws {
            let connection = try SharedDaemon.connect()
            let names: [(Bytes, Bytes)] = [
                ([0x61, 0xFF], [0x61]), ([0x61], [0xC0, 0x80]), ([0x61, 0], [0x61]), ([0x61], [0x61, 0, 0x62]),
                (Bytes(repeating: 0x61, count: 256), [0x61]),
            ]
            for (service, method) in names {
                let id = connection.newID()
                let data = Proto.field(1, service) + Proto.field(2, method)
                try connection.send(RawFrame(id: id, type: RawFrame.request, data: data))
                #expect(try connection.answer(id).code == 3)
            }
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func metadataOver128EntriesOr64KiBIs3() throws {
            let connection = try SharedDaemon.connect()
            let entry = ("k", "v")
            #expect(try connection.call(WireTests.echo, metadata: Array(repeating: entry, count: 128)).code == 0)
            let many = try connection.call(WireTests.echo, metadata: Array(repeating: entry, count: 129))
            #expect(many.code == 3 && many.message.contains("128") && many.field == "metadata")
            let big = [("k", String(repeating: "v", count: 65_500))]
            #expect(try connection.call(WireTests.echo, metadata: big).code == 0)
            let bigger = try connection.call(WireTests.echo, metadata: big + [("k", String(repeating: "v", count: 60))])
            #expect(bigger.code == 3 && bigger.message.contains("65536"))
            for bad in ["\u{0}", "a\u{0}b"] {
                #expect(try connection.call(WireTests.echo, metadata: [("k", bad)]).code == 3)
            }
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func unknownTypesAreIgnoredWhereverTheyCome() throws {
            let connection = try SharedDaemon.connect()
            let id = try connection.open(WireTests.echoStream, flags: 0x02)
            for type: UInt8 in [0, 4, 0x41, 0xFF] {
                for stream in [id, 0, 2, 77] {
                    try connection.send(RawFrame(id: stream, type: type, flags: 0xFF, data: [1, 2, 3]))
                }
            }
            try connection.send(RawFrame(id: id, type: 9, data: Bytes(repeating: 1, count: 4 << 20)))
            try connection.send(RawFrame(id: id, type: 9, data: Bytes(repeating: 1, count: (4 << 20) + 1)))
            try connection.send(.data(id, []), .end(id))
            #expect(try connection.message(id) == [])
            #expect(try connection.message(id) == nil)
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func aResponseFromAClientIsIgnored() throws {
            let connection = try SharedDaemon.connect()
            try connection.send(RawFrame(id: 1, type: RawFrame.response, data: Proto.field(2, "x")))
            try connection.send(RawFrame(id: 99, type: RawFrame.response))
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func anInvalidFieldIsNamedInBadRequest() throws {
            let connection = try SharedDaemon.connect()
            let answer = try connection.call("fnrpc.v1.Apps/Create", Proto.field(1, "Not A Name"))
            #expect(answer.code == 3 && answer.field == "name" && answer.reason == "INVALID")
            let unknown = try connection.call("fnrpc.v1.Apps/Get", Proto.field(77, "x"))
            #expect(unknown.code == 3 && unknown.field == "77" && unknown.reason == "INVALID")
        }

        @Test func unknownFieldsAreNamedWhereverTheyAre() throws {
            let connection = try SharedDaemon.connect()
            let more = Proto.field(99, "x")
            let header = Proto.field(3, Proto.field(1, "name") + Proto.field(7, varint: 1))
            let requests: [(String, Bytes, String)] = [
                ("fnrpc.v1.Apps/Get", more, "99"), ("fnrpc.v1.Functions/Deploy", Proto.field(3, more), "spec.99"),
                (WireTests.invoke, more, "99"), (WireTests.invoke, header, "headers.7"), (WireTests.echo, more, "99"),
                ("fnrpc.v1.Transport/Hello", more, "99"), ("grpc.health.v1.Health/Check", more, "99"),
            ]
            for (method, payload, field) in requests {
                let answer = try connection.call(method, payload)
                #expect(answer.code == 3 && answer.field == field, "\(method): \(answer.message)")
            }
            for (method, payload, field) in [
                (WireTests.echoStream, more, "99"), (WireTests.collect, more, "99"),
                (WireTests.invokeStream, header, "headers.7"),
            ] {
                let id = try connection.open(method, flags: 0x02)
                try connection.send(.data(id, payload))
                let answer = try connection.answer(id)
                #expect(answer.code == 3 && answer.field == field, "\(method): \(answer.message)")
            }
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func numbersAreNotCut() throws {
            let connection = try SharedDaemon.connect()
            let over: UInt64 = 1 << 32
            let requests: [(String, Bytes, String)] = [
                (
                    "fnrpc.v1.Functions/Create", Proto.field(3, Proto.field(5, varint: over + 128)),
                    "memory"
                ), ("fnrpc.v1.Versions/Get", Proto.field(3, varint: over + 1), "number"),
                (
                    "fnrpc.v1.Entities/PurgeByApiVersion",
                    Proto.field(1, varint: over + 2) + Proto.field(3, varint: 1), "api_version"
                ), ("fnrpc.v1.Entities/PurgeByApiVersion", Proto.field(3, varint: 256), "confirm"),
            ]
            for (method, payload, field) in requests {
                let answer = try connection.call(method, payload)
                #expect(answer.code == 3 && answer.field == field, "\(method): \(answer.message)")
            }
            #expect(try connection.isAliveAndQuiet())
        }
    }
}
