import FnrpcClient
import Foundation
import Testing

/// No bytes of a client are the daemon's own failure: whatever is sent to its methods, in messages, streams or metadata, ends
/// as anything but INTERNAL. The catalog has something of every kind, and gets it back when it was deleted. One after the other:
/// other tests run beside them, and some have clocks.
@Suite(.serialized) struct RequestFuzzTests {
    private struct Method {
        let service: String
        let name: String
        /// `nil`: unary.
        let kind: StreamKind?
    }

    @Test(.timeLimit(.minutes(3)))
    func nothingThatAClientSendsIsInternal() async throws {
        let methods = try Self.methods().filter { $0.kind == nil }
        #expect(methods.count > 60 && methods.contains { $0.service.hasSuffix(".Health") })
        try await Self.torment(methods) { client, method, random in
            _ = try await client.call(
                service: method.service, method: method.name, payload: random.message(), timeout: .seconds(60))
        }
    }

    @Test(.timeLimit(.minutes(3)))
    func nothingInAStreamIsInternal() async throws {
        let methods = try Self.methods().filter { $0.kind != nil }
        let names = Set(methods.map(\.name))
        #expect(names.isSuperset(of: ["Follow", "Migrate", "Export", "Import", "Download", "InvokeStream", "Watch"]))
        // Those that follow end by their time.
        try await Self.torment(methods, rounds: 30, allowed: [.timeout]) { client, method, random in
            let kind = method.kind ?? .bidirectional
            let stream = try await client.stream(
                service: method.service, method: method.name, kind: kind,
                payload: kind == .serverStreaming ? random.message() : [],
                metadata: random.below(4) == 0 ? random.metadata() : [], timeout: .milliseconds(300))
            if kind != .serverStreaming {
                for _ in 0...random.below(3) { try await stream.send(random.message()) }
                try await stream.finishSending()
            }
            if kind == .clientStreaming {
                _ = try await stream.response()
            } else {
                while try await stream.receive() != nil {}
            }
        }
    }

    @Test(.timeLimit(.minutes(3)))
    func noMetadataIsInternal() async throws {
        let wanted = ["Apps/List", "Apps/Create", "Functions/Get", "Invocation/Invoke", "Calls/List", "Health/Check"]
        let methods = try Self.methods().filter { method in
            wanted.contains { "\(method.service)/\(method.name)".hasSuffix("." + $0) }
        }
        #expect(methods.count == wanted.count)
        // What comes may be a time that is up.
        try await Self.torment(methods, rounds: 100, allowed: [.timeout]) { client, method, random in
            let requests = [Soup(), Soup([1: "demo", 2: "hello"]), Soup([4: "demo", 5: "hello"])]
            _ = try await client.call(
                service: method.service, method: method.name, payload: requests[random.below(3)].bytes,
                metadata: random.metadata(), timeout: .seconds(60))
        }
    }

    /// Archives with a few bits changed, or without their end.
    @Test(.timeLimit(.minutes(3)))
    func noArchiveIsInternal() async throws {
        try await withDaemon { daemon in
            let client = try await daemon.client()
            try await Self.furnish(daemon, client, isFirst: true)
            let archive = daemon.folder + "/export.tar"
            #expect(try daemon.fnrpc("system", "export", archive, "--calls").code == 0)
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: archive)))
            let seed = UInt64.random(in: 0 ... .max)
            var random = RandomRequest(seed: seed)
            for round in 0..<80 {
                var changed = bytes
                for _ in 0...random.below(3) { changed[random.below(changed.count)] ^= UInt8(1 << random.below(8)) }
                if random.below(4) == 0 { changed.removeLast(random.below(changed.count)) }
                do throws(ClientError) {
                    let stream = try await client.stream(
                        service: "fnrpc.v1.Maintenance", method: "Import", kind: .clientStreaming)
                    for start in stride(from: 0, to: changed.count, by: 200_000) {
                        var chunk = Soup()
                        chunk.message(1, Array(changed[start..<min(start + 200_000, changed.count)]))
                        try await stream.send(chunk.bytes)
                    }
                    try await stream.finishSending()
                    _ = try await stream.response()
                } catch {
                    #expect(
                        ![.internalError, .unavailable].contains(error.code),
                        "seed \(seed), round \(round): \(error)")
                }
            }
            await client.close()
        }
    }

    /// Asks every method again and again, all at once; the catalog is furnished anew between.
    private static func torment(
        _ methods: [Method], rounds: Int = 150, allowed: Set<ClientError.Code> = [],
        _ ask: @escaping @Sendable (Client, Method, inout RandomRequest) async throws -> Void
    ) async throws {
        let seed = UInt64.random(in: 0 ... .max)
        try await withDaemon(["--allow-test-versions", "true"]) { daemon in
            let client = try await daemon.client()
            for pass in 0..<3 {
                try await furnish(daemon, client, isFirst: pass == 0)
                await withTaskGroup(of: Void.self) { group in
                    for (index, method) in methods.enumerated() {
                        group.addTask {
                            var random = RandomRequest(seed: seed &+ UInt64(pass * 1000 + index))
                            for round in 0..<rounds {
                                do { try await ask(client, method, &random) } catch {
                                    let code = (error as? ClientError)?.code ?? .internalError
                                    let isBad = [.internalError, .unavailable, .timeout].contains(code)
                                    #expect(
                                        !isBad || allowed.contains(code),
                                        "\(method.service)/\(method.name), seed \(seed), \(pass), \(round): \(error)")
                                }
                            }
                        }
                    }
                }
            }
            await client.close()
        }
    }

    /// Something of every kind; what is there stays.
    private static func furnish(_ daemon: TestDaemon, _ client: Client, isFirst: Bool) async throws {
        let folder = try daemon.write(
            "hello", ["func.yaml": "name: hello\nruntime: shell\nentry: f.sh\nformat: default\n", "f.sh": "cat\n"])
        let deployed = try daemon.fnrpc("deploy", folder, "--app", "demo")
        #expect(deployed.code == 0 || !isFirst, "\(deployed)")
        let image = Soup([21: "fnproject/hello@sha256:" + String(repeating: "a", count: 64)])
        for (method, request) in [
            ("Functions/Deploy", Soup([1: "demo", 2: "img"]).with(3, image)),
            ("Aliases/Create", Soup([1: "demo", 2: "hello", 3: "prod"]).with(4, 1)),
            ("Triggers/Create", Soup([1: "demo", 2: "t", 4: "/a/:x", 5: "hello", 7: "prod"])),
            ("Routes/Create", Soup([1: "v1", 2: "/hello", 3: "x"])),
            ("Secrets/Create", Soup([1: "demo", 2: "key", 3: "v"])),
            ("Runtimes/Create", Soup([1: "mine", 4: "/bin/sh"])), ("Tokens/Create", Soup([1: "ci", 2: "read"])),
        ] {
            let parts = method.split(separator: "/").map(String.init)
            do throws(ClientError) {
                _ = try await client.call(service: "fnrpc.v1." + parts[0], method: parts[1], payload: request.bytes)
            } catch {
                #expect(!isFirst, "\(method): \(error)")
            }
        }
        let called = try daemon.fnrpc("invoke", "demo/hello", "--data", "x")
        #expect(called.code == 0 || !isFirst, "\(called)")
    }

    /// Every method that is served, but the one that closes connections: it would close ours.
    private static func methods() throws -> [Method] {
        let folder = TestDaemon.repository.appendingPathComponent("proto").path
        var methods: [Method] = []
        for package in ["fnrpc/v1", "grpc/health/v1"] {
            for file in try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(package)")
            where file.hasSuffix(".proto") {
                let text = try String(contentsOfFile: "\(folder)/\(package)/\(file)", encoding: .utf8)
                var service = ""
                for line in text.split(separator: "\n") {
                    let words = line.split { " (){;".contains($0) }.map(String.init)
                    if words.first == "service", words.count > 1 {
                        service = package.replacing("/", with: ".") + "." + words[1]
                    }
                    guard words.first == "rpc", words.count > 3, words[1] != "Close" else { continue }
                    let (takes, gives) = (words[2] == "stream", words[words.count - 2] == "stream")
                    let kind: StreamKind? =
                        takes ? (gives ? .bidirectional : .clientStreaming) : (gives ? .serverStreaming : nil)
                    methods.append(Method(service: service, name: words[1], kind: kind))
                }
            }
        }
        return methods
    }
}
