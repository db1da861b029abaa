import Foundation
import Testing

/// Calls that are sent behind the one that runs.
@Suite(.serialized) struct AheadTests {
    /// Takes one call after the other. Exits with 3 if another call is there already, else with 4.
    private static let server = """
        import os, select, socket, struct, time
        path = os.environ["FNRPC_LISTENER"][5:]
        server = socket.socket(socket.AF_UNIX)
        server.bind(path + ".new")
        server.listen(1)
        os.rename(path + ".new", path)
        peer = server.accept()[0]
        file = peer.makefile("rb", buffering=0)
        def read(count):
            data = b""
            while len(data) < count:
                part = file.read(count - len(data))
                if not part:
                    os._exit(0)
                data += part
            return data
        while True:
            length, stream, kind, flags = struct.unpack(">IIBB", read(10))
            data = read(length)
            if b"pause" in data:
                time.sleep(0.05)
            if b"slow" in data:
                time.sleep(0.7)
            if b"crash" in data:
                time.sleep(0.2)
                os._exit(3 if select.select([peer], [], [], 0)[0] else 4)
            peer.sendall(struct.pack(">IIBB", 6, stream, 2, 0) + bytes([18, 4, 10, 2, 111, 107]))

        """

    private struct Trial {
        let connection: RawConnection
        private func open(_ word: String, timeout: Int64 = 0) throws -> UInt32 {
            try connection.open(WireTests.invoke, WireTests.invocation("queue", word), timeout: timeout)
        }

        /// Short calls, so that the function is known as one of such; then one that makes the next three wait.
        ///
        /// - Returns: how those ended.
        func run(_ word: String, timeout first: Int64 = 0, then second: Int64 = 0) throws -> [Answer] {
            for _ in 0..<30 { #expect(try connection.answer(try open("x")).code == 0) }
            let calls = [
                try open("pause"), try open(word, timeout: first), try open("x", timeout: second), try open("x"),
            ]
            var answers: [UInt32: Answer] = [:]
            while answers.count < calls.count {
                let frame = try connection.frame()
                #expect(answers.updateValue(Answer(frame.data), forKey: frame.id) == nil, "answered twice")
            }
            #expect(answers[calls[0]]?.code == 0)
            return calls.dropFirst().compactMap { answers[$0] }
        }
    }

    private func trial(_ body: (Trial) throws -> Void) async throws {
        try await withDaemon { daemon in
            try daemon.deploy(
                "queue",
                [
                    "func.yaml": "name: queue\nruntime: python\nformat: ttrpc\nqueue_ahead: true\nmax_containers: 1\n"
                        + "memory: 64\nentrypoint: [/usr/bin/python3, /function/server.py]\n",
                    "server.py": Self.server,
                ])
            try body(Trial(connection: try RawConnection(unix: daemon.socket)))
        }
    }

    @Test(.timeLimit(.minutes(2))) func whatDidNotBeginBeforeACrashRunsElsewhere() async throws {
        try await trial { trial in
            // On a busy machine its calls may not be short by measure.
            while true {
                let answers = try trial.run("crash")
                #expect(answers.map { $0.code == 0 } == [false, true, true], "\(answers)")
                if answers[0].message.contains("it exited with code 3") { break }
                #expect(answers[0].message.contains("it exited with code 4"), "\(answers)")
            }
        }
    }

    @Test func whoGivesUpBehindAnotherCallHarmsNobody() async throws {
        try await trial { trial in
            let answers = try trial.run("slow", then: 300_000_000)
            #expect(answers.map { $0.code } == [0, 4, 0], "\(answers)")
            #expect(answers[1].message.contains("waiting for a container"), "\(answers)")
        }
    }

    @Test func whoComesAfterOneThatGivesUpIsServed() async throws {
        try await trial { trial in
            let answers = try trial.run("slow", timeout: 300_000_000)
            #expect(answers.map { $0.code } == [4, 0, 0], "\(answers)")
        }
    }

    @Test func manyCallersAreAnsweredEachTheirOwn() async throws {
        try await withDaemon { daemon in
            try daemon.deployEcho(
                as: "echo", yaml: "memory: 32\nqueue_ahead: true\nmax_containers: 2\nmax_calls: 500\n")
            let client = try await daemon.client()
            let failures = await withTaskGroup(of: String?.self, returning: [String].self) { group in
                for caller in 0..<32 as Range<UInt8> {
                    group.addTask {
                        for round in 0..<100 as Range<UInt8> {
                            do {
                                let reply = try await client.invoke(
                                    app: "demo", function: "echo", payload: [caller, round])
                                if reply.payload != [caller, round] { return "\(reply.payload)" }
                            } catch { return "\(error)" }
                        }
                        return nil
                    }
                }
                return await group.reduce(into: []) { if let text = $1 { $0.append(text) } }
            }
            #expect(failures == [])
            await client.close()
        }
    }
}
