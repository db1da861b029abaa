import Model
import Testing

/// How long calls may wait, how late they may start, and how many may come.
@Suite struct ClockTests {
    /// Sleeps for as many seconds as it is told, in one container, which is hot.
    private static func deploy(_ name: String, _ yaml: String, to daemon: TestDaemon) throws {
        let folder = try daemon.write(
            name,
            [
                "func.yaml": "name: \(name)\nruntime: python\nentry: func.handler\nmax_containers: 1\n\(yaml)\n",
                "func.py": "import time\ndef handler(seconds):\n    time.sleep(seconds)\n    return 'slept'\n",
            ])
        let result = try daemon.fnrpc("deploy", folder, "--app", "demo")
        #expect(result.code == 0, "\(result)")
        #expect(try daemon.fnrpc("invoke", "demo/\(name)", "-d", "{\"seconds\": 0}").code == 0)
    }

    private static func call(_ name: String, _ seconds: String) -> Bytes {
        WireTests.invocation(name, "{\"seconds\": \(seconds)}")
    }

    /// Calls while the only container sleeps; how that second call ended.
    ///
    /// - Parameter waits: the first one is answered first.
    private static func callBeside(
        _ name: String, sleeping seconds: String, waits: Bool = false, _ daemon: TestDaemon
    ) throws -> Answer {
        let connection = try RawConnection(unix: daemon.socket)
        let (first, second) = (connection.newID(), connection.newID())
        // What comes first on a connection gets the container.
        try connection.send(
            .request(first, WireTests.invoke, call(name, seconds)), .request(second, WireTests.invoke, call(name, "0")))
        if waits { #expect(try connection.answer(first).code == 0) }
        let answer = try connection.answer(second)
        if !waits { #expect(try connection.answer(first).code == 0) }
        return answer
    }

    @Test func aCallWaitsNoLongerThanItMay() async throws {
        try await withDaemon { daemon in
            try Self.deploy("waits", "max_wait: 0.3\ntimeout: 60", to: daemon)
            let answer = try Self.callBeside("waits", sleeping: "2", daemon)
            #expect(answer.code == 4 && answer.reason == "TIMEOUT", "\(answer)")
            #expect(
                answer.message.contains(
                    "all it may wait (max_wait); of its 60.000 s (timeout of the function) it ran nothing"), "\(answer)"
            )
            let calls = try daemon.fnrpc("call", "list", "demo/waits").output
            #expect(calls.contains("timeout"), "\(calls)")
        }
    }

    @Test func aCallWithoutHalfItsTimeIsNotStarted() async throws {
        try await withDaemon { daemon in
            try Self.deploy("late", "timeout: 6", to: daemon)
            let answer = try Self.callBeside("late", sleeping: "4.5", daemon)
            #expect(answer.code == 4 && answer.reason == "TIMEOUT", "\(answer)")
            #expect(
                answer.message.contains(
                    "of its 6.000 s (timeout of the function) too little was left to start it (start_margin)"),
                "\(answer)")
        }
    }

    /// Its own clock or the caller's, whichever is shorter; and a start is part of the wait.
    @Test func theDeadlineSaysWhoseItIsAndWhatTookTheTime() async throws {
        try await withDaemon { daemon in
            try Self.deploy("two", "timeout: 2\nstart_margin: false", to: daemon)
            let connection = try RawConnection(unix: daemon.socket)
            func text(_ timeout: Int64) throws -> String {
                let answer = try connection.call(WireTests.invoke, Self.call("two", "30"), timeout: timeout)
                #expect(answer.code == 4 && answer.reason == "TIMEOUT", "\(answer)")
                return answer.message
            }
            // Hot, so that only the last one of them waits for a start.
            let own = try text(60_000_000_000)
            #expect(own.contains("timed out after 2.000 s (timeout of the function): it waited"), "\(own)")
            #expect(own.contains(" for a container and ran the rest"), "\(own)")
            #expect(try daemon.fnrpc("invoke", "demo/two", "-d", "{\"seconds\": 0}").code == 0)
            let callers = try text(500_000_000)
            #expect(callers.contains("timed out after 500 ms (the caller's deadline): it waited"), "\(callers)")
            let cold = try text(0)
            #expect(cold.contains(" of it while that started, and ran the rest"), "\(cold)")
        }
    }

    @Test func aCallThatOnlyWaitedSaysHowLongForAStart() async throws {
        try await withDaemon { daemon in
            let folder = try daemon.write(
                "slow",
                [
                    "func.yaml":
                        "name: slow\nruntime: python\nentry: func.handler\ntimeout: 1\nstart_margin: false\n",
                    "func.py": "import time\ntime.sleep(60)\ndef handler():\n    return 'started'\n",
                ])
            #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
            let connection = try RawConnection(unix: daemon.socket)
            for (timeout, clock) in [
                (0, "1.000 s (timeout of the function)"), (900_000_000, "900 ms (the caller's deadline)"),
            ] {
                let answer = try connection.call(
                    WireTests.invoke, WireTests.invocation("slow"), timeout: Int64(timeout))
                #expect(answer.message.contains("timed out after \(clock) waiting for a container, "), "\(answer)")
                #expect(answer.message.hasSuffix(" of it while one was starting"), "\(answer)")
            }
        }
    }

    /// A function, and the daemon, can ask for less.
    @Test func theMarginCanBeLess() async throws {
        try await withDaemon(["--start-margin-max", "0.1"]) { daemon in
            try Self.deploy("late", "timeout: 6", to: daemon)
            #expect(try Self.callBeside("late", sleeping: "4.5", waits: true, daemon).code == 0)
        }
        try await withDaemon { daemon in
            try Self.deploy("bold", "timeout: 6\nstart_margin: false", to: daemon)
            #expect(try Self.callBeside("bold", sleeping: "4.5", waits: true, daemon).code == 0)
        }
    }

    @Test func callsOverTheRateAreRefusedAtOnce() async throws {
        try await withDaemon { daemon in
            try Self.deploy("rare", "rate_limit: 1", to: daemon)
            let connection = try RawConnection(unix: daemon.socket)
            let answers = try (0..<20).map { _ in try connection.call(WireTests.invoke, Self.call("rare", "0")) }
            let refused = try #require(answers.first { $0.code != 0 })
            #expect(refused.code == 8 && refused.reason == "BUSY", "\(refused)")
            #expect(refused.message.contains("more than 1 calls a second came, its limit (rate_limit)"))
            #expect(refused.quota == "rate_limit")
            #expect((1...1_000_000_000).contains(try #require(refused.retryNanos)))
        }
    }

    @Test func callsOverTheQueueAreRefusedAtOnce() async throws {
        try await withDaemon { daemon in
            try Self.deploy("full", "max_queue: 1", to: daemon)
            let connection = try RawConnection(unix: daemon.socket)
            let (first, second, third) = (connection.newID(), connection.newID(), connection.newID())
            try connection.send(
                .request(first, WireTests.invoke, Self.call("full", "2")),
                .request(second, WireTests.invoke, Self.call("full", "0")),
                .request(third, WireTests.invoke, Self.call("full", "0")))
            // Before those that came first.
            let refused = try connection.answer(third)
            #expect(refused.code == 8 && refused.reason == "BUSY", "\(refused)")
            #expect(refused.message.contains("1 calls wait for it, its limit (max_queue)"), "\(refused)")
            #expect(refused.quota == "max_queue" && refused.retryNanos == 100_000_000)
            for id in [first, second] { #expect(try connection.answer(id).code == 0) }
        }
    }

    @Test func aFloodOfRefusalsIsCountedAndHardlyRecorded() async throws {
        try await withDaemon { daemon in
            try Self.deploy("full", "max_queue: 1", to: daemon)
            let connection = try RawConnection(unix: daemon.socket)
            let (held, flood) = ((0..<2).map { _ in connection.newID() }, (0..<300).map { _ in connection.newID() })
            let begun = Instant.now()
            for (id, seconds) in zip(held, ["5", "0"]) {
                try connection.send(.request(id, WireTests.invoke, Self.call("full", seconds)))
            }
            for id in flood { try connection.send(.request(id, WireTests.invoke, Self.call("full", "0"))) }
            let answers = try flood.map { try connection.answer($0) }
            let most = 101 + Int(Instant.now().nanoseconds(since: begun) / 10_000_000)
            #expect(answers.allSatisfy { $0.code == 8 && $0.reason == "BUSY" && $0.quota == "max_queue" })
            #expect(Set(answers.map { $0.metadata["fn-call-id"] }).count == 300)
            for id in held { #expect(try connection.answer(id).code == 0) }
            let page = try daemon.fnrpc("system", "metrics").output
            for line in [
                "fnrpc_refusal_seconds_count 300", "fnrpc_calls_total{status=\"error\"} 300",
                "fnrpc_function_calls_total{app=\"demo\",function=\"full\",status=\"error\"} 300",
            ] {
                #expect(page.contains("\n\(line)\n"), "\(line)")
            }
            let list = try daemon.fnrpc("call", "list", "demo/full", "--status", "error", "--limit", "1000").output
            #expect((100...most).contains(list.split(separator: "\n").count - 1), "at most \(most): \(list)")
        }
    }
}
