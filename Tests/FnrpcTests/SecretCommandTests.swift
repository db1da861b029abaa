import Foundation
import Model
import Synchronization
import Testing
import Wire

@testable import fnrpc

@Suite struct SecretCommandTests {
    /// Keeps names and values, and answers as the daemon does.
    private final class Secrets: Sendable {
        let values = Mutex<[String: [UInt8]]>([:])

        func answer(_ request: TtrpcServer.Request) throws -> TtrpcServer.Answer {
            switch request.method {
            case "Create":
                let asked = try CreateSecretRequest(decoding: request.payload, strict: true)
                guard values.withLock({ $0[asked.name] }) == nil else { return .status(6, "secret exists") }
                values.withLock { $0[asked.name] = asked.value }
                return .response(try secret(asked.name, asked.value).encoded())
            case "Update":
                let asked = try UpdateSecretRequest(decoding: request.payload, strict: true)
                let name = asked.secret ?? ""
                guard values.withLock({ $0[name] }) != nil else { return .status(5, "secret was not found") }
                let value = asked.value ?? []
                values.withLock { $0[name] = value }
                return .response(try secret(name, value).encoded())
            default: return .status(12, request.name)
            }
        }

        private func secret(_ name: String, _ value: [UInt8]) throws -> Secret {
            Secret(
                meta: try TriggerCommandTests.meta(), appID: try #require(Identifier(TriggerCommandTests.other)),
                name: try Name(name, field: "name"), valueBytes: UInt32(value.count))
        }
    }

    private func withServer(_ body: (TtrpcServer, Secrets, Scratch) throws -> Void) throws {
        let (scratch, secrets) = (try Scratch(), Secrets())
        let server = try TtrpcServer(scratch) { request, _ in
            do { return [try secrets.answer(request)] } catch { return [.status(13, "\(error)")] }
        }
        defer { server.stop() }
        try body(server, secrets, scratch)
    }

    @Test func setMakesAndThenReplaces() throws {
        try withServer { server, secrets, scratch in
            let base = ["secret", "set", "demo", "key", "--address", server.address]
            let first = try FnrpcProcess.run(base, input: "one\n")
            #expect(first.output == "created secret key, 4 bytes, revision 3\n" && first.code == 0)
            #expect(secrets.values.withLock { $0["key"] } == Array("one\n".utf8))
            let second = try FnrpcProcess.run(base + ["--trim-newline", "--output", "json"], input: "second\r\n")
            #expect(secrets.values.withLock { $0["key"] } == Array("second".utf8))
            #expect(second.output.contains("\"created\": false") && second.output.contains("\"value_bytes\": 6"))
            #expect(!second.output.contains("second"))
            #expect(server.requests.map(\.method) == ["Create", "Create", "Update"])
            try scratch.write("value", "third\n\n")
            let third = try FnrpcProcess.run(base + ["--trim-newline", "--file", scratch.path + "/value"])
            #expect(third.code == 0)
            #expect(secrets.values.withLock { $0["key"] } == Array("third\n".utf8))
        }
    }

    /// At a terminal: the line is taken without its end, and nothing of it is shown.
    @Test func typedValuesAreHidden() throws {
        try withServer { server, secrets, _ in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            let command = "\(FnrpcProcess.path) secret set demo key --address \(server.address)"
            process.arguments = ["script", "-qec", command, "/dev/null"]
            let (stdin, stdout) = (Pipe(), Pipe())
            process.standardInput = stdin
            process.standardOutput = stdout
            try process.run()
            var shown = ""
            while !shown.hasSuffix("not shown: ") {
                let piece = stdout.fileHandleForReading.availableData
                try #require(!piece.isEmpty, "\(shown)")
                shown += String(decoding: piece, as: UTF8.self)
            }
            try stdin.fileHandleForWriting.write(contentsOf: Data("hush hush\n".utf8))
            shown += String(decoding: stdout.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            #expect(secrets.values.withLock { $0["key"] } == Array("hush hush".utf8))
            #expect(shown == "value of demo/key, not shown: \r\ncreated secret key, 9 bytes, revision 3\r\n")
        }
    }

    /// With a revision only a secret that is there is meant.
    @Test func aRevisionMakesNothing() throws {
        try withServer { server, secrets, _ in
            let result = try FnrpcProcess.run(
                ["secret", "set", "demo", "key", "--revision", "3", "--address", server.address], input: "x")
            #expect(result.code == 3)
            #expect(server.requests.map(\.method) == ["Update"])
            #expect(secrets.values.withLock { $0.isEmpty })
        }
    }

    @Test(
        arguments: [
            (0, false, "is empty"), (1, false, nil), (1, true, "is empty"), (65_536, false, nil), (65_537, true, nil),
            (65_537, false, "over the limit of 65536 bytes"), (65_538, true, "over the limit of 65536 bytes"),
            (1 << 20, false, "over the limit of 65536 bytes"),
        ] as [(Int, Bool, String?)])
    func sizes(count: Int, trim: Bool, problem: String?) async throws {
        let scratch = try Scratch()
        try scratch.write("value", count == 0 ? "" : String(repeating: "x", count: count - 1) + "\n")
        let reader = try InputReader(file: scratch.path + "/value", option: "--file")
        do throws(Failure) {
            let value = try await SecretSet.value(reader, trimNewline: trim)
            #expect(problem == nil)
            #expect(value.count == (trim ? count - 1 : count))
        } catch {
            #expect(problem.map { error.message.contains($0) } == true, "\(error.message)")
        }
    }

    /// Whoever lists processes sees arguments.
    @Test func theValueIsNeverAnArgument() async {
        #expect(await Outcome.running(["secret", "set", "demo", "key", "value"]).exitCode == 2)
        #expect(await Outcome.running(["secret", "set", "demo", "key", "--value", "x"]).exitCode == 2)
    }
}
