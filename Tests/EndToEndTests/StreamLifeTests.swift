import FnrpcClient
import Foundation
import Testing

/// What streams leave behind, and what they do to each other; two loops, so that callers and functions live on
/// different ones.
@Suite(.serialized, SharedDaemon(["--loops", "2"])) struct StreamLifeTests {
    private let chunk = Bytes(repeating: 0x63, count: 256 << 10)

    /// The first message of InvokeStream.
    private func opening(_ function: String, credit: Int? = nil) -> Bytes {
        WireTests.invocation(function) + (credit.map { Proto.field(7, varint: UInt64($0)) } ?? [])
    }

    @Test func aStreamThatNeverRunsDryKeepsNothingOfWhatItHasSent() throws {
        let daemon = try SharedDaemon.daemon
        let connection = try SharedDaemon.connect()
        let before = try daemon.status("VmRSS")
        let id = try connection.open(
            WireTests.generate, Proto.field(1, varint: 3000) + Proto.field(2, varint: 32 << 10), flags: 0x01)
        var (count, grown) = (0, 0)
        // Slower than it is made, so that there is always something that waits.
        while try connection.message(id) != nil {
            count += 1
            if count % 4 == 0 { usleep(2000) }
            // While it runs: its end frees everything.
            if count % 500 == 0 { grown = max(grown, try daemon.status("VmRSS") - before) }
        }
        #expect(count == 3000)
        #expect(grown < 32 << 10, "94 MiB were sent, \(grown) KiB stayed")
    }

    @Test func streamedCallsOfFunctionsLeaveNothing() throws {
        let daemon = try SharedDaemon.daemon
        try daemon.deployEcho()
        let connection = try SharedDaemon.connect()
        let metadata = [("filler", String(repeating: "m", count: 60 << 10))]
        func calls(_ count: Int) throws {
            for _ in 0..<count {
                let id = try connection.open(
                    "echo.v1.Echo/ServerStream", Proto.field(1, "x") + Proto.field(2, varint: 1), flags: 0x01,
                    metadata: metadata)
                while try connection.message(id) != nil {}
            }
        }
        try calls(50)
        let before = try daemon.status("VmRSS")
        try calls(800)
        let grown = try daemon.status("VmRSS") - before
        #expect(grown < 16 << 10, "800 calls with 60 KiB of metadata each left \(grown) KiB")
    }

    @Test func aStreamThatBreaksHarmsNoOtherCallOfItsContainer() throws {
        let daemon = try SharedDaemon.daemon
        // Closes the connection of every stream at its first message, and answers other calls after a second.
        let script = """
            import os, socket, struct, threading, time
            path = os.environ["FNRPC_LISTENER"][5:]
            def serve(peer):
                file = peer.makefile("rb")
                while header := file.read(10):
                    length, stream, kind, flags = struct.unpack(">IIBB", header)
                    file.read(length)
                    if kind == 3: return peer.shutdown(2)
                    if flags & 2: continue
                    time.sleep(1)
                    peer.sendall(struct.pack(">IIBB", 6, stream, 2, 0) + bytes([18, 4, 10, 2, 111, 107]))
            server = socket.socket(socket.AF_UNIX)
            server.bind(path + ".new")
            server.listen(16)
            os.rename(path + ".new", path)
            while True: threading.Thread(target=serve, args=[server.accept()[0]]).start()
            """
        let folder = try daemon.write(
            "fragile",
            [
                "func.yaml":
                    "name: fragile\nruntime: python\nformat: ttrpc\nconcurrency: 8\nmax_containers: 1\n"
                    + "entrypoint: [/usr/bin/python3, /function/server.py]\n",
                "server.py": script,
            ])
        let deployed = try daemon.fnrpc("deploy", folder, "--app", "demo")
        try #require(deployed.code == 0, "\(deployed)")
        let connection = try SharedDaemon.connect()
        let unary = try connection.open(WireTests.invoke, WireTests.invocation("fragile"))
        let stream = try connection.open(WireTests.invokeStream, flags: 0x02)
        try connection.send(.data(stream, opening("fragile")))
        let broken = try connection.answer(stream)
        #expect(broken.code == 2 && broken.message.contains("closed its connection"), "\(broken)")
        let answer = try connection.answer(unary)
        #expect(answer.code == 0 && Fields(answer.payload).text(1) == "ok", "\(answer)")
    }

    @Test func whoHoldsMostGoesFirst() throws {
        let daemon = try SharedDaemon.daemon
        try daemon.deploy("lonely", yaml: "max_containers: 1\n")
        let connection = try SharedDaemon.connect()
        // One runs; the others wait for its container.
        let ids = try (0..<3).map { _ in try connection.open(WireTests.invokeStream, flags: 0x02) }
        for id in ids { try connection.send(.data(id, opening("lonely"))) }
        let part = Proto.field(1, Bytes(chunk.dropLast(16)))
        for _ in 0..<63 { try connection.send(.data(ids[1], part)) }
        for _ in 0..<4 { try connection.send(.data(ids[2], part)) }
        let answer = try connection.answer(ids[1])
        #expect(answer.code == 8 && answer.quota == "max-input-mib", "\(answer)")
        #expect(try connection.isAliveAndQuiet(), "the modest one lives")
    }

    @Test func aCallerIsNeverSentMoreThanItAllowed() throws {
        try SharedDaemon.daemon.deploy("cat")
        let connection = try SharedDaemon.connect()
        let id = try connection.open(WireTests.invokeStream, flags: 0x02)
        try connection.send(.data(id, opening("cat", credit: 10)))
        let text = String(repeating: "0123456789", count: 10)
        try connection.send(.data(id, Proto.field(1, text) + Proto.field(8, varint: 1)))
        func payload(_ count: Int) throws -> String {
            var got = Bytes()
            while got.count < count {
                let message = try #require(try connection.message(id))
                got += Fields(message).part(1) ?? []
            }
            return String(decoding: got, as: UTF8.self)
        }
        #expect(try payload(10) == "0123456789")
        #expect(try connection.isAliveAndQuiet(), "no more without credit")
        try connection.send(.data(id, Proto.field(7, varint: 15)))
        #expect(try payload(15) == "012345678901234")
        #expect(try connection.isAliveAndQuiet())
        // Exactly what is left; the end needs no credit.
        try connection.send(.data(id, Proto.field(7, varint: 75)))
        #expect(try payload(75) == String(text.suffix(75)))
        #expect(try connection.message(id) == nil)
    }

    @Test func whoKeepsToItsCreditMayWaitForASlowFunction() async throws {
        let daemon = try SharedDaemon.daemon
        let folder = try daemon.write(
            "thinker",
            [
                "func.yaml": "name: thinker\nruntime: shell\nentry: run.sh\nmemory: 32\n",
                "run.sh": "sleep 2\nwc -c\n",
            ])
        #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
        let client = try await daemon.client()
        let stream = try await client.invokeStream(app: "demo", function: "thinker")
        let part = Bytes(repeating: 0x61, count: 8 << 10)
        for _ in 0..<512 { try await stream.send(part) }
        try await stream.finish()
        var answer = Bytes()
        while let bytes = try await stream.receive() { answer += bytes }
        #expect(String(decoding: answer, as: UTF8.self).contains("4194304"))
        await client.close()
    }

    @Test func aChangeThatIsNotAllowedIsInTheAuditLog() throws {
        let daemon = try SharedDaemon.daemon
        let connection = try SharedDaemon.connect()
        let request = Proto.field(1, "onlooker") + Proto.field(2, "read")
        let secret = Fields(try connection.call("fnrpc.v1.Tokens/Create", request).payload).text(2)
        let bearer = [("authorization", "Bearer " + secret)]
        let create = "fnrpc.v1.Apps/Create"
        #expect(try connection.call(create, Proto.field(1, "forbidden"), metadata: bearer).code == 7)
        let path = daemon.folder + "/data/audit.log"
        func lines(_ part: String) throws -> Int {
            try String(contentsOfFile: path, encoding: .utf8).components(separatedBy: part).count - 1
        }
        let line = "\"method\":\"fnrpc.v1.Apps/Create\",\"target\":{\"app\":\"forbidden\"},\"outcome\":"
        #expect(try lines(line) == 1)
        #expect(try lines("\"principal\":\"token onlooker\"") == 1)
        // Somebody who tries for ever does not drive the others out.
        for _ in 0..<200 { #expect(try connection.call(create, metadata: bearer).code == 7) }
        #expect((60...180).contains(try lines("\"principal\":\"token onlooker\"")))
        #expect(try connection.call(create, [0xFF]).code == 3)
        #expect(try lines("\"target\":{},\"outcome\":\"INVALID\"") == 1, "what does not parse too")
    }
}

@Suite struct StreamDrainTests {
    @Test func streamsThatAreOpenAtTheEndAreToldSo() async throws {
        try await withDaemon(["--loops", "2", "--drain-timeout", "0.2"]) { daemon in
            let connection = try RawConnection(unix: daemon.socket)
            let echo = try connection.open(WireTests.echoStream, flags: 0x02)
            try connection.send(.data(echo, []))
            #expect(try connection.message(echo) == [])
            let watch = try connection.open("grpc.health.v1.Health/Watch", flags: 0x01)
            #expect(try connection.message(watch) == [0x08, 1])
            let unnamed = try connection.open(WireTests.invokeStream, flags: 0x02)
            daemon.process.terminate()
            var codes: [UInt32: Int] = [:]
            while let frame = try connection.next() {
                if frame.type == RawFrame.response { codes[frame.id] = Answer(frame.data).code }
            }
            #expect(codes == [echo: 14, watch: 14, unnamed: 14])
            daemon.process.waitUntilExit()
            #expect(daemon.process.terminationStatus == 0)
        }
    }
}

extension TestDaemon {
    /// Deploys the example that speaks ttrpc, once.
    func deployEcho() throws {
        guard try fnrpc("fn", "get", "demo/echo-ttrpc").code != 0 else { return }
        let result = try fnrpc("deploy", Self.repository.path + "/examples/echo-ttrpc", "--app", "demo")
        try #require(result.code == 0, "\(result)")
    }
}
