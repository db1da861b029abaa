import Foundation
import Testing

@Suite struct KeptContainerTests {
    /// They are there before any call, in place of what dies, after a crash of the daemon, and of a new version.
    @Test func theMinimumIsThereWithoutACall() async throws {
        try await withDaemon { daemon in
            func deploy(_ code: String) throws {
                try daemon.deploy(
                    "kept",
                    [
                        "func.yaml": """
                        name: kept
                        runtime: python
                        entry: func.handler
                        memory: 64
                        min_containers: 2
                        max_containers: 3

                        """,
                        "func.py": """
                        import os, threading
                        def handler(dies=False):
                            if dies: threading.Timer(0.1, os._exit, [1]).start()
                            return "\(code)"

                        """,
                    ])
            }
            /// The containers that are ready, once there are two and no others.
            func ready(_ what: String, but gone: Set<String> = []) async throws -> Set<String> {
                var found: Set<String> = []
                try await eventually(what) {
                    let rows = try daemon.fnrpc("worker", "list", "demo/kept").output.split(separator: "\n").dropFirst()
                    found = Set(
                        rows.filter { !$0.contains("starting") }.compactMap {
                            $0.split(separator: " ").first.map(String.init)
                        })
                    return rows.count == 2 && found.count == 2 && found.isDisjoint(with: gone)
                }
                return found
            }
            try deploy("1")
            let first = try await ready("two are there")
            #expect(try daemon.fnrpc("invoke", "demo/kept", "-d", "{}").output.contains("1"))
            // One dies while it is idle.
            #expect(try daemon.fnrpc("invoke", "demo/kept", "-d", "{\"dies\": true}").output.contains("1"))
            var second = first
            try await eventually("another one is in its place") {
                second = try await ready("two are there")
                return second.intersection(first).count == 1
            }
            daemon.crash()
            try daemon.start()
            let third = try await ready("the next daemon has its own", but: second)
            try deploy("2")
            _ = try await ready("the new version has its own", but: third)
            #expect(try daemon.fnrpc("invoke", "demo/kept", "-d", "{}").output.contains("2"))
            // An alias names an older version: both are kept.
            #expect(try daemon.fnrpc("alias", "set", "demo/kept", "prod", "1").code == 0)
            try await eventually("the older version has its own") {
                try daemon.containers(of: "demo/kept@1") == 2 && daemon.containers(of: "demo/kept") == 2
            }
        }
    }

    /// Of two functions that nobody calls any more, the one with `min_containers` keeps its container, though it was
    /// called first.
    @Test func theMinimumStaysWhenOthersLeave() async throws {
        try await withDaemon { daemon in
            for (name, least) in [("kept", 1), ("left", 0)] {
                let folder = try daemon.write(
                    name,
                    [
                        "func.yaml": """
                        name: \(name)
                        runtime: python
                        entry: func.handler
                        idle_timeout: 1
                        max_containers: 0
                        min_containers: \(least)

                        """,
                        "func.py": "calls = 0\ndef handler():\n    global calls\n    calls += 1\n    return calls\n",
                    ])
                #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
                #expect(try daemon.fnrpc("invoke", "demo/\(name)", "-d", "{}").output == "1")
            }
            try daemon.wait("one container is left") {
                Fields(try RawConnection(unix: daemon.socket).call("fnrpc.v1.System/Info").payload).number(13) == 1
            }
            #expect(try daemon.fnrpc("invoke", "demo/kept", "-d", "{}").output == "2")
        }
    }
}
