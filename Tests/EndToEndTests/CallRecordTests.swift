import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// Records, logs and snapshots of calls that really ran.
@Suite(.serialized) struct CallRecordTests {
    private static let code = """
        import os, resource, signal, sys, time

        def handler(act="", n=0):
            print("acting", act)
            if act == "raise":
                raise ValueError("no such thing")
            if act == "exit":
                os._exit(3)
            if act == "segv":
                os.kill(os.getpid(), signal.SIGSEGV)
            if act == "xcpu":
                os.kill(os.getpid(), signal.SIGXCPU)
            if act == "eat":
                return len(bytearray(300 << 20))
            if act == "sleep":
                time.sleep(n)
            if act == "write":
                for _ in range(n):
                    os.write(1, b"x" * 65535 + b"\\n")
            return act

        """

    private static func yaml(_ more: String = "", name: String = "act") -> String {
        "name: \(name)\nruntime: python\nentry: func.handler\nmemory: 64\ntimeout: 2\n" + more
    }

    private func deploy(_ daemon: TestDaemon, _ more: String = "", name: String = "act") throws {
        try daemon.deploy(name, ["func.yaml": Self.yaml(more, name: name), "func.py": Self.code])
    }

    /// The newest call of a function.
    private func newest(_ client: Client, _ function: String = "act") async throws -> CallRecord {
        let list: ListCallsResponse = try await client.ask(
            "Calls/List", ListCallsRequest(app: "demo", function: function, page: Page(size: 1)))
        return try #require(list.calls.first)
    }

    private func log(_ client: Client, _ call: CallRecord) async throws -> String {
        let logs: GetCallLogsResponse = try await client.ask(
            "Calls/Logs", GetCallLogsRequest(id: call.meta.id.description))
        return String(decoding: logs.log, as: UTF8.self)
    }

    @Test func everyEndHasItsStatusReasonAndExit() async throws {
        try await withDaemon { daemon in
            try deploy(daemon)
            let client = try await daemon.client()
            struct End {
                let act: String
                let status: CallStatus
                let reason: CallReason
                var exit: CallExit?
                var text = ""
            }
            let ends = [
                End(act: "fine", status: .success, reason: .none),
                End(act: "raise", status: .failed, reason: .badExit, text: "ValueError: no such thing"),
                End(
                    act: "exit", status: .failed, reason: .badExit, exit: CallExit(code: 3), text: "exited with code 3"),
                End(
                    act: "segv", status: .failed, reason: .badExit, exit: CallExit(signal: 11),
                    text: "killed by signal 11"),
                End(
                    act: "xcpu", status: .failed, reason: .killed, exit: CallExit(signal: 24),
                    text: "killed by signal 24"),
                End(act: "sleep", status: .timeout, reason: .timeout),
            ]
            for end in ends {
                _ = try daemon.fnrpc("invoke", "demo/act", "-d", #"{"act":"\#(end.act)","n":9}"#)
                let call = try await newest(client)
                #expect(call.status == end.status && call.reason == end.reason, "\(end.act): \(call)")
                #expect(call.exit == end.exit, "\(end.act): \(String(describing: call.exit))")
                #expect(call.error.isEmpty == (end.status != .timeout), "\(end.act): \(call.error)")
                #expect(!call.container.isEmpty && call.startedAt != nil && call.appName == "demo")
                let text = try await log(client, call)
                #expect(text.hasPrefix("acting \(end.act)\n"), "\(end.act): \(text)")
                #expect(
                    (end.text.isEmpty || text.contains(end.text)) && text.contains("\nfnrpc: ") == !end.text.isEmpty,
                    "\(text)")
                #expect(UInt64(text.utf8.count) == call.logBytes && !call.logTruncated)
            }
            _ = try daemon.fnrpc("invoke", "demo/act", "-d", #"{"act":"eat"}"#)
            let eaten = try await newest(client)
            #expect(
                eaten.status == .failed && eaten.reason == .killed && eaten.exit?.ranOutOfMemory == true, "\(eaten)")
            let shown = try daemon.fnrpc("call", "get", eaten.meta.id.description).output
            #expect(shown.contains("out of memory") && shown.contains("killed"), "\(shown)")

            // The caller goes away.
            await #expect(throws: (any Error).self) {
                try await client.invoke(
                    .function(app: "demo", name: "act"), payload: Array(#"{"act":"sleep","n":1}"#.utf8),
                    contentType: "application/json", timeout: .milliseconds(300))
            }
            try await eventually("its record") { try await newest(client).status != .failed }
            let left = try await newest(client)
            #expect([.cancelled, .timeout].contains(left.status) && left.status.reasons == [left.reason])
            await client.close()
        }
    }

    @Test func aFunctionThatDoesNotStartHasFailed() async throws {
        try await withDaemon { daemon in
            try daemon.deploy(
                "act", ["func.yaml": Self.yaml(), "func.py": "import sys\nprint('leaving')\nsys.exit(7)\n"])
            let client = try await daemon.client()
            _ = try daemon.fnrpc("invoke", "demo/act", "-d", "{}")
            let call = try await newest(client)
            #expect(call.status == .failed && call.reason == .badExit && call.exit == CallExit(code: 7), "\(call)")
            #expect(call.startedAt == nil && call.container.isEmpty && call.error.isEmpty)
            #expect(try await log(client, call).contains("leaving"))
            await client.close()
        }
    }

    @Test(arguments: [100, CallRecord.maxLogBytes >> 10]) func logsAreCutAndSaySo(_ kibibytes: Int) async throws {
        try await withDaemon(["--max-log-kib", "\(kibibytes)"]) { daemon in
            try deploy(daemon)
            let client = try await daemon.client()
            _ = try daemon.fnrpc("invoke", "demo/act", "-d", #"{"act":"write","n":\#(kibibytes / 64 + 1)}"#)
            let call = try await newest(client)
            #expect(call.status == .success && call.logTruncated && call.logBytes == kibibytes << 10)
            let result = try daemon.fnrpc("call", "logs", call.meta.id.description)
            #expect(
                result.output.utf8.count == kibibytes << 10 && result.errors.contains("longer than the daemon keeps"))
            await client.close()
        }
    }

    @Test func functionsSayWhatIsRecorded() async throws {
        try await withDaemon(["--max-recorded-input-kib", "1"]) { daemon in
            try deploy(daemon, "record: errors\n", name: "errors")
            try deploy(daemon, "record: none\n", name: "none")
            let set = try daemon.fnrpc("secret", "set", "demo", "key", input: "hidden value")
            #expect(set.code == 0, "\(set.errors)")
            try deploy(daemon, "record_input: true\nconfig:\n  MARK: then\nsecrets: [key]\n", name: "whole")
            for name in ["errors", "none"] {
                _ = try daemon.fnrpc("invoke", "demo/\(name)", "-d", #"{"act":"fine"}"#)
                _ = try daemon.fnrpc("invoke", "demo/\(name)", "-d", #"{"act":"raise"}"#)
            }
            func count(_ name: String) throws -> Int {
                try daemon.fnrpc("call", "list", "demo/\(name)").output.split(separator: "\n").count - 1
            }
            #expect(try count("errors") == 1 && count("none") == 0)

            let client = try await daemon.client()
            let payload = #"{"act":"\#(String(repeating: "a", count: 2000))"}"#
            #expect(try daemon.fnrpc("invoke", "demo/whole", "-d", payload).code == 0)
            let call = try await newest(client, "whole")
            #expect(call.inputBytes == 1024 && call.inputTruncated)
            let id = call.meta.id.description
            #expect(try daemon.fnrpc("call", "get", id, "--input").output == String(payload.prefix(1024)))
            // What it ran with, though it is changed since.
            #expect(
                try daemon.fnrpc("fn", "update", "demo/whole", "--config", "MARK=now", "--record", "none").code == 0)
            let spec = try daemon.fnrpc("call", "get", id, "--spec", "--output", "json").output
            #expect(spec.contains(#""MARK":"then""#) || spec.contains(#""MARK": "then""#), "\(spec)")
            #expect(spec.contains("key") && !spec.contains("hidden value") && spec.contains("sha256:"))
            #expect(try daemon.fnrpc("call", "get", id, "--spec").output.contains("config MARK"))
            await client.close()
        }
    }

    @Test func callsByPathAreFoundByItAndOutliveTheirApp() async throws {
        try await withDaemon { daemon in
            try deploy(daemon)
            #expect(
                try daemon.fnrpc("trigger", "create", "demo", "acts", "/acts/:id", "act").code == 0)
            #expect(try daemon.fnrpc("invoke", "demo", "--path", "/acts/7", "-d", #"{"act":"fine"}"#).code == 0)
            #expect(try daemon.fnrpc("invoke", "demo/act", "-d", #"{"act":"raise"}"#).code != 0)
            func rows(_ arguments: String...) throws -> [Substring] {
                let result = try TestDaemon.run(
                    TestDaemon.binaries + "/fnrpc", ["call", "list"] + arguments,
                    environment: ["FNRPC_ADDRESS": "unix:" + daemon.socket])
                #expect(result.code == 0, "\(result.errors)")
                return result.output.split(separator: "\n").dropFirst().map { $0 }
            }
            #expect(try rows("demo").count == 2)
            #expect(try rows("demo", "--path", "/acts/:id").count == 1)
            #expect(try rows("--status", "failed").count == 1)
            #expect(try rows("--since", "1h").count == 2 && rows("--until", "1h").isEmpty)
            let client = try await daemon.client()
            let list: ListCallsResponse = try await client.ask(
                "Calls/List", ListCallsRequest(app: "demo", path: "/acts/:id"))
            let call = try #require(list.calls.first)
            #expect(call.path == "/acts/:id" && call.trigger == "acts" && list.calls.count == 1)
            #expect(try daemon.fnrpc("call", "list", "demo", "--path", "/none").code == 3)
            #expect(try daemon.fnrpc("call", "list", "none").code == 3)
            #expect(try daemon.fnrpc("app", "delete", "demo", "--force").code == 0)
            #expect(try daemon.fnrpc("call", "get", call.meta.id.description).output.contains("/acts/:id"))
            #expect(try rows(call.appID.description).count == 2)
            #expect(try daemon.fnrpc("call", "list", "demo").code == 3)
            await client.close()
        }
    }

    /// 4 MiB of logs may stay, and every call is answered and recorded.
    @Test func theDiskBudgetTakesTheOldestLogs() async throws {
        try await withDaemon(["--keep-logs-mib", "4"]) { daemon in
            try deploy(daemon)
            let client = try await daemon.client()
            var first: CallRecord?
            for _ in 0..<8 {
                #expect(try daemon.fnrpc("invoke", "demo/act", "-d", #"{"act":"write","n":16}"#).code == 0)
                let call = try await newest(client)
                #expect(call.logBytes > 1 << 19)
                first = first ?? call
            }
            let id = try #require(first).meta.id.description
            let logs: GetCallLogsResponse = try await client.ask("Calls/Logs", GetCallLogsRequest(id: id))
            #expect(logs.removed && logs.log.isEmpty)
            #expect(try daemon.fnrpc("call", "logs", id).errors.contains("was removed"))
            #expect(try await log(client, try await newest(client)).utf8.count > 1 << 19)
            await client.close()
        }
    }
}
