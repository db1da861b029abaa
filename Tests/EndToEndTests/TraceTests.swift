import Foundation
import Testing

@Suite(.serialized) struct TraceTests {
    private static let id = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let parent = "00-\(id)-00f067aa0ba902b7-01"

    /// Says the header that came with the call; HTTP over a Unix socket, as format http-stream wants it.
    private static let server = """
        import http.server, os, socketserver

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = (self.headers.get("traceparent") or "none").encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def address_string(self):
                return "local"

        socketserver.UnixStreamServer(os.environ["FN_LISTENER"].removeprefix("unix:"), Handler).serve_forever()
        """

    /// Functions of both contracts get the header as the caller wrote it, and the record has its id.
    @Test func theTraceGoesThroughAndIsRecorded() async throws {
        try await withDaemon { daemon in
            let shell = try daemon.write(
                "shell",
                [
                    "func.yaml": "name: shell\nruntime: shell\nentry: f.sh\n",
                    "f.sh": "printf %s \"${FN_HEADER_TRACEPARENT-none}\"",
                ])
            let http = try daemon.write(
                "http",
                [
                    "func.yaml":
                        "name: http\nformat: http-stream\nruntime: python\n"
                        + "entrypoint: [/usr/bin/python3, /function/server.py]\n",
                    "server.py": Self.server,
                ])
            for (name, folder) in [("shell", shell), ("http", http)] {
                let deployed = try daemon.fnrpc("deploy", folder, "--app", "demo")
                #expect(deployed.code == 0, "\(deployed)")
                #expect(try invoke(daemon, name, []) == "none")
                #expect(try record(daemon, name)["trace_id"] is NSNull)
                #expect(try invoke(daemon, name, ["--metadata", "traceparent=\(Self.parent)"]) == Self.parent)
                let traced = try record(daemon, name)
                #expect(traced["trace_id"] as? String == Self.id)
                let shown = try daemon.fnrpc("call", "get", try #require(traced["id"] as? String))
                #expect(shown.output.contains(Self.id), "\(shown)")
            }
        }
    }

    /// Who looks for a trace finds what the daemon did and what it could not do.
    @Test func logsNameTheTrace() async throws {
        try await withDaemon { daemon in
            let create = try daemon.fnrpc(
                "rpc", "fnrpc.v1.Apps/Create", "-d", #"{"name":"shop"}"#, "--metadata", "traceparent=\(Self.parent)")
            #expect(create.code == 0, "\(create)")
            let audit = try String(contentsOfFile: daemon.folder + "/data/audit.log", encoding: .utf8)
            #expect(audit.hasSuffix(",\"trace\":\"\(Self.id)\"}\n"), "\(audit)")

            let folder = try daemon.write("hello", MainJobTests.hello)
            #expect(try daemon.fnrpc("deploy", folder, "--app", "shop").code == 0)
            let packages = daemon.folder + "/data/packages"
            for name in try FileManager.default.contentsOfDirectory(atPath: packages) {
                try FileManager.default.removeItem(atPath: packages + "/" + name)
            }
            #expect(
                try daemon.fnrpc(
                    "rpc", "fnrpc.v1.Invocation/Invoke", "-d", #"{"app":"shop","function":"hello"}"#, "--metadata",
                    "traceparent=\(Self.parent)"
                ).code != 0)
            #expect(daemon.log.contains(" (trace \(Self.id)): "), "\(daemon.log)")
        }
    }

    private func invoke(_ daemon: TestDaemon, _ name: String, _ options: [String]) throws -> String {
        let result = try TestDaemon.run(
            TestDaemon.binaries + "/fnrpc",
            ["rpc", "fnrpc.v1.Invocation/Invoke", "-d", "{\"app\":\"demo\",\"function\":\"\(name)\"}"] + options,
            environment: ["FNRPC_ADDRESS": "unix:" + daemon.socket])
        #expect(result.code == 0, "\(result)")
        let json = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        let payload = try #require(json?["payload"] as? String)
        return String(decoding: try #require(Data(base64Encoded: payload)), as: UTF8.self)
    }

    /// The youngest call of a function.
    private func record(_ daemon: TestDaemon, _ name: String) throws -> [String: Any] {
        let list = try daemon.fnrpc("call", "list", "demo/\(name)", "--limit", "1", "--output", "json")
        let json = try JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [String: Any]
        let calls = try #require(json?["calls"] as? [[String: Any]])
        return try #require(calls.first)
    }
}
