import Model
import Testing
import Wire

@testable import fnrpc

// Zeros, and the version that `latest` is.
extension FunctionCommandTests {
    /// Each setting that has a meaning for zero, and is something else unless set.
    @Test(arguments: [
        ["fn", "create", "demo/hello", "--image", "i:1"], ["fn", "update", "demo/hello"],
    ])
    func whatMayBeZeroIs(command: [String]) throws {
        let settings = [
            "--cpu", "0", "--min-containers", "0", "--max-containers", "0", "--max-queue", "0", "--rate-limit", "0",
            "--max-calls", "0", "--max-age", "0", "--max-wait", "0ms",
        ]
        let answer = try Self.function(latest: 0, working: 0).encoded()
        try withServer(["fnrpc.v1.Functions/Create": answer, "fnrpc.v1.Functions/Update": answer]) { server in
            let result = try fnrpc(server, command + settings)
            #expect(result.code == 0, "\(result)")
            var asked = FunctionSpec(runtime: .none, entry: "", format: .httpStream)
            (asked.cpuMilli, asked.minContainers, asked.maxContainers, asked.maxQueue) = (9, 9, 9, 9)
            (asked.rateLimit, asked.maxCalls, asked.maxAgeNanos, asked.maxWaitNanos) = (9, 9, 9, 9)
            let spec: FunctionSpec
            if command[1] == "create" {
                let sent: CreateFunctionRequest = try request(server, "fnrpc.v1.Functions/Create")
                spec = try #require(sent.spec)
            } else {
                let sent: UpdateFunctionRequest = try request(server, "fnrpc.v1.Functions/Update")
                spec = sent.spec.applied(to: asked)
            }
            #expect([spec.cpuMilli, spec.minContainers, spec.maxContainers, spec.maxQueue] == [0, 0, 0, 0])
            #expect([spec.rateLimit, spec.maxCalls] == [0, 0] && [spec.maxAgeNanos, spec.maxWaitNanos] == [0, 0])
        }
    }

    /// The highest version, by the number that it has when it is looked for.
    @Test(arguments: ["fn", "version"]) func theLatestVersionIsShown(noun: String) throws {
        try withServer([
            "fnrpc.v1.Functions/Get": try Self.function(latest: 7, working: 0).encoded(),
            "fnrpc.v1.Versions/Get": Self.version(7).encoded(),
        ]) { server in
            #expect(
                try fnrpc(server, [noun, "get", "demo/hello@latest"]).output.hasPrefix(
                    "version:        demo/hello@7\n"))
            let sent: GetVersionRequest = try request(server, "fnrpc.v1.Versions/Get")
            #expect(sent.app == "demo" && sent.function == "hello" && sent.number == 7)
        }
        try withServer(["fnrpc.v1.Functions/Get": try Self.function(latest: 0, working: 0).encoded()]) { server in
            let none = try fnrpc(server, [noun, "get", "demo/hello@latest"])
            #expect(none.code == 3 && none.errors.contains("demo/hello has no published version"))
        }
    }
}
