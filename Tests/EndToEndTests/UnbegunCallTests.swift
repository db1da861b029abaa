import Foundation
import Testing

/// Calls that reach a function too late, or never: others serve them, and nothing runs twice.
@Suite(.serialized, SharedDaemon([])) struct UnbegunCallTests {
    /// `leave`: answers each call and ends soon after, without having read another one. `deaf`: answers its first connection
    /// with its end, and no other. `drop`: runs a call, and closes its connection without an answer the second time.
    private static let server = """
        import os, socket, sys, time
        act = os.environ["ACT"]
        server = socket.socket(socket.AF_UNIX)
        server.bind("/tmp/iofs/new")
        server.listen(16)
        os.symlink("new", "/tmp/iofs/lsnr.sock")
        count = 0
        while True:
            peer = server.accept()[0]
            if act == "deaf":
                server.close()
                peer.close()
                time.sleep(600)
            file = peer.makefile("rb")
            while line := file.readline():
                length = 0
                while line.strip():
                    if line.lower().startswith(b"content-length:"): length = int(line[15:])
                    line = file.readline()
                file.read(length)
                count += 1
                print("ran", count, flush=True)
                if act == "drop" and count == 2: break
                answer = str(count).encode()
                peer.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(answer) + answer)
                if act == "leave":
                    time.sleep(int(time.time() * 1000) % 3 / 1000)
                    os._exit(0)
            file.close()
            peer.close()

        """

    private func deployServer(_ act: String) throws {
        try SharedDaemon.daemon.deploy(
            act,
            [
                "func.yaml": "name: \(act)\nruntime: python\nformat: http-stream\nmemory: 64\nmax_containers: 1\n"
                    + "entrypoint: [/usr/bin/python3, /function/server.py]\nconfig: {ACT: \(act)}\n",
                "server.py": Self.server,
            ])
    }

    /// Calls it again and again, each time as soon as the last answer is there.
    private func callWithoutPause(_ name: String, _ times: Int) throws {
        let connection = try SharedDaemon.connect()
        for index in 0..<times {
            let answer = try connection.call(WireTests.invoke, WireTests.invocation(name, ""))
            #expect(answer.code == 0, "call \(index): \(answer)")
        }
    }

    @Test func whatAnEndingHTTPFunctionDidNotReadRunsElsewhere() throws {
        try deployServer("leave")
        try callWithoutPause("leave", 20)
    }

    @Test func whatAnEndingFunctionOnPipesDidNotReadRunsElsewhere() throws {
        try SharedDaemon.daemon.deploy(
            "once",
            [
                "func.yaml": "name: once\nruntime: shell\nentry: f.sh\nformat: json\nmemory: 32\nmax_containers: 1\n",
                "f.sh": "#!/bin/sh\nread line\necho '{\"body\": \"ok\"}'\n",
            ])
        try callWithoutPause("once", 20)
    }

    /// Of a call that nobody takes the fourth container is the last.
    @Test func aCallDoesNotWanderForEver() throws {
        try deployServer("deaf")
        let answer = try SharedDaemon.connect().call(WireTests.invoke, WireTests.invocation("deaf", ""))
        #expect(answer.code == 2 && answer.reason == "FUNCTION_FAILED", "\(answer)")
        let text = "4 of its containers, one after the other, ended before they took the call; the last one: "
        #expect(answer.message.contains(text), "\(answer)")
    }

    @Test func whatWasReadDoesNotRunTwice() throws {
        let daemon = try SharedDaemon.daemon
        try deployServer("drop")
        let connection = try SharedDaemon.connect()
        let first = try connection.call(WireTests.invoke, WireTests.invocation("drop", "x"))
        #expect(Fields(first.payload).text(1) == "1", "\(first)")
        let second = try connection.call(WireTests.invoke, WireTests.invocation("drop", "x"))
        #expect(second.code == 2 && second.message.contains("it closed its connection without an answer"), "\(second)")
        #expect(second.message.contains("ran 2") && !second.message.contains("ran 3"), "\(second)")
        // The container takes no more calls.
        let third = try connection.call(WireTests.invoke, WireTests.invocation("drop", "x"))
        #expect(Fields(third.payload).text(1) == "1", "\(third)")
        #expect(try daemon.fnrpc("fn", "delete", "demo/drop").code == 0)
    }
}
