import Foundation
import Testing

/// What answers say beside the answer: which version of the daemon's methods was meant, which call it was.
@Suite struct ResponseMetadataTests {
    private static let version = "fnrpc-api-version"
    private static let watch = "grpc.health.v1.Health/Watch"
    private static let echo = TestDaemon.repository.path + "/examples/echo-ttrpc"

    /// - Parameter version: `nil`: it was refused before that was known.
    private func isOfCall(_ answer: Answer, version: String? = "1") -> Bool {
        answer.metadata.count == (version == nil ? 1 : 2) && answer.metadata["fn-call-id"]?.utf8.count == 26
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
            for method in [WireTests.echo, "fnrpc.v1.Transport/Hello"] {
                #expect(try connection.call(method, [0xFF]).metadata.isEmpty, "\(method)")
            }
            #expect(try connection.isAliveAndQuiet())
        }
    }

    @Test func streamsNameTheVersionAtTheirEnd() async throws {
        try await withDaemon(["--allow-test-versions", "true"]) { daemon in
            let connection = try RawConnection(unix: daemon.socket)
            _ = try connection.call("fnrpc.v1.Transport/Hello", Proto.field(1, "cancel"))
            for (metadata, number) in [([], "1"), ([(Self.version, "2")], "2")] {
                // Client streaming ends with a Response.
                let collect = try connection.open(WireTests.collect, flags: 0x02, metadata: metadata)
                try connection.send(.end(collect))
                let collected = try connection.answer(collect)
                #expect(collected.code == 0 && collected.metadata == [Self.version: number])
                // Other streams end with a frame of their own.
                let generate = try connection.open(WireTests.generate, flags: 0x01, metadata: metadata)
                #expect(try connection.message(generate) == nil)
                #expect(connection.endMetadata == [Self.version: number])
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
        }
    }

    /// Every way in which a call is refused before it waits for a container.
    @Test func refusedCallsHaveAnIDToo() async throws {
        try await withDaemon(["--max-streams", "8", "--listen", "tcp:127.0.0.1:0"]) { daemon in
            try daemon.deploy("sleeper")
            #expect(try daemon.fnrpc("deploy", Self.echo, "--app", "demo").code == 0)
            try daemon.deploy("later", yaml: "type: async\n")
            let connection = try RawConnection(unix: daemon.socket)
            func named(_ function: String, _ more: Bytes = []) -> Bytes { WireTests.invocation(function) + more }
            let reserved = Proto.field(3, Proto.field(1, "fn-intent") + Proto.field(2, "x"))
            let long = Proto.field(2, String(repeating: "q", count: 2000))
            let large = Bytes(repeating: 0, count: 4_128_769)
            let missing = Proto.field(6, varint: 9)
            // Known is the version where nothing but the rest of the request was wrong.
            let cases: [(Bytes, [(String, String)], Int, String?)] = [
                (named("sleeper", reserved), [], 3, "1"), (named("sleeper", long), [], 3, nil),
                (named("sleeper", missing), [], 5, nil), (named("nobody"), [], 5, nil), (named("later"), [], 12, "1"),
                (named("sleeper", Proto.field(9, "none")), [], 5, nil), ([0xFF], [], 3, nil), ([], [], 3, nil),
                (named("sleeper"), [("fnrpc-timeout", "-1s")], 4, nil),
                (named("sleeper"), [("fnrpc-timeout", "soon")], 3, nil),
                (named("sleeper"), [("authorization", "Bearer wrong")], 16, nil),
            ]
            for (payload, metadata, code, version) in cases {
                let unary = try connection.call(WireTests.invoke, payload, metadata: metadata)
                #expect(unary.code == code && isOfCall(unary, version: version), "\(payload) \(unary)")
                let stream = try connection.open(WireTests.invokeStream, payload, flags: 0x01, metadata: metadata)
                let streamed = try connection.answer(stream)
                #expect(streamed.code == code && isOfCall(streamed, version: version), "\(payload) \(streamed)")
            }
            // Only Invoke has to fit into a frame.
            let huge = try connection.call(WireTests.invoke, named("sleeper", Proto.field(1, large)))
            #expect(huge.code == 8 && isOfCall(huge), "\(huge)")
            let service = "echo.v1.Echo/Unary"
            for (method, payload, metadata, code, version) in [
                (service, large, [], 8, "1"), (service, [], [("fnrpc-version", "9")], 5, nil),
                (service, [], [("fnrpc-alias", "none")], 5, nil), (service, [], [("fnrpc-version", "x")], 3, nil),
                (service, [], [("fnrpc-timeout", "-1s")], 4, nil), ("some.other/Service", [], [], 12, nil),
            ] as [(String, Bytes, [(String, String)], Int, String?)] {
                for flags in [0x00, 0x01] as [UInt8] {
                    let answer = try connection.call(method, payload, flags: flags, metadata: metadata)
                    #expect(answer.code == code && isOfCall(answer, version: version), "\(method) \(answer)")
                }
            }
            let nobody = try RawConnection(port: daemon.port).call(WireTests.invoke, named("sleeper"))
            #expect(nobody.code == 16 && isOfCall(nobody, version: nil), "\(nobody)")
            // Each has its own.
            let two = try (0..<2).map { _ in
                try connection.call(WireTests.invoke, named("nobody")).metadata["fn-call-id"]
            }
            #expect(two[0] != two[1])
            #expect(try connection.isAliveAndQuiet())
            // No room for a ninth.
            for _ in 0..<8 { try connection.open(WireTests.invokeStream, flags: 0x02) }
            for method in [WireTests.invoke, service] {
                let full = try connection.call(method, named("sleeper"))
                #expect(
                    full.code == 8 && full.message.contains("max-streams") && isOfCall(full, version: nil), "\(full)")
            }
        }
    }

    @Test func streamedCallsSayItAtTheirEnd() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("sleeper")
            try daemon.deploy("cat")
            let connection = try RawConnection(unix: daemon.socket)
            _ = try connection.call("fnrpc.v1.Transport/Hello", Proto.field(1, "cancel"))
            func stream(_ metadata: [(String, String)] = []) throws -> UInt32 {
                try connection.open(
                    WireTests.invokeStream, WireTests.invocation("sleeper", "30\n"), flags: 0x02, metadata: metadata)
            }
            for input in ["x", ""] {
                let good = try connection.open(
                    WireTests.invokeStream, WireTests.invocation("cat", input), flags: 0x01)
                while try connection.message(good) != nil {}
                let id = connection.endMetadata["fn-call-id"] ?? ""
                #expect(connection.endMetadata == ["fn-call-id": id, "fnrpc-version": "1"])
                // It is the one of the record.
                #expect(try daemon.fnrpc("call", "get", id).code == 0, "\(id)")
            }
            let shown = try daemon.fnrpc("invoke", "demo/cat", "--stream", "-d", "x", "--output", "json")
            #expect(!shown.output.contains("null") && shown.output.contains("call_id"), "\(shown)")
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
            for metadata in [[("fnrpc-timeout", "50ms")], []] {
                let early = try connection.open(WireTests.invokeStream, flags: 0x02, metadata: metadata)
                if metadata.isEmpty { try connection.send(.end(early)) }
                let unnamed = try connection.answer(early)
                #expect(isOfCall(unnamed, version: nil), "\(unnamed)")
            }
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
            let bidi = try connection.open("echo.v1.Echo/Bidi", flags: 0x02)
            try connection.send(.data(bidi, hi), .end(bidi))
            while try connection.message(bidi) != nil {}
            #expect(connection.endMetadata["fn-call-id"]?.utf8.count == 26)
            #expect(connection.endMetadata["fnrpc-version"] == "1")
            let failing = try connection.open("echo.v1.Echo/Nothing", flags: 0x02)
            let failed = try connection.answer(failing)
            #expect(failed.code != 0 && isOfCall(failed), "\(failed)")
            let late = try connection.open("echo.v1.Echo/Bidi", flags: 0x02, metadata: [("fnrpc-timeout", "100ms")])
            let over = try connection.answer(late)
            #expect(over.code == 4 && isOfCall(over), "\(over)")
        }
    }
}
