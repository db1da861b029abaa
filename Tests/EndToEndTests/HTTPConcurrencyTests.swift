import FnrpcClient
import Foundation
import Testing

/// Functions of format `http-stream` that take several calls at once, each on a connection of its own.
@Suite struct HTTPConcurrencyTests {
    /// A thread for each connection, which the kernel lets wait one at a time. `meet N` answers when N such calls are there.
    private static let server = """
        import http.server, os, socket, socketserver, threading

        lock = threading.Condition()
        calls, meeting = 0, 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                global calls, meeting
                word, _, number = self.rfile.read(int(self.headers["Content-Length"])).decode().partition(" ")
                with lock:
                    calls += 1
                    answer = str(calls)
                    if number:
                        meeting += 1
                        lock.notify_all()
                        lock.wait_for(lambda: meeting >= int(number))
                if word == "leave":
                    os._exit(3)
                if word == "break":
                    self.close_connection = True
                    return self.connection.shutdown(socket.SHUT_RDWR)
                if word == "wait":
                    with lock:
                        lock.wait_for(lambda: meeting >= 1000, timeout=5)
                self.send_response(418 if word == "odd" else 200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True
            request_queue_size = 1

        Server(os.environ["FN_LISTENER"][5:], Handler).serve_forever()

        """

    private func deploy(_ concurrency: Int, to daemon: TestDaemon) throws {
        try daemon.deploy(
            "web",
            [
                "func.yaml": "name: web\nruntime: python\nformat: http-stream\nmax_containers: 1\nmemory: 64\n"
                    + "timeout: 60\nconcurrency: \(concurrency)\nentrypoint: [/usr/bin/python3, /function/server.py]\n",
                "server.py": Self.server,
            ])
    }

    /// The answers, or how the calls failed, in the order of the bodies.
    private func call(_ client: Client, _ bodies: [String], timeout: Duration? = nil) async -> [String] {
        await withTaskGroup(of: (Int, String).self, returning: [String].self) { group in
            for (index, body) in bodies.enumerated() {
                group.addTask {
                    do {
                        let reply = try await client.invoke(
                            app: "demo", function: "web", payload: Array(body.utf8),
                            timeout: body.hasPrefix("wait") ? timeout : nil)
                        return (index, String(decoding: reply.payload, as: UTF8.self))
                    } catch { return (index, "\(error)") }
                }
            }
            return await group.reduce(into: Array(repeating: "", count: bodies.count)) { $0[$1.0] = $1.1 }
        }
    }

    @Test func callsAtOnceHaveAConnectionEach() async throws {
        try await withDaemon { daemon in
            try deploy(8, to: daemon)
            let client = try await daemon.client()
            for round in 0..<3 {
                let answers = await call(client, Array(repeating: "meet \(8 * (round + 1))", count: 8))
                #expect(Set(answers) == Set((1...8).map { String($0 + 8 * round) }))
            }
            #expect(try daemon.containers(of: "demo/web") == 1)
            await client.close()
        }
    }

    /// The others of the same container are answered; the next call gets a new one.
    @Test(arguments: [
        ("break 3", "it closed its connection"), ("odd 3", "it answered with HTTP status 418"),
        ("wait 3", "timed out"),
    ])
    func whatBreaksOneCallLeavesTheOthers(body: String, message: String) async throws {
        try await withDaemon { daemon in
            try deploy(3, to: daemon)
            let client = try await daemon.client()
            // Its container is there before any clock runs.
            #expect(await call(client, ["x"]) == ["1"])
            let answers = await call(client, ["meet 3", body, "meet 3"], timeout: .seconds(2))
            #expect(Set([answers[0], answers[2]]).isSubset(of: ["2", "3", "4"]), "\(answers)")
            #expect(answers[1].contains(message), "\(answers)")
            #expect(await call(client, ["x"]) == ["1"])
            await client.close()
        }
    }

    @Test func whatEndsTheContainerFailsAllItsCalls() async throws {
        try await withDaemon { daemon in
            try deploy(3, to: daemon)
            let client = try await daemon.client()
            let answers = await call(client, ["leave 3", "wait 3", "wait 3"])
            #expect(answers.allSatisfy { $0.contains("it exited with code 3") }, "\(answers)")
            #expect(await call(client, ["x"]) == ["1"])
            await client.close()
        }
    }
}
