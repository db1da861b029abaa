import FnrpcClient
import Foundation
import Testing

@Suite(.serialized) struct MainJobTests {
    static let hello = [
        "func.yaml": "name: hello\nruntime: python\nentry: func.handler\n",
        "func.py": "def handler(name=\"World\"):\n    print(\"greeting\", name)\n    return {\"message\": \"Hello \" + name}\n",
    ]

    @Test func aFolderIsDeployedAndCalledByNameAndByVersion() async throws {
        try await withDaemon { daemon in
            let folder = try daemon.write("hello", Self.hello)
            let first = try daemon.fnrpc("deploy", folder, "--app", "demo")
            #expect(first.code == 0 && first.output.contains("deployed demo/hello version 1 (sha256:"), "\(first)")
            let cold = try daemon.fnrpc("invoke", "demo/hello", "-d", #"{"name":"Ada"}"#, "--log")
            #expect(cold.output == #"{"message":"Hello Ada"}"#, "\(cold)")
            #expect(cold.errors.contains("greeting Ada"))
            // The same folder again: another version, the same package, whatever the files' times say.
            try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 5)], ofItemAtPath: folder + "/func.py")
            let again = try daemon.fnrpc("deploy", folder, "--app", "demo")
            #expect(again.output.contains("version 2"))
            #expect(digest(in: first.output) == digest(in: again.output))
            // Changed code is version 3; version 1 still answers as it did.
            _ = try daemon.write("hello", ["func.py": "def handler(**_):\n    return 3\n"])
            #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").output.contains("version 3"))
            #expect(try daemon.fnrpc("invoke", "demo/hello", "-d", "{}").output == "3")
            #expect(try daemon.fnrpc("invoke", "demo/hello@1", "-d", "{}").output == #"{"message":"Hello World"}"#)
            #expect(try daemon.fnrpc("invoke", "demo/hello@4", "-d", "{}").code == 3)
            let versions = try daemon.fnrpc("version", "list", "demo/hello", "--output", "json")
            #expect(versions.output.contains("Python 3."), "the interpreter is recorded: \(versions.output)")
            let calls = try daemon.fnrpc("call", "list", "demo/hello")
            #expect(calls.output.split(separator: "\n").count == 4, "\(calls.output)")
            #expect(try daemon.fnrpc("app", "list").output.contains("demo"))
            #expect(try daemon.fnrpc("fn", "get", "demo/hello").code == 0)
        }
    }

    private func digest(in text: String) -> Substring? { text.split(separator: "sha256:").last?.prefix(64) }

    @Test func everyContractAnswersInItsContainer() async throws {
        try await withDaemon { daemon in
            let shell = try daemon.write(
                "upper", ["func.yaml": "name: upper\nruntime: shell\nentry: up.sh\n", "up.sh": "tr a-z A-Z; id -u >&2\n"])
            #expect(try daemon.fnrpc("deploy", shell, "--app", "demo").code == 0)
            for _ in 0..<2 {
                let reply = try daemon.fnrpc("invoke", "demo/upper", "--log", input: "abc")
                #expect(reply.output == "ABC" && reply.errors.contains("1000"), "\(reply)")
            }
            let echo = TestDaemon.repository.path + "/examples/echo-ttrpc"
            #expect(try daemon.fnrpc("deploy", echo, "--app", "demo").code == 0)
            #expect(try daemon.fnrpc("invoke", "demo/echo-ttrpc", input: "x\u{0}y").output == "x\u{0}y")
            let fdk = TestDaemon.repository.path + "/examples/hello-fdk"
            let deployed = try daemon.fnrpc("deploy", fdk, "--app", "demo")
            #expect(deployed.code == 0, "\(deployed.errors)")
            for name in ["Ada", "Grace"] {
                let reply = try daemon.fnrpc("invoke", "demo/hello-fdk", "-d", "{\"name\":\"\(name)\"}")
                #expect(reply.output.contains("Hello, \(name)!"), "\(reply)")
            }
        }
    }

    @Test func sixtyFourCallersAtOnceLoseNothing() async throws {
        try await withDaemon { daemon in
            let echo = TestDaemon.repository.path + "/examples/echo-ttrpc"
            #expect(try daemon.fnrpc("deploy", echo, "--app", "demo").code == 0)
            let client = try await daemon.client()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<64 {
                    group.addTask {
                        for number in 0..<50 {
                            let body = Array("\(caller)/\(number)".utf8)
                            let reply = try await client.invoke(app: "demo", function: "echo-ttrpc", payload: body)
                            #expect(reply.payload == body)
                            #expect(reply.version == 1)
                        }
                    }
                }
                try await group.waitForAll()
            }
            await client.close()
        }
    }
}
