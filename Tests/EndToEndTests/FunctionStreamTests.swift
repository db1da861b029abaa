import FnrpcClient
import Foundation
import Testing
import Wire

/// Bodies of any size and services of functions, through a real daemon into real containers.
@Suite(.serialized) struct FunctionStreamTests {
    private static let echo = TestDaemon.repository.path + "/examples/echo-ttrpc"
    /// More than any buffer on the way.
    private static let large = 24 << 20

    /// Bytes that do not repeat with any buffer's size.
    private static let block = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 11) }

    /// Sends a body and reads the answer at the same time; gives how many bytes came back unchanged.
    private func roundTrip(_ client: Client, _ function: String, _ total: Int) async throws -> Int {
        let stream = try await client.invokeStream(app: "demo", function: function, timeout: .seconds(60))
        async let received: Int = {
            var count = 0
            while let bytes = try await stream.receive() {
                let place = count % Self.block.count
                let whole = place + bytes.count <= Self.block.count
                guard !whole || Self.block[place..<(place + bytes.count)].elementsEqual(bytes) else { return -1 }
                count += bytes.count
            }
            return count
        }()
        for _ in 0..<(total / Self.block.count) { try await stream.send(Self.block) }
        try await stream.finish()
        return try await received
    }

    private func peakMemoryKiB(_ daemon: TestDaemon) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(daemon.process.processIdentifier)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(line.split(separator: " ").compactMap { Int($0) }.first)
    }

    @Test func bodiesOfAnySizePassWithConstantMemory() async throws {
        try await withDaemon { daemon in
            let cat = try daemon.write(
                "cat", ["func.yaml": "name: cat\nruntime: shell\nentry: cat.sh\ntimeout: 60\n", "cat.sh": "exec cat\n"])
            #expect(try daemon.fnrpc("deploy", cat, "--app", "demo").code == 0)
            #expect(try daemon.fnrpc("deploy", Self.echo, "--app", "demo").code == 0)
            let client = try await daemon.client()
            // Warm, so that only the bodies are measured.
            for function in ["cat", "echo-ttrpc"] {
                #expect(try await roundTrip(client, function, 4 << 20) == 4 << 20)
            }
            let before = try peakMemoryKiB(daemon)
            for function in ["cat", "echo-ttrpc"] {
                #expect(try await roundTrip(client, function, Self.large) == Self.large, "\(function)")
            }
            let grown = try peakMemoryKiB(daemon) - before
            #expect(grown < 12 << 10, "the daemon grew by \(grown) KiB for bodies of \(Self.large) bytes")
            await client.close()
            let calls = try daemon.fnrpc("call", "list", "demo").output
            #expect(calls.components(separatedBy: "success").count == 5, "\(calls)")
        }
    }

    @Test func aSlowReaderHoldsTheFunctionAndNotTheDaemon() async throws {
        try await withDaemon { daemon in
            let flood = try daemon.write(
                "flood",
                [
                    "func.yaml": "name: flood\nruntime: shell\nentry: flood.sh\ntimeout: 60\n",
                    "flood.sh": "head -c 400000000 /dev/zero\n",
                ])
            #expect(try daemon.fnrpc("deploy", flood, "--app", "demo").code == 0)
            let client = try await daemon.client()
            let before = try peakMemoryKiB(daemon)
            let stream = try await client.invokeStream(app: "demo", function: "flood", timeout: .seconds(60))
            try await stream.finish()
            _ = try await stream.receive()
            // Nobody reads now; calls on the same connection go on.
            for _ in 0..<200 { #expect(try await client.health() == .serving) }
            #expect(try peakMemoryKiB(daemon) - before < 16 << 10)
            stream.cancel()
            while try daemon.fnrpc("call", "list", "demo").output.contains("cancelled") == false {
                try await Task.sleep(for: .milliseconds(20))
            }
            await client.close()
        }
    }

    @Test func failuresOfStreamedCallsSayWhoseTheyAre() async throws {
        try await withDaemon { daemon in
            let half = try daemon.write(
                "half",
                [
                    "func.yaml": "name: half\nruntime: shell\nentry: half.sh\ntimeout: 4\n",
                    "half.sh": "read -r word; echo half; [ \"$word\" = fail ] && exit 7; sleep 30\n",
                ])
            #expect(try daemon.fnrpc("deploy", half, "--app", "demo").code == 0)
            let client = try await daemon.client()
            func outcome(_ word: String) async throws -> (String, ClientError?) {
                let stream = try await client.invokeStream(app: "demo", function: "half")
                var text: [UInt8] = []
                do throws(ClientError) {
                    try await stream.send(Array((word + "\n").utf8))
                    // It may have failed by now; what it said is still to be read.
                    try? await stream.finish()
                    while let bytes = try await stream.receive() { text += bytes }
                } catch { return (String(decoding: text, as: UTF8.self), error) }
                return (String(decoding: text, as: UTF8.self), nil)
            }
            let failed = try await outcome("fail")
            #expect(failed.0 == "half\n" && failed.1?.code == .functionFailed, "\(failed)")
            #expect(failed.1?.message.contains("code 7") == true, "\(failed)")
            // The daemon's clock: what was said before it stays said.
            let late = try await outcome("wait")
            #expect(late.1?.code == .timeout && late.1?.message.contains("demo/half@1: timed out") == true, "\(late)")
            let missing = try await client.invokeStream(app: "demo", function: "nobody")
            let error = await #expect(throws: ClientError.self) { try await missing.receive() }
            #expect(error?.code == .notFound)
            await client.close()
        }
    }

    // MARK: - Services of functions

    private static let service = "echo.v1.Echo"

    /// `echo.v1.Message { text = 1 }`.
    private func message(_ text: String) -> [UInt8] { [0x0A, UInt8(text.utf8.count)] + Array(text.utf8) }

    @Test func aServiceIsCalledByItsNameInAllFourKinds() async throws {
        try await withDaemon { daemon in
            #expect(try daemon.fnrpc("deploy", Self.echo, "--app", "demo").code == 0)
            let client = try await daemon.client()
            let reply = try await client.call(service: Self.service, method: "Unary", payload: message("hi"))
            #expect(reply.payload == message("hi") && reply.metadata("fn-call-id")?.isEmpty == false)
            #expect(reply.metadata("fnrpc-version") == "1")
            let server = try await client.stream(
                service: Self.service, method: "ServerStream", kind: .serverStreaming,
                payload: message("x") + [0x10, 3])
            var count = 0
            while let message = try await server.receive() {
                #expect(message.starts(with: self.message("x")))
                count += 1
            }
            #expect(count == 3)
            let bidi = try await client.stream(service: Self.service, method: "Bidi", kind: .bidirectional)
            for index in 0..<100 {
                try await bidi.send(message("m\(index)"))
                #expect(try await bidi.receive() == message("m\(index)"))
            }
            try await bidi.finishSending()
            #expect(try await bidi.receive() == nil)
            let collect = try await client.stream(service: Self.service, method: "ClientStream", kind: .clientStreaming)
            for _ in 0..<5 { try await collect.send(message("four")) }
            try await collect.finishSending()
            #expect(try await collect.response().payload == [0x08, 5, 0x10, 20])
            // The function's own refusal keeps its code, and is not taken for the platform's.
            let refused = await #expect(throws: ClientError.self) {
                try await client.call(service: Self.service, method: "Nothing", payload: [])
            }
            #expect(refused?.code == .functionFailed, "\(String(describing: refused))")
            let unknown = await #expect(throws: ClientError.self) {
                try await client.call(service: "pkg.Nobody", method: "Unary", payload: [])
            }
            #expect(unknown?.code == .unimplemented && unknown?.message == "service pkg.Nobody")
            await client.close()
        }
    }

    @Test func anAppIsChosenByMetadataTokenOrListener() async throws {
        try await withDaemon { daemon in
            #expect(try daemon.fnrpc("deploy", Self.echo, "--app", "one").code == 0)
            #expect(try daemon.fnrpc("deploy", Self.echo, "--app", "two").code == 0)
            let client = try await daemon.client()
            func call(_ metadata: [Header], _ client: Client) async -> (Reply?, ClientError?) {
                do throws(ClientError) {
                    return (
                        try await client.call(
                            service: Self.service, method: "Unary", payload: message("a"), metadata: metadata), nil
                    )
                } catch { return (nil, error) }
            }
            let ambiguous = await call([], client).1
            #expect(ambiguous?.code == .precondition && ambiguous?.message.contains("one, two") == true)
            #expect(await call([Header("fnrpc-app", "two")], client).0?.payload == message("a"))
            #expect(await call([Header("fnrpc-app", "three")], client).1?.code == .unimplemented)
            #expect(await call([Header("fnrpc-app", "one"), Header("fnrpc-version", "1")], client).0 != nil)
            #expect(
                await call([Header("fnrpc-app", "one"), Header("fnrpc-version", "2")], client).1?.code == .notFound)
            #expect(await call([Header("fnrpc-app", "one"), Header("fnrpc-version", "x")], client).1?.code == .invalid)
            #expect(await call([Header("fnrpc-app", "one"), Header("fnrpc-alias", "latest")], client).0 != nil)
            #expect(
                await call([Header("fnrpc-app", "one"), Header("fnrpc-alias", "prod")], client).1?.code == .notFound)
            let token = try daemon.fnrpc("token", "create", "ci", "--scope", "invoke:two").output
            let limited = try await Client.connect(
                to: Address("unix:" + daemon.socket),
                options: ClientOptions(token: token.trimmingCharacters(in: .whitespacesAndNewlines)))
            #expect(await call([], limited).0?.payload == message("a"))
            #expect(await call([Header("fnrpc-app", "one")], limited).1?.code == .notPermitted)
            // Ids are as good as names, and give as few rights.
            let apps: ListAppsResponse = try await client.ask("Apps/List", ListAppsRequest())
            let ids = apps.apps.map(\.meta.id.description)
            try #require(apps.apps.map(\.name.text) == ["one", "two"])
            for id in ids { #expect(await call([Header("fnrpc-app", id)], client).0?.payload == message("a")) }
            #expect(await call([Header("fnrpc-app", ids[0])], limited).1?.code == .notPermitted)
            #expect(await call([Header("fnrpc-app", ids[1])], limited).0?.payload == message("a"))
            let called = try daemon.fnrpc(
                "rpc", "echo.v1.Echo/Unary", "-d", #"{"text":"b"}"#, "--compact", "--app", ids[1])
            #expect(called.output.contains(#""text":"b""#), "\(called)")
            await limited.close()
            await client.close()
        }
    }

    @Test func aListenerHasADefaultApp() async throws {
        let path = "/tmp/fnrpc-e2e-app-\(getpid()).sock"
        try await withDaemon(["--listen", "unix:\(path)?app=two"]) { daemon in
            #expect(try daemon.fnrpc("deploy", Self.echo, "--app", "one").code == 0)
            #expect(try daemon.fnrpc("deploy", Self.echo, "--app", "two").code == 0)
            let client = try await Client.connect(to: Address("unix:" + path))
            let reply = try await client.call(service: Self.service, method: "Unary", payload: message("a"))
            #expect(reply.payload == message("a"))
            await client.close()
            // Reflection goes the same way, and so `fnrpc rpc` does.
            let called = try daemon.fnrpc(
                "rpc", "echo.v1.Echo/Unary", "-d", #"{"text":"b"}"#, "--compact", "--address", "unix:" + path)
            #expect(called.output.contains(#""text":"b""#), "\(called)")
            let calls = try daemon.fnrpc("call", "list", "two").output
            #expect(calls.components(separatedBy: "success").count == 3, "\(calls)")
        }
    }

    @Test func limitsAreSettingsAndNamedInErrors() async throws {
        try await withDaemon(["--max-metadata-entries", "8", "--max-management-kib", "400"]) { daemon in
            let client = try await daemon.client()
            func echo(_ entries: Int) async -> ClientError? {
                do throws(ClientError) {
                    _ = try await client.call(
                        service: "fnrpc.v1.Diagnostics", method: "Echo", payload: [],
                        metadata: (0..<entries).map { Header("k\($0)", "v") })
                    return nil
                } catch { return error }
            }
            #expect(await echo(8) == nil)
            let refused = await echo(9)
            #expect(refused?.code == .invalid && refused?.message.contains("max-metadata-entries") == true)
            let big = await #expect(throws: ClientError.self) {
                try await client.call(
                    service: "fnrpc.v1.Apps", method: "Create", payload: [UInt8](repeating: 0, count: 401 << 10))
            }
            #expect(big?.code == .tooLarge && big?.message.contains("max-management-kib") == true)
            await client.close()
        }
    }

    @Test func aServiceNameBelongsToOneFunctionOfAnApp() async throws {
        try await withDaemon { daemon in
            #expect(try daemon.fnrpc("deploy", Self.echo, "--app", "demo").code == 0)
            let second = try daemon.write(
                "second",
                [
                    "func.yaml":
                        "name: second\nruntime: binary\nentry: run\nformat: ttrpc\nservices: [echo.v1.Echo]\n",
                    "run": "#!/bin/sh\n",
                ])
            chmod(second + "/run", 0o755)
            let refused = try daemon.fnrpc("deploy", second, "--app", "demo")
            #expect(refused.code == 4 && refused.errors.contains("demo/echo-ttrpc"), "\(refused)")
            #expect(try daemon.fnrpc("deploy", second, "--app", "other").code == 0)
        }
    }
}
