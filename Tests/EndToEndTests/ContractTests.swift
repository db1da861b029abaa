import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// Every contract with real functions in real containers.
@Suite struct ContractTests {
    private static func example(_ name: String) -> String { TestDaemon.repository.path + "/examples/" + name }

    private func text(_ stream: InvocationStream, _ body: String = "") async throws -> String {
        if !body.isEmpty { try await stream.send(Array(body.utf8)) }
        try await stream.finish()
        var bytes: [UInt8] = []
        while let part = try await stream.receive() { bytes += part }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(arguments: [
        ("hello-json", "Ada", "Hello, Ada!\n", "greeting Ada in call "),
        ("hello-c", "Ada", "Hello, Ada!\n", " of /invoke"),
        ("hello-swift", "Ada", "Hello, Ada, from Swift!\n", "POST /invoke HTTP/1.1 is call "),
        ("hello-event", #"{"name": "Ada"}"#, #"{"message":"Hello, Ada!"}"#, "greeting Ada in event "),
        ("hello-shell", "Ada", "Hello, Ada!\n", "greeting Ada"),
        ("hello-fdk", #"{"name": "Ada"}"#, #"{"message": "Hello, Ada!"}"#, "greeting Ada in call "),
        ("hello-python", #"{"name": "Ada"}"#, #"{"message":"Hello, Ada!"}"#, "greeting Ada"),
    ])
    func anExampleAnswersUnaryAndStreamedCalls(name: String, body: String, answer: String, log: String) async throws {
        try await withDaemon { daemon in
            let deployed = try daemon.fnrpc("deploy", Self.example(name), "--app", "demo")
            try #require(deployed.code == 0, "\(deployed.errors)")
            let client = try await daemon.client()
            for _ in 0..<2 {
                let unary = try daemon.fnrpc("invoke", "demo/\(name)", "-d", body, "--log")
                #expect(unary.output == answer && unary.errors.contains(log), "\(unary)")
                #expect(!unary.errors.contains("FNRPC_CALL"), "\(unary.errors)")
                if name == "hello-python" { continue }
                let streamed = try await text(try await client.invokeStream(app: "demo", function: name), body)
                #expect(streamed == answer)
            }
            await client.close()
        }
    }

    @Test func oneContainerServesUnaryAndStreamedCallsInTurn() async throws {
        try await withDaemon { daemon in
            #expect(try daemon.fnrpc("deploy", Self.example("count-json"), "--app", "demo").code == 0)
            let client = try await daemon.client()
            for count in stride(from: 1, to: 20, by: 2) {
                let reply = try await client.invoke(app: "demo", function: "count-json", payload: [])
                #expect(reply.payload == Array("\(count)\n".utf8) && reply.contentType == "text/plain")
                let stream = try await client.invokeStream(app: "demo", function: "count-json")
                #expect(try await text(stream, "x") == "\(count + 1)\n")
            }
            await client.close()
        }
    }

    /// Does with a call what its body says; counts the calls of its process.
    private static let hostile = """
        count=0
        while read -r call; do
            count=$((count + 1))
            case $call in
            *garbage*) echo garbage ;;
            *excess*) echo '{"body":"full"} and more' ;;
            *leave*) echo leaving >&2; exit 3 ;;
            *sleep*) sleep 60 ;;
            *closed*) exec >&-; sleep 60 ;;
            *much*) printf '{"body":"'; head -c 9000000 /dev/zero | tr '\\0' x ;;
            *late*) echo '{"body":"late"}'; sleep 0.1; echo surprise ;;
            *) echo "{\\"body\\":\\"$count\\"}" ;;
            esac
        done

        """

    @Test(.timeLimit(.minutes(5)))
    func whatBreaksAFunctionOnPipesIsToldAndForgotten() async throws {
        try await withDaemon { daemon in
            // Only one has little time: the machine may be busy.
            for (name, limit) in [("hostile", 30), ("sleepy", 2)] {
                try daemon.deploy(
                    name,
                    [
                        "func.yaml": "name: \(name)\nruntime: shell\nentry: run.sh\nformat: json\ntimeout: \(limit)\n",
                        "run.sh": Self.hostile,
                    ])
            }
            for (body, code, message) in [
                ("garbage", 5, "it broke format json: its answer is not a JSON object"),
                ("leave", 5, "it exited with code 3; the end of its log: leaving"),
                ("closed", 5, "it closed its standard output"),
                ("much", 5, "it broke format json: its JSON is over the limit of 8388608 bytes"),
                ("excess", 0, ""), ("late", 0, ""), ("sleep", 6, "timed out after 2.000 s"),
            ] as [(String, Int32, String)] {
                let name = body == "sleep" ? "sleepy" : "hostile"
                let result = try daemon.fnrpc("invoke", "demo/\(name)", "-d", body)
                #expect(result.code == code && result.errors.contains(message) != message.isEmpty, "\(body): \(result)")
                if body == "excess" { #expect(result.output == "full") }
                if body == "late" {
                    // Its container goes when it has spoken out of turn.
                    try await eventually("the container ends") {
                        try daemon.fnrpc("system", "info").output.contains("containers:      0")
                    }
                }
                #expect(try daemon.fnrpc("invoke", "demo/\(name)", "-d", "x").output == "1", "after \(body)")
                #expect(try daemon.fnrpc("invoke", "demo/\(name)", "-d", "x").output == "2", "after \(body)")
                let client = try await daemon.client()
                let stream = try await client.invokeStream(app: "demo", function: name)
                do {
                    let answer = try await text(stream, body)
                    #expect(body == "excess" && answer == "full" || body == "late" && answer == "late", "\(body)")
                } catch let error as ClientError {
                    #expect(error.message.contains(message.prefix { $0 != ";" }) && code != 0, "\(error)")
                }
                await client.close()
                if body == "late" { continue }
                #expect(try daemon.fnrpc("invoke", "demo/\(name)", "-d", "x").output == "1", "after \(body) streamed")
            }
        }
    }

    @Test func aCancelledCallOnPipesEndsItsContainer() async throws {
        try await withDaemon { daemon in
            try daemon.deploy(
                "hostile",
                [
                    "func.yaml":
                        "name: hostile\nruntime: shell\nentry: run.sh\nformat: json\nmemory: 32\ntimeout: 60\n",
                    "run.sh": Self.hostile,
                ])
            let client = try await daemon.client()
            #expect(try await client.invoke(app: "demo", function: "hostile", payload: []).payload == Array("1".utf8))
            let running = Task {
                try await client.invoke(app: "demo", function: "hostile", payload: Array("sleep".utf8))
            }
            try await eventually("the call runs") {
                try daemon.fnrpc("system", "info").output.contains("1 of 2 finished")
            }
            running.cancel()
            await #expect(throws: ClientError.self) { try await running.value }
            #expect(try await client.invoke(app: "demo", function: "hostile", payload: []).payload == Array("1".utf8))
            await client.close()
        }
    }

    @Test func theEnvironmentIsTheDaemonsFirst() async throws {
        try await withDaemon { daemon in
            #expect(
                try daemon.fnrpc("app", "create", "demo", "--config", "A=app", "--config", "FN_CALL_ID=app").code == 0)
            let yaml = """
                name: env
                runtime: shell
                entry: run.sh
                memory: 32
                config: {B: "function", FN_APP_NAME: "forged", FN_HEADER_PATH: "forged", path: "lower"}

                """
            let deployed = try daemon.fnrpc(
                "deploy", try daemon.write("env", ["func.yaml": yaml, "run.sh": "env\n"]), "--app", "demo")
            #expect(deployed.errors.contains("config: FN_APP_NAME: has no effect"), "\(deployed)")
            let client = try await daemon.client()
            let headers = [
                Header("Path", "/evil"), Header("LD_PRELOAD", "evil.so"), Header("X-Two", "1"), Header("x-two", "2"),
                Header("Host", "example.org"),
            ]
            let _: Trigger = try await client.ask(
                "Triggers/Create", CreateTriggerRequest(app: "demo", name: "t", source: "/e/:id", function: "env"))
            let path = try await client.invoke(
                .path(app: "demo", method: "PUT", path: "/e/7", query: "q=1"), payload: [], contentType: "a/b",
                headers: headers)
            let lines = Set(String(decoding: path.payload, as: UTF8.self).split(separator: "\n"))
            for line in [
                "A=app", "B=function", "path=lower", "FN_APP_NAME=demo", "FN_FN_NAME=env", "FN_FORMAT=default",
                "FN_MEMORY=32", "FN_TYPE=sync", "FNRPC_VERSION=1", "FN_PATH=/e/:id", "FN_METHOD=PUT",
                "FN_REQUEST_URL=http://example.org/e/7?q=1", "FN_HTTP_REQUEST_URL=http://example.org/e/7?q=1",
                "FN_PATH_PARAM_ID=7", "FN_HEADER_PATH=/evil", "FN_HEADER_LD_PRELOAD=evil.so", "FN_HEADER_X_TWO=1, 2",
                "FN_HEADER_CONTENT_TYPE=a/b", "FN_CALL_ID=\(path.callID ?? "?")", "PATH=/usr/local/bin:/usr/bin:/bin",
            ] { #expect(lines.contains(Substring(line)), "\(line) of \(lines.sorted())") }
            #expect(!lines.contains { $0.hasPrefix("LD_PRELOAD") || $0.contains("forged") || $0.hasPrefix("TASK_ID") })
            let name = try await client.invoke(app: "demo", function: "env", payload: [])
            #expect(String(decoding: name.payload, as: UTF8.self).contains("\nFN_PATH=/invoke\n"))
            await client.close()
        }
    }

    /// A function of Fn's own kit that shows what it was told.
    private static let fdk = [
        "requirements.txt": "fdk\n",
        "func.yaml":
            "name: kit\nruntime: python\nentrypoint: /python/bin/fdk /function/func.py handler\nmemory: 256\n",
        "func.py": """
        import io, json
        from fdk import response

        def handler(ctx, data: io.BytesIO = None):
            body = data.getvalue().decode()
            if body == "fail":
                raise ValueError("as asked")
            print("working on", body)
            told = {"id": ctx.CallID(), "method": ctx.Method(), "url": ctx.RequestURL(), "headers": ctx.HTTPHeaders()}
            return response.Response(
                ctx, response_data=json.dumps(told), status_code=404, headers={"X-Mine": "1"})

        """,
    ]

    @Test func fnsOwnKitAnswersAsAGatewayAndByName() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("kit", Self.fdk)
            let client = try await daemon.client()
            let _: Trigger = try await client.ask(
                "Triggers/Create", CreateTriggerRequest(app: "demo", name: "t", source: "/kit/*", function: "kit"))
            let reply = try await client.invoke(
                .path(app: "demo", method: "PUT", path: "/kit/a%20b", query: "x=1"), payload: Array("one".utf8),
                contentType: "text/plain", headers: [Header("X-Asked", "yes"), Header("Host", "example.org")])
            let told = try #require(
                try JSONSerialization.jsonObject(with: Data(reply.payload)) as? [String: Any], "\(reply)")
            #expect(told["id"] as? String == reply.callID && told["method"] as? String == "PUT")
            #expect(told["url"] as? String == "http://example.org/kit/a%20b?x=1")
            let headers = try #require(told["headers"] as? [String: Any])
            #expect(headers.keys.contains { $0.lowercased() == "x-asked" }, "\(headers)")
            // Its status and headers, as a gateway reads them.
            #expect(
                reply.headers.contains { $0.name.lowercased() == "fn-http-status" && $0.value == "404" }, "\(reply)")
            #expect(
                reply.headers.contains { $0.name.lowercased() == "fn-http-h-x-mine" && $0.value == "1" }, "\(reply)")
            #expect(
                !reply.headers.contains { ["connection", "keep-alive"].contains($0.name.lowercased()) }, "\(reply)")
            // By name there is no status to give.
            let plain = try await client.invoke(app: "demo", function: "kit", payload: Array("two".utf8))
            #expect(!plain.headers.contains { $0.name.lowercased() == "fn-http-status" }, "\(plain)")
            let failed = await #expect(throws: ClientError.self) {
                try await client.invoke(app: "demo", function: "kit", payload: Array("fail".utf8))
            }
            #expect(failed?.code == .functionFailed, "\(failed as Any)")
            // Its container stays: after a stream, and longer than its connection.
            _ = try await text(try await client.invokeStream(app: "demo", function: "kit"), "three")
            try await Task.sleep(for: .seconds(1.2))
            _ = try await client.invoke(app: "demo", function: "kit", payload: Array("four".utf8))
            let calls = try daemon.fnrpc("call", "list", "demo/kit", "--output", "json").output
            let cold = calls.matches(of: /"cold_start_nanos": ?[0-9]/).count
            #expect(cold == 1, "\(calls)")
            for (name, id) in [("one", reply.callID), ("two", plain.callID)] {
                let log = try daemon.fnrpc("call", "logs", try #require(id)).output
                #expect(log.trimmingCharacters(in: .whitespacesAndNewlines) == "working on \(name)", "\(log)")
            }
            await client.close()
        }
    }
}
