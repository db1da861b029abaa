import Foundation
import Testing

/// What answers say beside the answer: which version of the daemon's methods was meant, which call it was.
@Suite struct ResponseMetadataTests {
    private static let version = "fnrpc-api-version"
    private static let watch = "grpc.health.v1.Health/Watch"
    private static let echo = TestDaemon.repository.path + "/examples/echo-ttrpc"

    private func isOfCall(_ answer: Answer, version: String = "1") -> Bool {
        answer.metadata.count == 2 && answer.metadata["fn-call-id"]?.utf8.count == 26
            && answer.metadata["fnrpc-version"] == version
    }

    /// Every way in which a request to the daemon's own methods is refused before its handler has it.
    @Test func earlyRefusalsNameTheVersion() async throws {
        try await withDaemon(["--allow-test-versions", "true", "--listen", "tcp:127.0.0.1:0"]) { daemon in
            let connection = try RawConnection(unix: daemon.socket)
            let token = Proto.field(1, "weak") + Proto.field(2, "invoke")
            let weak = Fields(try connection.call("fnrpc.v1.Tokens/Create", token).payload).text(2)
            let list = "fnrpc.v1.Apps/List"
            let cases: [(String, Bytes, UInt8, [(String, String)], Int)] = [
                ("fnrpc.v1.Apps/Nothing", [], 0, [], 12), ("fnrpc.v1.Nothing/List", [], 0, [], 12),
                (list, Proto.field(99, varint: 1), 0, [], 3), (list, [0xFF], 0, [], 3),
                ("fnrpc.v1.Functions/Get", [0xFF], 0, [], 3),
                (list, Bytes(repeating: 0, count: 400 << 10), 0, [], 8),
                (Self.watch, Bytes(repeating: 0, count: 400 << 10), 0x01, [], 8), (Self.watch, [0xFF], 0x01, [], 3),
                (list, [], 0, [("authorization", "Bearer " + weak)], 7),
                ("fnrpc.v1.Events/Follow", [], 0x01, [("authorization", "Bearer " + weak)], 7),
                (list, [], 0, [("authorization", "Bearer wrong")], 16), (list, [], 0, [("fnrpc-timeout", "soon")], 3),
                (list, [], 0, [("fnrpc-timeout", "-1s")], 4), (Self.watch, [], 0x01, [("fnrpc-timeout", "-1s")], 4),
            ]
            for (method, payload, flags, metadata, code) in cases {
                let plain = try connection.call(method, payload, flags: flags, metadata: metadata)
                #expect(plain.code == code && plain.metadata == [Self.version: "1"], "\(method) \(plain)")
                let named = try connection.call(
                    method, payload, flags: flags, metadata: metadata + [(Self.version, "2")])
                #expect(named.code == code && named.metadata == [Self.version: "2"], "\(method) \(named)")
                // Which one is meant by a number that there is not, nobody knows.
                let unknown = try connection.call(
                    method, payload, flags: flags, metadata: metadata + [(Self.version, "9")])
                #expect(unknown.code != 0 && unknown.metadata.isEmpty, "\(method) \(unknown)")
            }
            let nobody = try RawConnection(port: daemon.port).call(list)
            #expect(nobody.code == 16 && nobody.metadata == [Self.version: "1"])
            // Those that no version means anything to.
            for method in [WireTests.echo, "fnrpc.v1.Transport/Hello", WireTests.invoke, "some.other/Service"] {
                #expect(try connection.call(method, [0xFF]).metadata.isEmpty, "\(method)")
            }
            #expect(try connection.isAliveAndQuiet())
        }
    }

    @Test func streamsNameTheVersionInTheirLastResponse() async throws {
        try await withDaemon(["--allow-test-versions", "true"]) { daemon in
            let connection = try RawConnection(unix: daemon.socket)
            _ = try connection.call("fnrpc.v1.Transport/Hello", Proto.field(1, "cancel"))
            for (metadata, number) in [([], "1"), ([(Self.version, "2")], "2")] {
                // Client streaming ends with a Response.
                let collect = try connection.open(WireTests.collect, flags: 0x02, metadata: metadata)
                try connection.send(.end(collect))
                let collected = try connection.answer(collect)
                #expect(collected.code == 0 && collected.metadata == [Self.version: number])
                // The handler's error.
                let bad = try connection.open(WireTests.collect, flags: 0x02, metadata: metadata)
                try connection.send(.data(bad, [0xFF]))
                let refused = try connection.answer(bad)
                #expect(refused.code == 3 && refused.metadata == [Self.version: number])
                // A mistake of the caller's.
                let watch = try connection.open(Self.watch, flags: 0x01, metadata: metadata)
                #expect(try connection.message(watch) == [0x08, 1])
                try connection.send(.data(watch, []))
                let ended = try connection.answer(watch)
                #expect(ended.code == 3 && ended.metadata == [Self.version: number])
                // A clock, and the caller's own wish.
                let timed = try connection.open(
                    Self.watch, flags: 0x01, metadata: metadata + [("fnrpc-timeout", "50ms")])
                #expect(try connection.message(timed) == [0x08, 1])
                let over = try connection.answer(timed)
                #expect(over.code == 4 && over.metadata == [Self.version: number])
                let unwanted = try connection.open(Self.watch, flags: 0x01, metadata: metadata)
                #expect(try connection.message(unwanted) == [0x08, 1])
                try connection.send(RawFrame(id: unwanted, type: RawFrame.cancel))
                let cancelled = try connection.answer(unwanted)
                #expect(cancelled.code == 1 && cancelled.metadata == [Self.version: number])
            }
        }
    }

    /// Calls of functions, however they end.
    @Test func everyAnswerOfACallSaysWhichOneItWas() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("cat")
            try daemon.deploy("sleeper", yaml: "timeout: 2\n")
            try daemon.deploy("big")
            let connection = try RawConnection(unix: daemon.socket)
            _ = try connection.call("fnrpc.v1.Transport/Hello", Proto.field(1, "cancel"))
            func invoke(_ function: String, _ input: String = "", timeout: Int64 = 0) throws -> UInt32 {
                try connection.open(WireTests.invoke, WireTests.invocation(function, input), timeout: timeout)
            }
            let success = try connection.answer(invoke("cat", "x"))
            #expect(success.code == 0 && isOfCall(success), "\(success)")
            let failed = try connection.answer(invoke("big"))
            #expect(failed.code != 0 && isOfCall(failed), "\(failed)")
            let late = try connection.answer(invoke("sleeper", "30\n", timeout: 50_000_000))
            #expect(late.code == 4 && isOfCall(late), "\(late)")
            let cancelled = try invoke("sleeper", "30\n")
            try connection.send(RawFrame(id: cancelled, type: RawFrame.cancel))
            let end = try connection.answer(cancelled)
            #expect(end.code == 1 && isOfCall(end), "\(end)")
            let mistaken = try invoke("sleeper", "30\n")
            try connection.send(.data(mistaken, [1]))
            let mistake = try connection.answer(mistaken)
            #expect(mistake.code == 3 && isOfCall(mistake), "\(mistake)")
            // What was never a call has no id.
            #expect(try connection.answer(invoke("nobody")).metadata.isEmpty)
        }
    }

    @Test func streamedCallsSayItInTheResponseThatEndsThem() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("sleeper")
            let connection = try RawConnection(unix: daemon.socket)
            _ = try connection.call("fnrpc.v1.Transport/Hello", Proto.field(1, "cancel"))
            func stream(_ metadata: [(String, String)] = []) throws -> UInt32 {
                try connection.open(
                    WireTests.invokeStream, WireTests.invocation("sleeper", "30\n"), flags: 0x02, metadata: metadata)
            }
            let late = try connection.answer(stream([("fnrpc-timeout", "50ms")]))
            #expect(late.code == 4 && isOfCall(late), "\(late)")
            let again = try stream()
            try connection.send(.data(again, WireTests.invocation("sleeper")))
            let mistake = try connection.answer(again)
            #expect(mistake.code == 3 && isOfCall(mistake), "\(mistake)")
            let cancelled = try stream()
            try connection.send(RawFrame(id: cancelled, type: RawFrame.cancel))
            let end = try connection.answer(cancelled)
            #expect(end.code == 1 && isOfCall(end), "\(end)")
            let oversized = try stream()
            try connection.send(
                RawFrame.header((4 << 20) + 1, oversized, RawFrame.message) + Bytes(repeating: 0, count: (4 << 20) + 1))
            let limit = try connection.answer(oversized)
            #expect(limit.code == 8 && isOfCall(limit), "\(limit)")
            // None was named yet.
            let early = try connection.open(WireTests.invokeStream, flags: 0x02)
            try connection.send(.end(early))
            #expect(try connection.answer(early).metadata.isEmpty)
        }
    }

    @Test func callsByServiceNameSayItToo() async throws {
        try await withDaemon { daemon in
            #expect(try daemon.fnrpc("deploy", Self.echo, "--app", "demo").code == 0)
            let connection = try RawConnection(unix: daemon.socket)
            let hi = Proto.field(1, "hi")
            let unary = try connection.call("echo.v1.Echo/Unary", hi)
            #expect(unary.code == 0 && unary.payload == hi && isOfCall(unary), "\(unary)")
            let refused = try connection.call("echo.v1.Echo/Nothing")
            #expect(refused.code != 0 && isOfCall(refused), "\(refused)")
            let collect = try connection.open("echo.v1.Echo/ClientStream", flags: 0x02)
            try connection.send(.data(collect, hi), .end(collect))
            let collected = try connection.answer(collect)
            #expect(collected.code == 0 && isOfCall(collected), "\(collected)")
            let failing = try connection.open("echo.v1.Echo/Nothing", flags: 0x02)
            let failed = try connection.answer(failing)
            #expect(failed.code != 0 && isOfCall(failed), "\(failed)")
            let late = try connection.open("echo.v1.Echo/Bidi", flags: 0x02, metadata: [("fnrpc-timeout", "100ms")])
            let over = try connection.answer(late)
            #expect(over.code == 4 && isOfCall(over), "\(over)")
        }
    }
}
