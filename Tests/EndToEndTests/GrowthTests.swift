import FnrpcClient
import Foundation
import Testing

/// How many containers a function under load gets.
@Suite(.serialized) struct GrowthTests {
    /// Waiting for a call of some microseconds is never worth a start, however many wait.
    @Test func shortCallsOfManyCallersNeedFewContainers() async throws {
        try await withDaemon { daemon in
            try daemon.deployEcho(as: "echo")
            let client = try await daemon.client()
            let failures = await withTaskGroup(of: String?.self, returning: [String].self) { group in
                for caller in 0..<64 as Range<UInt8> {
                    group.addTask {
                        for _ in 0..<300 {
                            do {
                                let reply = try await client.invoke(app: "demo", function: "echo", payload: [caller])
                                if reply.payload != [caller] { return "\(reply.payload)" }
                            } catch { return "\(error)" }
                        }
                        return nil
                    }
                }
                return await group.reduce(into: []) { if let text = $1 { $0.append(text) } }
            }
            #expect(failures == [])
            // None has left: they stay for a minute.
            let containers = try daemon.containers(of: "demo/echo")
            #expect((1...4).contains(containers), "\(containers)")
            await client.close()
        }
    }

    @Test func aFunctionThatSleepsGrowsToItsLimit() async throws {
        try await withDaemon { daemon in
            try daemon.deploy(
                "sleeper",
                TestDaemon.marked("1", name: "sleeper", more: "max_containers: 6\nidle_timeout: 60\ntimeout: 120\n"))
            let client = try await daemon.client()
            async let answers = withThrowingTaskGroup(of: String.self, returning: Set<String>.self) { group in
                for _ in 0..<100 { group.addTask { try await client.mark("sleeper", sleep: 1) } }
                return try await group.reduce(into: []) { $0.insert($1) }
            }
            try await eventually("it has 6 containers") { try daemon.containers(of: "demo/sleeper") == 6 }
            #expect(try await answers == ["1 "])
            #expect(try daemon.containers(of: "demo/sleeper") == 6)
            await client.close()
        }
    }
}

extension TestDaemon {
    /// How many containers a function has, those that start included.
    func containers(of function: String) throws -> Int {
        try fnrpc("worker", "list", function).output.split(separator: "\n").count - 1
    }
}
