import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// Aliases, triggers and routes with real calls.
@Suite struct CatalogPathsTests {
    private func version(_ client: Client, metadata: [Header] = []) async throws -> String? {
        let target = InvokeTarget(app: "demo", function: "mark", alias: "prod")
        let body = InvokeBody(payload: Array("{}".utf8), contentType: "application/json")
        return try await client.call(
            service: "fnrpc.v1.Invocation", method: "Invoke", payload: body.encoded(for: target), metadata: metadata
        ).metadata("fnrpc-version")
    }

    @Test func anAliasDividesCalls() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("mark", TestDaemon.marked("one"))
            try daemon.deploy("mark", TestDaemon.marked("two"))
            let client = try await daemon.client()
            let _: Alias = try await client.ask(
                "Aliases/Create",
                CreateAliasRequest(
                    app: "demo", function: "mark", name: "prod", version: 1, secondVersion: 2, secondWeight: 2000))
            let second = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        var second = 0
                        for _ in 0..<250 where try await version(client) == "2" { second += 1 }
                        return second
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect((340...460).contains(second), "20 % of 2000, within 3 %")

            let _: Alias = try await client.ask(
                "Aliases/Update",
                UpdateAliasRequest(
                    app: "demo", function: "mark", alias: "prod", secondWeight: 5000, stickyKey: "user"))
            var seen: Set<String> = []
            for user in 0..<20 {
                let first = try #require(try await version(client, metadata: [Header("user", "\(user)")]))
                for _ in 0..<5 {
                    #expect(try await version(client, metadata: [Header("user", "\(user)")]) == first)
                }
                seen.insert(first)
            }
            #expect(seen == ["1", "2"])

            // A trigger follows its alias, and a roll back is seen by the next call.
            let _: Trigger = try await client.ask(
                "Triggers/Create",
                CreateTriggerRequest(app: "demo", name: "door", source: "/door", function: "mark", alias: "prod"))
            let _: Alias = try await client.ask(
                "Aliases/Update",
                UpdateAliasRequest(
                    app: "demo", function: "mark", alias: "prod", version: 2, secondVersion: 0, secondWeight: 0))
            let door = InvocationTarget.path(app: "demo", path: "/door")
            #expect(try await client.invoke(door, payload: Array("{}".utf8)).version == 2)
            let _: Alias = try await client.ask(
                "Aliases/Update", UpdateAliasRequest(app: "demo", function: "mark", alias: "prod", version: 1))
            #expect(try await client.invoke(door, payload: Array("{}".utf8)).version == 1)
            let back: Alias = try await client.ask(
                "Aliases/Rollback", RollbackAliasRequest(app: "demo", function: "mark", alias: "prod"))
            #expect(back.target.version == 2 && back.history.first?.version == 1)
            #expect(try await client.invoke(door, payload: Array("{}".utf8)).version == 2)
            let used = await client.failure(
                "Aliases/Delete", DeleteAliasRequest(app: "demo", function: "mark", alias: "prod"))
            #expect(used?.code == .precondition && used?.message.contains("door") == true)
            await client.close()
        }
    }

    /// Speaks HTTP on a socket, with the standard library only.
    private static let server = """
        #!/usr/bin/python3
        import http.server, os, socketserver
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                names = ("Fn-Http-Method", "Fn-Http-Request-Url", "Fnrpc-Path-Param-Id")
                body = " ".join(self.headers.get(name, "-") for name in names).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def address_string(self):
                return "local"
        path = os.environ["FN_LISTENER"].removeprefix("unix:")
        class Server(socketserver.ThreadingUnixStreamServer):
            pass
        server = Server(path + ".new", Handler)
        os.chmod(path + ".new", 0o666)
        os.rename(path + ".new", path)
        server.serve_forever()

        """

    @Test func aPathReachesItsFunctionWithItsParameters() async throws {
        try await withDaemon { daemon in
            try daemon.deploy(
                "shell",
                [
                    "func.yaml": "name: shell\nruntime: shell\nentry: run.sh\nmemory: 32\n",
                    "run.sh": "echo -n \"$FN_HTTP_METHOD $FN_HTTP_REQUEST_URL ${FN_PATH_PARAM_ID:--}\"\n",
                ])
            let folder = try daemon.write(
                "server",
                [
                    "func.yaml": "name: server\nruntime: binary\nentry: server\nformat: http-stream\nmemory: 64\n",
                    "server": Self.server,
                ])
            chmod(folder + "/server", 0o755)
            #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
            let client = try await daemon.client()
            for (name, source, function) in [
                ("exact", "/items/1", "shell"), ("parameter", "/items/:id", "shell"), ("prefix", "/items/*", "server"),
                ("http", "/http/:id", "server"),
            ] {
                let _: Trigger = try await client.ask(
                    "Triggers/Create", CreateTriggerRequest(app: "demo", name: name, source: source, function: function)
                )
            }
            func say(_ path: String, _ query: String = "") async throws -> String {
                let reply = try await client.invoke(
                    .path(app: "demo", method: "GET", path: path, query: query), payload: [], timeout: .seconds(30))
                return String(decoding: reply.payload, as: UTF8.self)
            }
            #expect(try await say("/items/1") == "GET /items/1 -")
            #expect(try await say("/items/2", "a=b") == "GET /items/2?a=b 2")
            #expect(try await say("/items/2/3") == "GET /items/2/3 -")
            #expect(try await say("/http/x%20y", "q") == "GET /http/x%20y?q x y")
            let _: Trigger = try await client.ask(
                "Triggers/Update", UpdateTriggerRequest(app: "demo", trigger: "exact", source: "/moved"))
            #expect(try await say("/items/1") == "GET /items/1 1")
            #expect(try await say("/moved") == "GET /moved -")
            let taken = await client.failure(
                "Triggers/Create", CreateTriggerRequest(app: "demo", name: "again", source: "/moved", function: "shell")
            )
            #expect(taken?.code == .exists)
            await client.close()
        }
    }

    @Test func aRouteIsAFunctionAndATrigger() async throws {
        try await withDaemon { daemon in
            let client = try await daemon.client()
            let route: Route = try await client.ask(
                "Routes/Create", CreateRouteRequest(app: "made", path: "/now", image: "registry/now:1", memoryMiB: 64))
            let _: Route = try await client.ask(
                "Routes/Create",
                CreateRouteRequest(app: "made", path: "/later", image: "registry/later:1", type: "async"))
            let _: App = try await client.ask("Apps/Get", GetAppRequest(app: "made"))
            let function: Function = try await client.ask(
                "Functions/Get", GetFunctionRequest(app: "made", function: route.functionName))
            #expect(function.spec.image == "registry/now:1" && function.spec.memoryMiB == 64)
            let trigger: Trigger = try await client.ask(
                "Triggers/Get", GetTriggerRequest(app: "made", trigger: route.triggerName))
            #expect(trigger.source == "/now" && trigger.functionID == function.meta.id)
            for (path, word) in [("/now", "image"), ("/later", "async")] {
                let refused = await #expect(throws: ClientError.self) {
                    _ = try await client.invoke(.path(app: "made", path: path), payload: [])
                }
                #expect(refused?.code == .unimplemented && refused?.message.contains(word) == true, "\(refused as Any)")
            }
            let same = await client.failure(
                "Routes/Create", CreateRouteRequest(app: "other", path: "/x", image: "other"))
            #expect(same?.code == .invalid, "\(same as Any)")
            let absent = await client.failure("Apps/Get", GetAppRequest(app: "other"))
            #expect(absent?.code == .notFound)
            let deletion: Deletion = try await client.ask(
                "Routes/Delete", DeleteRouteRequest(app: "made", path: "/now"))
            #expect(Set(deletion.entities.map(\.kind)) == ["function", "trigger"])
            await client.close()
        }
    }
}
