import Testing

@Suite struct KeptContainerTests {
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
