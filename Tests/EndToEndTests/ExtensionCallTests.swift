import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// Plug-ins that are asked about calls and told of them, beside a real daemon with real containers.
@Suite(.serialized) struct ExtensionCallTests {
    private static let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    /// What happens to a call says the name of its function.
    private static let script = """
        describes(["call"], ["call"])

        def before_call(call):
            function = dict(fields(call))[3]
            if function == b"refused":
                raise Refused(7, "not on a Saturday")
            if function == b"unknown":
                raise Refused(2, "for no reason of note")
            if function == b"internal":
                raise Refused(13, "a fault of the plug-in")
            if function == b"old":
                return field(2, "new")
            if function == b"pinned":
                return field(2, "new") + field(3, 1)
            if function == b"astray":
                return field(2, "nowhere")
            if function == b"slow":
                return field(4, 4_000_000_000)
            if function == b"traced":
                return field(6, field(1, "traceparent") + field(2, "\(trace)"))
            if function == b"untraced":
                return field(5, "traceparent")
            return b""

        def after_call(call):
            values = dict(fields(call))
            print(values[3].decode(), values[4] if 4 in values else 0, values[5].decode(), flush=True)
            return b""

        example.METHODS[b"BeforeCall"] = before_call
        example.METHODS[b"AfterCall"] = after_call
        """

    /// Says the trace that it was given.
    private func deployShell(_ name: String, _ daemon: TestDaemon) throws {
        try daemon.deploy(
            name,
            [
                "func.yaml": "name: \(name)\nruntime: shell\nentry: f.sh\n",
                "f.sh": "printf %s \"${FN_HEADER_TRACEPARENT-none}\"",
            ])
    }

    @Test func aCallGoesWhereThePlugInSays() async throws {
        try await withPlugIn(Self.script) { plugIn in
            try await withDaemon(plugIn.option("calls", "timeout=20s")) { daemon in
                for name in ["refused", "old", "pinned", "astray", "slow", "unknown", "internal"] {
                    try daemon.deploy(name, TestDaemon.marked(name, name: name))
                }
                try daemon.deploy("new", TestDaemon.marked("new", name: "new"))
                try daemon.deploy("new", TestDaemon.marked("newer", name: "new"))
                for name in ["traced", "untraced", "plain"] { try deployShell(name, daemon) }
                let client = try await daemon.client()

                let refused = try daemon.fnrpc("invoke", "demo/refused", "-d", "{}")
                #expect(refused.code == 9 && refused.errors.contains("not on a Saturday"), "\(refused)")
                for (name, text) in [("unknown", "for no reason of note"), ("internal", "a fault of the plug-in")] {
                    let refused = try daemon.fnrpc("invoke", "demo/" + name, "-d", "{}")
                    #expect(refused.code == 4 && refused.errors.hasPrefix("fnrpc: \(text)"), "\(refused)")
                    #expect(!daemon.log.contains(text), "it is no fault of the daemon")
                }
                #expect(try await client.mark("old") == "newer ")
                #expect(try await client.mark("pinned") == "new ", "version 1")
                let astray = try daemon.fnrpc("invoke", "demo/astray", "-d", "{}")
                #expect(astray.code == 3 && astray.errors.contains("an extension sent the call"), "\(astray)")
                #expect(try await client.mark("slow") == "slow ")
                let slow = try daemon.fnrpc("invoke", "demo/slow", "-d", #"{"sleep":20}"#, "--timeout", "10s")
                #expect(slow.code == 6, "its time is 4 s: \(slow)")

                for (name, sent, got) in [
                    ("plain", Self.trace, Self.trace), ("plain", nil, "none"), ("traced", nil, Self.trace),
                    ("untraced", Self.trace, "none"),
                ] {
                    let reply = try await client.call(
                        service: "fnrpc.v1.Invocation", method: "Invoke",
                        payload: InvokeBody(payload: [], contentType: "text/plain").encoded(
                            for: InvokeTarget(app: "demo", function: name)),
                        metadata: sent.map { [Header("traceparent", $0)] } ?? [])
                    let text = String(
                        decoding: try reply.payload.withUnsafeBytes { try InvokeBody(decoding: $0).payload },
                        as: UTF8.self)
                    #expect(text == got, "\(name)")
                }
                // Every call is told, whatever became of it; by the function that it went to.
                try await eventually("all calls are told") { try plugIn.lines().count == 13 }
                let told = try plugIn.lines()[1...].sorted()
                #expect(
                    told
                        == [
                            "astray 1 error", "internal 1 error", "new 1 success", "new 2 success", "plain 1 success",
                            "plain 1 success",
                            "refused 1 error", "slow 1 success", "slow 1 timeout", "traced 1 success",
                            "unknown 1 error", "untraced 1 success",
                        ], "\(told)")
                await client.close()
            }
        }
    }

    /// Whatever becomes of a call, its record says what its caller asked for.
    @Test func aCallThatIsSentElsewhereKeepsWhatWasAskedFor() async throws {
        try await withPlugIn(Self.script) { plugIn in
            try await withDaemon(plugIn.option("calls", "timeout=20s")) { daemon in
                try daemon.deploy("pinned", TestDaemon.marked("pinned", name: "pinned"))
                for code in ["one", "two"] { try daemon.deploy("new", TestDaemon.marked(code, name: "new")) }
                let client = try await daemon.client()
                let _: Alias = try await client.ask(
                    "Aliases/Create", CreateAliasRequest(app: "demo", function: "pinned", name: "prod", version: 1))
                let _: Trigger = try await client.ask(
                    "Triggers/Create",
                    CreateTriggerRequest(app: "demo", name: "t", source: "/t", function: "pinned", alias: "prod"))
                for revision in [FunctionRevision.latest, .version(1), .alias("prod")] {
                    #expect(try await client.mark("pinned", revision) == "one ")
                }
                #expect(
                    try await client.invoke(
                        .path(app: "demo", path: "/t"), payload: Array("{}".utf8), contentType: "application/json"
                    ).version == 1)
                var calls: [String] = []
                try await eventually("four records") {
                    let list: ListCallsResponse = try await client.ask(
                        "Calls/List", ListCallsRequest(app: "demo", function: "new"))
                    calls = list.calls.map { "\($0.version) \($0.requestedVersion) \($0.requestedAlias)" }
                    return calls.count == 4
                }
                #expect(calls.sorted() == ["1 0 ", "1 0 prod", "1 0 prod", "1 1 "])
                await client.close()
            }
        }
    }

    @Test func theFailChoiceHoldsForCalls() async throws {
        for fail in ["closed", "open"] {
            try await withPlugIn(Self.script) { plugIn in
                try await withDaemon(plugIn.option("calls", "timeout=500ms,fail=\(fail)")) { daemon in
                    for name in ["refused", "mark"] {
                        try daemon.deploy(name, TestDaemon.marked(name, name: name))
                    }
                    func call(_ name: String) throws -> TestDaemon.CommandResult {
                        try daemon.fnrpc("invoke", "demo/" + name, "-d", "{}")
                    }
                    #expect(try call("mark").code == 0 && call("refused").code == 9)
                    plugIn.hang()
                    let hung = try [call("mark"), call("refused")]
                    plugIn.goOn()
                    try await eventually("it answers again") { try call("refused").code == 9 }
                    plugIn.die()
                    let dead = try [call("mark"), call("refused")]
                    for result in hung + dead {
                        if fail == "closed" {
                            #expect(result.code == 8 && result.errors.contains("extension calls: "), "\(result)")
                        } else {
                            #expect(result.code == 0, "\(result)")
                        }
                    }
                    try await plugIn.start()
                    try await eventually("it is asked again") { try call("refused").code == 9 }
                    #expect(try call("mark").code == 0)
                }
            }
        }
    }
}
