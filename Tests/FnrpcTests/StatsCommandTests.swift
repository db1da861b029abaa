import Foundation
import Model
import Synchronization
import Testing
import Wire

@testable import fnrpc

/// `fnrpc stats` and `fnrpc top`.
@Suite struct StatsCommandTests {
    static func durations(_ counts: [UInt64]) -> Durations {
        let bounds: [UInt64] = [0, 1000, 1_000_000, 1_250_000, .max]
        let buckets = counts.indices.filter { counts[$0] > 0 }.map {
            DurationBucket(aboveNanos: bounds[$0], upToNanos: bounds[$0 + 1], count: counts[$0])
        }
        let count = counts.reduce(0, +)
        let known: UInt64 = count == 0 ? 0 : 1_125_000
        return Durations(
            count: count, sumNanos: 7 * count, p50Nanos: known, p95Nanos: known, p99Nanos: known, buckets: buckets)
    }

    static func function(_ name: String, success: UInt64, failed: UInt64 = 0, waiting: UInt32 = 0) -> FunctionStats {
        FunctionStats(
            app: "demo", function: name, calls: CallCounts(success: success, failed: failed), coldStarts: 2,
            load: Load(idle: 1, frozen: 2, busy: 3, running: 3, waiting: waiting), wait: durations([success + failed]),
            run: durations([0, 0, success + failed]))
    }

    /// After so many seconds.
    static func stats(_ seconds: UInt64, _ functions: [FunctionStats], calls: UInt64, omitted: UInt32 = 0)
        -> SystemStatsResponse
    {
        SystemStatsResponse(
            uptimeNanos: seconds * 1_000_000_000,
            daemon: DaemonStats(
                callsStarted: calls + 1, calls: CallCounts(success: calls, timeout: 1),
                load: Load(starting: 1, idle: 4, running: 1), total: durations([0, 0, calls]),
                wait: durations([calls]), run: durations([0, 0, calls]), coldStart: durations([0, 0, 0, 3]),
                evictions: 5, thaws: 6, memoryBytes: 3 << 29, memoryBytesLimit: 8 << 30, connections: 9),
            functions: functions, omitted: omitted)
    }

    /// A server that gives one answer after the other, and the last one from then on.
    private func withServer(
        _ answers: [SystemStatsResponse], _ body: (TtrpcServer) throws -> Void
    ) throws {
        let left = Mutex(answers)
        let scratch = try Scratch()
        let server = try TtrpcServer(scratch) { request, event in
            guard case .request = event else { return [] }
            guard request.name == "fnrpc.v1.System/Stats" else { return [.status(12, request.name)] }
            let answer = left.withLock { $0.count > 1 ? $0.removeFirst() : $0.first }
            return answer.map { [.response($0.encoded())] } ?? [.status(14, "the daemon is gone")]
        }
        defer { withExtendedLifetime(scratch) { server.stop() } }
        try body(server)
    }

    private func asked(_ server: TtrpcServer) throws -> SystemStatsRequest {
        try SystemStatsRequest(decoding: try #require(server.requests.last).payload, strict: true)
    }

    @Test func statsAreATable() throws {
        let functions = [Self.function("f", success: 3, failed: 1), Self.function("g\u{1B}", success: 0)]
        try withServer([Self.stats(5, functions, calls: 7, omitted: 2)]) { server in
            let all = try FnrpcProcess.run(["stats", "--address", server.address])
            #expect(
                all.output == """
                    FUNCTION  SUCCESS  FAILED  ERROR  TIMEOUT  CANCELLED  COLD  RUNNING  WAITING  CONTAINERS  RUN P50  P95      P99      WAIT P50  P99
                    all       7        0       0      1        0          3     1        0        5           1.13 ms  1.13 ms  1.13 ms  1.13 ms   1.13 ms
                    demo/f    3        1       0      0        0          2     3        0        6           1.13 ms  1.13 ms  1.13 ms  1.13 ms   1.13 ms
                    demo/g    0        0       0      0        0          2     3        0        6           -        -        -        -         -
                    and 2 functions more

                    """)
            #expect(all.code == 0 && all.errors.isEmpty)
            var request = try asked(server)
            #expect(request.app.isEmpty && request.function.isEmpty && request.limit == 100 && !request.buckets)
            let one = try FnrpcProcess.run(["stats", "demo/f", "--limit", "7", "--address", server.address])
            #expect(!one.output.contains("\nall "))
            request = try asked(server)
            #expect(request.app == "demo" && request.function == "f" && request.limit == 7)
            _ = try FnrpcProcess.run(["stats", "demo", "--address", server.address])
            request = try asked(server)
            #expect(request.app == "demo" && request.function.isEmpty)
        }
    }

    @Test func statsAreJSON() throws {
        try withServer([Self.stats(5, [Self.function("f", success: 3)], calls: 7, omitted: 2)]) { server in
            let result = try FnrpcProcess.run(["stats", "--output", "json", "--address", server.address])
            let json = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
            #expect(Set(json.keys) == ["uptime_nanos", "daemon", "functions", "omitted"])
            let daemon = try #require(json["daemon"] as? [String: Any])
            #expect(daemon["memory_bytes"] as? Int == 3 << 29 && daemon["calls_started"] as? Int == 8)
            let cold = try #require((daemon["cold_start"] as? [String: Any])?["buckets"] as? [[String: Any]])
            #expect(cold.count == 1 && cold[0]["up_to_nanos"] is NSNull && cold[0]["count"] as? Int == 3)
            let function = try #require((json["functions"] as? [[String: Any]])?.first)
            #expect(
                Set(function.keys) == ["app", "function", "calls", "cold_starts", "load", "wait", "run"])
            #expect((function["calls"] as? [String: Int])?["success"] == 3)
            #expect((function["load"] as? [String: Int])?["frozen"] == 2)
            #expect((function["run"] as? [String: Any])?["p99_nanos"] as? Int == 1_125_000)
            #expect(try asked(server).buckets)
        }
        // Who may not read is told nothing of the daemon.
        try withServer([SystemStatsResponse(uptimeNanos: 1)]) { server in
            let result = try FnrpcProcess.run(["stats", "--output", "json", "--address", server.address])
            #expect(result.output.contains("\"daemon\": null") && result.code == 0)
            let table = try FnrpcProcess.run(["stats", "--address", server.address])
            #expect(table.output.split(separator: "\n").count == 1)
        }
    }

    // MARK: - top

    @Test func anIntervalIsTheDifference() {
        let old = Self.stats(10, [Self.function("f", success: 100), Self.function("g", success: 5)], calls: 105)
        let new = Self.stats(
            12, [Self.function("f", success: 104, failed: 2), Self.function("h", success: 30)], calls: 139)
        let activity = Activity(from: old, to: new, isAll: true)
        #expect(activity.seconds == 2 && activity.all.calls == 34 && activity.all.errors == 0)
        #expect(activity.functions.map(\.name) == ["demo/h", "demo/f"])
        #expect(activity.functions.map(\.calls) == [30, 6] && activity.functions.map(\.errors) == [0, 2])
        #expect(activity.functions[1].run.count == 6 && activity.functions[1].wait.count == 6)
        // Of one app, the daemon's own figures are of too much.
        let some = Activity(from: old, to: new, isAll: false)
        #expect(some.all.calls == 36 && some.all.errors == 2 && some.all.run.count == 36)
        #expect(some.all.load.busy == 6 && some.all.load.running == 6)
        // A daemon that started again, and a function that was forgotten in between.
        #expect(Activity(from: new, to: old, isAll: true).all.calls == 106)
        let forgotten = Activity(
            from: old, to: Self.stats(11, [Self.function("f", success: 3)], calls: 106), isAll: false)
        #expect(forgotten.functions[0].calls == 3 && forgotten.functions[0].run.count == 3)
        let first = Activity(from: nil, to: old, isAll: true)
        #expect(first.seconds == 10 && first.all.calls == 106 && first.all.errors == 1)
    }

    @Test func plainOutputIsALineForEachInterval() throws {
        let answers = [
            Self.stats(10, [Self.function("f", success: 100)], calls: 100),
            Self.stats(12, [Self.function("f", success: 150)], calls: 150),
            Self.stats(13, [Self.function("f", success: 150)], calls: 150),
        ]
        try withServer(answers) { server in
            let result = try FnrpcProcess.run([
                "top", "--interval", "100ms", "--count", "2", "--address", server.address,
            ])
            #expect(result.code == 0 && result.errors.isEmpty)
            let lines = result.output.split(separator: "\n").map { $0.drop { $0 != " " } }
            let end = "1 running, 0 waiting, 5 containers, 1.5 GiB of 8 GiB, 9 connections"
            #expect(
                lines == [
                    " 25 calls/s, 0 errors/s, run p50 1.13 ms p99 1.13 ms, wait p99 500 ns, \(end)",
                    " 0 calls/s, 0 errors/s, run p50 - p99 -, wait p99 -, \(end)",
                ])
            #expect(server.requests.count == 3)
            let request = try asked(server)
            #expect(request.buckets && request.limit == 1000)
        }
        try withServer(answers) { server in
            let result = try FnrpcProcess.run([
                "top", "demo", "--interval", "100ms", "--count", "1", "--output", "json", "--address", server.address,
            ])
            let json = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
            #expect(result.output.split(separator: "\n").count == 1)
            #expect(json["calls_per_second"] as? Double == 25 && json["seconds"] as? Double == 2)
            #expect((json["functions"] as? [[String: Any]])?.first?["name"] as? String == "demo/f")
        }
    }

    @Test func whatFailsEndsIt() throws {
        try withServer([]) { server in
            let result = try FnrpcProcess.run(["top", "--count", "1", "--address", server.address])
            #expect(result.code == 8 && result.output.isEmpty && result.errors.contains("the daemon is gone"))
        }
    }

    private static let enter = "\u{1B}[?1049h\u{1B}[?25l"
    private static let leave = "\u{1B}[?25h\u{1B}[?1049l"
    private static let frameEnd = "\u{1B}[J"

    /// The lines of one picture.
    private func lines(_ frame: String) -> ArraySlice<String> {
        let picture = frame.components(separatedBy: "\u{1B}[H").last ?? ""
        return picture.replacingOccurrences(of: Self.frameEnd, with: "").components(separatedBy: "\u{1B}[K").map {
            $0.trimmingCharacters(in: .whitespacesAndNewlines)
        }.dropLast()
    }

    @Test func theScreenIsAsLargeAsTheTerminal() throws {
        let functions = (0..<30).map { Self.function("f\($0)", success: 30 - UInt64($0)) }
        try withServer([Self.stats(10, functions, calls: 100), Self.stats(11, functions, calls: 120)]) { server in
            let terminal = try PseudoTerminal(columns: 60, lines: 10)
            let before = try terminal.settings()
            let process = try terminal.start(["top", "--interval", "1h", "--address", server.address])
            let first = try terminal.take(until: Self.frameEnd)
            #expect(first.hasPrefix(Self.enter + "\u{1B}[H"))
            #expect(try terminal.settings() != before, "keys come at once and are not shown")
            var picture = lines(first)
            #expect(picture.count == 10 && picture.allSatisfy { $0.count <= 60 })
            #expect(picture[0] == "fnrpcd up 10 s; rates of the time since it started; q quits")
            #expect(picture[1] == "10.1 calls/s, 0.1 errors/s, run p50 1.13 ms p99 1.13 ms, wai")
            #expect(picture[2].hasPrefix("1 running, 0 waiting, 5 containers, 1.5 GiB of 8 GiB"))
            #expect(picture[3].isEmpty && picture[4].hasPrefix("FUNCTION  CALLS/S") && picture[5].hasPrefix("demo/f0"))
            #expect(picture[9] == "and 26 functions more")
            // A larger window is used at once.
            try terminal.resize(columns: 200, lines: 50)
            kill(process.processIdentifier, SIGWINCH)
            picture = lines(try terminal.take(until: Self.frameEnd))
            #expect(picture.count == 35 && picture[34].hasPrefix("demo/f29"))
            #expect(picture[4].hasSuffix("WAITING  BUSY  IDLE  FROZEN  STARTING  LEAVING"))
            let cells = picture[5].split(separator: " ").joined(separator: " ")
            #expect(cells == "demo/f0 3 0 1.13 ms 1.13 ms 500 ns 3 0 3 1 2 0 0")
            terminal.type("xq")
            let end = try terminal.take(until: Self.leave)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0 && end.hasSuffix(Self.leave))
            #expect(try terminal.settings() == before)
        }
    }

    @Test func intervalsAreCounted() throws {
        let functions = [Self.function("f", success: 1)]
        try withServer([Self.stats(10, functions, calls: 100), Self.stats(12, functions, calls: 150)]) { server in
            let terminal = try PseudoTerminal(columns: 100, lines: 10)
            let before = try terminal.settings()
            let process = try terminal.start([
                "top", "--interval", "100ms", "--count", "1", "--address", server.address,
            ])
            let seen = try terminal.take(until: Self.leave)
            #expect(seen.contains("; rates of the last 100 ms;") && seen.contains("25 calls/s"))
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            #expect(try terminal.settings() == before)
        }
    }

    @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
    func signalsPutTheTerminalBack(signal: Int32, code: Int32) throws {
        try withServer([Self.stats(10, [], calls: 100)]) { server in
            let terminal = try PseudoTerminal(columns: 80, lines: 24)
            let before = try terminal.settings()
            let process = try terminal.start(["top", "--address", server.address])
            _ = try terminal.take(until: Self.frameEnd)
            kill(process.processIdentifier, signal)
            _ = try terminal.take(until: Self.leave)
            process.waitUntilExit()
            #expect(process.terminationStatus == code && process.terminationReason == .exit)
            #expect(try terminal.settings() == before)
        }
    }

    @Test func errorsPutTheTerminalBack() throws {
        let isGone = Mutex(false)
        let scratch = try Scratch()
        let server = try TtrpcServer(scratch) { _, event in
            guard case .request = event else { return [] }
            if isGone.withLock({ $0 }) { return [.status(14, "the daemon is gone")] }
            isGone.withLock { $0 = true }
            return [.response(Self.stats(1, [], calls: 1).encoded())]
        }
        defer { withExtendedLifetime(scratch) { server.stop() } }
        let terminal = try PseudoTerminal(columns: 80, lines: 24)
        let before = try terminal.settings()
        let errors = Pipe()
        let process = try terminal.start(["top", "--interval", "100ms", "--address", server.address], errors: errors)
        _ = try terminal.take(until: Self.leave)
        process.waitUntilExit()
        #expect(process.terminationStatus == 8)
        #expect(try terminal.settings() == before)
        try errors.fileHandleForWriting.close()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(text.contains("the daemon is gone"))
        // What is refused at once never gets the screen.
        let other = try PseudoTerminal(columns: 80, lines: 24)
        let refused = try other.start(["top", "--address", server.address])
        try other.wait(for: "the daemon is gone")
        refused.waitUntilExit()
        #expect(!other.output.contains(Self.enter))
    }
}
