import FnrpcClient
import Foundation
import Testing

/// No bytes of a client are the daemon's own failure: whatever is sent to a management method ends as anything but INTERNAL.
struct RequestFuzzTests {
    /// Requests to each method.
    private static let rounds = 600

    @Test(.timeLimit(.minutes(3)))
    func nothingThatAClientSendsIsInternal() async throws {
        let methods = try Self.unaryMethods()
        #expect(methods.count > 60)
        let seed = UInt64.random(in: 0 ... .max)
        try await withDaemon { daemon in
            let client = try await daemon.client()
            for name in ["demo", "v1"] {
                var request = Soup()
                request.text(1, name)
                _ = try await client.call(service: "fnrpc.v1.Apps", method: "Create", payload: request.bytes)
            }
            await withTaskGroup(of: Void.self) { group in
                for (index, method) in methods.enumerated() {
                    group.addTask { await Self.torment(client, method, seed: seed &+ UInt64(index)) }
                }
            }
            await client.close()
        }
    }

    private static func torment(_ client: Client, _ method: Method, seed: UInt64) async {
        var random = Random(seed: seed)
        for round in 0..<rounds {
            let bytes = random.message(depth: 0)
            do throws(ClientError) {
                _ = try await client.call(
                    service: method.service, method: method.name, payload: bytes, timeout: .seconds(60))
            } catch {
                #expect(
                    ![.internalError, .unavailable, .timeout].contains(error.code),
                    "\(method.service)/\(method.name), seed \(seed), round \(round): \(error), \(bytes)")
            }
        }
    }

    private struct Method {
        let service: String
        let name: String
    }

    /// Every unary method of proto/fnrpc/v1, but the one that closes connections: it would close ours.
    private static func unaryMethods() throws -> [Method] {
        let folder = TestDaemon.repository.appendingPathComponent("proto/fnrpc/v1").path
        var methods: [Method] = []
        for file in try FileManager.default.contentsOfDirectory(atPath: folder) where file.hasSuffix(".proto") {
            var service = ""
            for line in try String(contentsOfFile: folder + "/" + file, encoding: .utf8).split(separator: "\n") {
                let words = line.split { " (){;".contains($0) }
                if words.first == "service", words.count > 1 { service = "fnrpc.v1." + words[1] }
                if words.first == "rpc", !words.contains("stream"), words.count > 1, words[1] != "Close" {
                    methods.append(Method(service: service, name: String(words[1])))
                }
            }
        }
        return methods
    }
}

/// Messages that look like requests, with everything in them that is easily handled wrongly.
private struct Random {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed | 1
    }

    private mutating func next(_ limit: UInt64) -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return (state &* 0x2545_F491_4F6C_DD1D) % limit
    }

    private static let texts = [
        "demo", "v1", "hello", "", "latest", "prod", "a/b", "../x", "a\0b", "\u{1}", "ü", "00000000000000000000000000",
        "01M7YXG96TAN3ZSTVYSR9987F7", "/a/:x", "/a/*", "/", "//", "/%2f", "host", "folder:/usr", "folder:", "image:x",
        "python", "shell", "binary", "http", "ttrpc", "http-stream", "sync", "async", "function", "app", "version",
        "api_version = 1", "api_version in (1, 2)", "name:* AND (", "labels.a = \"b\"", "NOT NOT x", "demo/hello",
        "sha256:" + String(repeating: "a", count: 64), "{\"a\":[1]}", "tcp://h:1", String(repeating: "x", count: 300),
        "admin", "invoke:demo", "entrypoint", "YXBw", "4",
    ]
    private static let numbers: [UInt64] = [
        0, 1, 2, 3, 9, 50, 1000, 1001, 10_000, 10_001, 65_536, 1 << 31, 1 << 32, 1 << 62, .max,
    ]

    mutating func message(depth: Int) -> [UInt8] {
        var soup = Soup()
        // The first fields name what the request is about.
        for field in 1...UInt64(1 + next(12)) where next(3) > 0 {
            switch next(10) {
            case 0...4: soup.text(field, Self.texts[Int(next(UInt64(Self.texts.count)))])
            case 5...6: soup.number(field, Self.numbers[Int(next(UInt64(Self.numbers.count)))])
            case 7 where depth < 10: soup.message(field, message(depth: depth + 1))
            case 8: soup.message(field, (0..<next(20)).map { _ in UInt8(next(256)) })
            default: soup.number(UInt64(1) + next(1 << 29 - 1), next(3))
            }
        }
        var bytes = soup.bytes
        if next(8) == 0, !bytes.isEmpty { bytes[Int(next(UInt64(bytes.count)))] ^= UInt8(1 << next(8)) }
        if next(16) == 0 { bytes.removeLast(min(bytes.count, Int(next(4)))) }
        return bytes
    }
}
