import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// What was counted of calls, by `System/Stats`, `System/Metrics` and their commands.
@Suite(.serialized) struct StatsTests {
    private func stats(
        _ client: Client, _ app: String = "", _ function: String = "", limit: UInt32 = 0, buckets: Bool = false
    ) async throws -> SystemStatsResponse {
        try await client.ask(
            "System/Stats", SystemStatsRequest(app: app, function: function, limit: limit, buckets: buckets))
    }

    private func token(_ client: Client, _ name: String, _ scopes: [String]) async throws -> String {
        let request = CreateTokenRequest(name: name, scopes: try scopes.map { try Scope($0, field: "scope") })
        let made: CreateTokenResponse = try await client.ask("Tokens/Create", request)
        return made.secret
    }

    /// Every number is exact: a call is counted before it is answered.
    @Test func everyCallIsCountedByHowItEnded() async throws {
        try await withDaemon(["--metrics-listen", "tcp:127.0.0.1:0"]) { daemon in
            try daemon.deploy("mark", TestDaemon.marked("1"))
            try daemon.deploy(
                "bad", ["func.yaml": "name: bad\nruntime: shell\nentry: f.sh\nformat: default\n", "f.sh": "exit 3\n"])
            try daemon.deploy(
                "late",
                [
                    "func.yaml": "name: late\nruntime: shell\nentry: f.sh\nformat: default\ntimeout: 1\n",
                    "f.sh": "sleep 30\n",
                ])
            let client = try await daemon.client()
            for _ in 0..<7 { #expect(try await client.mark() == "1 ") }
            _ = try await client.mark("mark", .version(1))
            for name in ["bad", "late"] {
                await #expect(throws: ClientError.self) {
                    try await client.invoke(app: "demo", function: name, payload: [])
                }
            }
            let all = try await stats(client, buckets: true)
            #expect(all.functions.map(\.function) == ["mark", "bad", "late"] && all.omitted == 0)
            let mark = all.functions[0]
            #expect(mark.app == "demo" && mark.calls?.success == 8 && mark.calls?.failed == 0)
            #expect(mark.coldStarts == 2, "its working copy and its version have containers of their own")
            #expect(mark.run?.count == 8 && mark.wait?.count == 8)
            #expect(mark.run?.buckets.reduce(0) { $0 + $1.count } == 8)
            let (p50, p99) = (try #require(mark.run?.p50Nanos), try #require(mark.run?.p99Nanos))
            #expect(0 < p50 && p50 <= p99 && p99 < 60_000_000_000)
            #expect(all.functions[1].calls?.failed == 1 && all.functions[2].calls?.timeout == 1)
            let whole = try #require(all.daemon)
            #expect(whole.callsStarted == 10)
            #expect(whole.calls?.success == 8 && whole.calls?.failed == 1 && whole.calls?.timeout == 1)
            #expect(whole.total?.count == 10 && whole.wait?.count == 10 && whole.run?.count == 10)
            // Its sum is of the calls themselves, to the nanosecond.
            #expect(whole.total?.sumNanos == (whole.wait?.sumNanos ?? 0) + (whole.run?.sumNanos ?? 0))
            #expect(whole.coldStart?.count == all.functions.reduce(0) { $0 + $1.coldStarts })
            #expect(whole.memoryBytes > 0 && whole.memoryBytesLimit >= whole.memoryBytes && whole.connections >= 1)
            let records = try daemon.fnrpc("call", "list", "--output", "json")
            #expect(records.output.components(separatedBy: "\"status\": \"success\"").count == 9)

            try await sameNumbers(daemon, client)
            // Of one app, of one function, of the first alone.
            #expect(try await stats(client, "demo", "bad").functions.map(\.function) == ["bad"])
            let first = try await stats(client, "demo", limit: 1)
            #expect(first.functions.map(\.function) == ["mark"] && first.omitted == 2)
            #expect(first.functions[0].run?.buckets.isEmpty == true)
            for (app, function, limit, code) in [
                ("none", "", 0, "NOT_FOUND"), ("demo", "none", 0, "NOT_FOUND"), ("", "mark", 0, "INVALID"),
                ("", "", 1001, "INVALID"), ("none", "mark", 1000, "NOT_FOUND"),
            ] as [(String, String, UInt32, String)] {
                let request = SystemStatsRequest(app: app, function: function, limit: limit)
                let failure = await client.failure("System/Stats", request)
                #expect(failure?.code.rawValue == code, "\(app) \(function) \(limit): \(String(describing: failure))")
            }
            await client.close()
        }
    }

    /// The page, the method and the commands say the same.
    private func sameNumbers(_ daemon: TestDaemon, _ client: Client) async throws {
        let answer: SystemMetricsResponse = try await client.ask("System/Metrics", SystemMetricsRequest())
        let page = try MetricsTests().scrape(MetricsTests().port(daemon))
        var seen = 0
        for line in answer.text.split(separator: "\n")
        where line.hasPrefix("fnrpc_call") || line.hasPrefix("fnrpc_function") {
            let blank = try #require(line.lastIndex(of: " "))
            seen += 1
            #expect(page[String(line[..<blank])] == Double(line[line.index(after: blank)...]), "\(line)")
        }
        #expect(seen > 150)
        #expect(page["fnrpc_calls_total{status=\"success\"}"] == 8 && page["fnrpc_calls_total{status=\"failed\"}"] == 1)
        #expect(page["fnrpc_function_calls_total{app=\"demo\",function=\"late\",status=\"timeout\"}"] == 1)
        #expect(page["fnrpc_function_run_seconds_count{app=\"demo\",function=\"mark\"}"] == 8)
        #expect(page["fnrpc_functions_omitted"] == 0)
        #expect(try daemon.fnrpc("system", "metrics").output.contains("\nfnrpc_calls_total{status=\"success\"} 8\n"))
        let table = try daemon.fnrpc("stats")
        let rows = table.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(rows.count == 5 && rows[1].prefix(6) == ["all", "8", "1", "0", "1", "0"], "\(table)")
        #expect(rows[2].prefix(7) == ["demo/mark", "8", "0", "0", "0", "0", "2"], "\(table)")
        let json = try daemon.fnrpc("stats", "demo/mark", "--output", "json")
        #expect(json.output.contains("\"success\": 8"), "\(json)")
    }

    @Test func whatWaitsAndRunsIsSeen() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("mark", TestDaemon.marked("1", more: "max_containers: 1\nmax_queue: 2\n"))
            let client = try await daemon.client()
            #expect(try await client.mark() == "1 ")
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<3 { group.addTask { try await client.mark(sleep: 2) } }
                var load = Load()
                let end = Date().addingTimeInterval(20)
                repeat {
                    load = try #require(try await stats(client, "demo", "mark").functions.first?.load)
                } while (load.running, load.waiting) != (1, 2) && Date() < end
                #expect(load.running == 1 && load.waiting == 2 && load.busy == 1 && load.idle == 0, "\(load)")
                // One more is refused, and counted where nothing ran.
                await #expect(throws: ClientError.self) { try await client.mark() }
                let function = try #require(try await stats(client).functions.first)
                #expect(function.calls?.error == 1 && function.wait?.count == 2 && function.run?.count == 1)
                let top = try daemon.fnrpc("top", "demo", "--interval", "100ms", "--count", "1")
                #expect(top.output.contains(" 1 running, 2 waiting, 1 containers"), "\(top)")
                try await group.waitForAll()
            }
            let function = try #require(try await stats(client).functions.first)
            #expect(function.calls?.success == 4 && function.coldStarts == 1)
            #expect(function.load?.running == 0 && function.load?.waiting == 0)
            // The last one waited for two others.
            #expect(try #require(function.wait?.p99Nanos) > 3_000_000_000)
            await client.close()
        }
    }

    @Test func callersSeeWhatTheirScopesCover() async throws {
        try await withDaemon { daemon in
            for app in ["demo", "more"] {
                for name in ["one", "two"] {
                    let files = TestDaemon.marked("1", name: name)
                    let result = try daemon.fnrpc("deploy", try daemon.write("\(app)-\(name)", files), "--app", app)
                    try #require(result.code == 0, "\(result)")
                    #expect(try daemon.fnrpc("invoke", "\(app)/\(name)", "-d", "{}").code == 0)
                }
            }
            let root = try await daemon.client()
            #expect(try await stats(root).functions.count == 4)
            for (scopes, seen, seesDaemon) in [
                (["read"], ["demo/one", "demo/two", "more/one", "more/two"], true),
                (["invoke"], ["demo/one", "demo/two", "more/one", "more/two"], false),
                (["invoke:demo"], ["demo/one", "demo/two"], false), (["invoke:more/two"], ["more/two"], false),
                (["invoke:none"], [], false),
            ] as [([String], [String], Bool)] {
                let bearer = try await token(root, scopes[0].filter(\.isLetter), scopes)
                let options = ClientOptions(token: bearer)
                let client = try await Client.connect(to: Address("unix:" + daemon.socket), options: options)
                let answer = try await stats(client)
                #expect(answer.functions.map { "\($0.app)/\($0.function)" } == seen, "\(scopes)")
                #expect((answer.daemon != nil) == seesDaemon && answer.omitted == 0, "\(scopes)")
                let metrics = await client.failure("System/Metrics", SystemMetricsRequest())
                #expect((metrics == nil) == seesDaemon, "\(scopes)")
                // Nobody learns by asking what is there.
                if scopes == ["invoke:more/two"] {
                    for names in [("demo", "one"), ("demo", "gone"), ("gone", "one"), ("demo", ""), ("gone", "")] {
                        #expect(try await stats(client, names.0, names.1).functions.isEmpty, "\(names)")
                    }
                    let own = try await stats(client, "more", "two")
                    #expect(own.functions.count == 1)
                }
                await client.close()
            }
            await root.close()
        }
    }

    @Test func deletedFunctionsGoAndTheirCallsStay() async throws {
        try await withDaemon(["--metrics-functions", "1"]) { daemon in
            try daemon.deploy("mark", TestDaemon.marked("1"))
            let client = try await daemon.client()
            for _ in 0..<3 { _ = try await client.mark() }
            // A new version takes over what was counted.
            try daemon.deploy("mark", TestDaemon.marked("2"))
            #expect(try await client.mark() == "2 ")
            #expect(try await stats(client).functions.first?.calls?.success == 4)
            // Who reads while it is deleted gets an answer.
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for _ in 0..<200 { _ = try await stats(client, buckets: true) }
                }
                group.addTask {
                    let deleted = try daemon.fnrpc("fn", "delete", "demo/mark", "--force")
                    #expect(deleted.code == 0, "\(deleted)")
                }
                try await group.waitForAll()
            }
            let answer = try await stats(client)
            #expect(answer.functions.isEmpty && answer.daemon?.calls?.success == 4)
            await client.close()
        }
    }
}
