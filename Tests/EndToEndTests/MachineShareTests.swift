import FnrpcClient
import Foundation
import Synchronization
import Testing

/// Functions that together need more of the machine than there is.
@Suite(.serialized) struct MachineShareTests {
    private static let metrics = ["--metrics-listen", "tcp:127.0.0.1:0"]

    /// 12 functions of 96 MiB on 400 MiB: four containers at a time, and idle ones make room for others.
    @Test func manyFunctionsShareLittleMemory() async throws {
        try await withDaemon(Self.metrics + ["--max-memory-mib", "400"]) { daemon in
            for number in 0..<12 { try daemon.deployEcho(as: "echo\(number)") }
            let most = Mutex(0.0)
            let isOver = Atomic(false)
            let watcher = Thread {
                while !isOver.load(ordering: .relaxed) {
                    let held = (try? daemon.metric("fnrpc_container_memory_bytes")) ?? 0
                    most.withLock { $0 = max($0, held) }
                }
            }
            watcher.start()
            let failures = try await withThrowingTaskGroup(of: String?.self, returning: [String].self) { group in
                let client = try await daemon.client()
                for number in 0..<12 {
                    group.addTask {
                        for round in 0..<8 {
                            let payload = Array("\(number) \(round)".utf8)
                            do {
                                let reply = try await client.invoke(
                                    app: "demo", function: "echo\(number)", payload: payload)
                                if reply.payload != payload { return "echo\(number) answered \(reply.payload)" }
                            } catch { return "echo\(number): \(error)" }
                        }
                        return nil
                    }
                }
                let found = try await group.reduce(into: [String]()) { if let text = $1 { $0.append(text) } }
                await client.close()
                return found
            }
            isOver.store(true, ordering: .relaxed)
            #expect(failures == [])
            let limit = 400.0 * 1_048_576
            #expect(most.withLock { $0 } > 0 && most.withLock { $0 } <= limit)
            #expect(try #require(try daemon.metric("fnrpc_evictions_total")) >= 8)
            try await expectNothingWaits(daemon)
        }
    }

    @Test func whatIsLargerThanTheMachineIsRefusedAtOnce() async throws {
        try await withDaemon(["--max-memory-mib", "300", "--max-cpu-milli", "1500"]) { daemon in
            try daemon.deployEcho(as: "fits", yaml: "memory: 200\ntmp_size: 100\ncpu: 1.5\n")
            #expect(try daemon.fnrpc("invoke", "demo/fits", "-d", "x").output == "x")
            try daemon.deployEcho(as: "large", yaml: "memory: 200\ntmp_size: 101\n")
            let large = try daemon.fnrpc("invoke", "demo/large", "-d", "x")
            #expect(large.code == 4)
            #expect(large.errors.contains("memory: demo/large@1 needs 301 MiB (200, and 101 of tmp_size)"), "\(large)")
            #expect(large.errors.contains("300 MiB for all containers (max-memory-mib)"), "\(large)")
            let scaled = try daemon.fnrpc("worker", "scale-up", "demo/large", "--count", "2")
            #expect(scaled.code == 4 && scaled.errors.contains("301 MiB"), "\(scaled)")
            try daemon.deployEcho(as: "busy", yaml: "memory: 32\ncpu: 1501m\n")
            let busy = try daemon.fnrpc("invoke", "demo/busy", "-d", "x")
            #expect(busy.code == 4 && busy.errors.contains("cpu: demo/busy@1 needs 1501"), "\(busy)")
            #expect(try daemon.fnrpc("invoke", "demo/fits", "-d", "y").output == "y")
        }
    }

    /// The call waits for room behind a busy container; its own clock goes on.
    @Test func callWaitsForRoomNoLongerThanItsTime() async throws {
        try await withDaemon(Self.metrics + ["--max-memory-mib", "100"]) { daemon in
            try daemon.deploy("sleeper", yaml: "timeout: 20\n")
            try daemon.deployEcho(as: "echo", yaml: "memory: 32\ntimeout: 1\n")
            try daemon.deployEcho(as: "patient", yaml: "memory: 32\ntimeout: 30\n")
            let client = try await daemon.client()
            async let slept = client.invoke(app: "demo", function: "sleeper", payload: Array("4\n".utf8))
            try await eventually("it sleeps") {
                try daemon.metric("fnrpc_container_memory_bytes") == 96 * 1_048_576
            }
            async let waited = client.invoke(app: "demo", function: "patient", payload: [1])
            let error = await #expect(throws: ClientError.self) {
                try await client.invoke(app: "demo", function: "echo", payload: [])
            }
            #expect(error?.code == .timeout)
            #expect(try await waited.payload == [1])
            #expect(try await slept.payload == Array("slept\n".utf8))
            await client.close()
            try await expectNothingWaits(daemon)
        }
    }

    @Test func whatIsKeptForAFunctionIsThereAtOnce() async throws {
        try await withDaemon(Self.metrics + ["--max-memory-mib", "300"]) { daemon in
            try daemon.deployEcho(as: "kept", yaml: "memory: 32\nreserved_containers: 1\n")
            try daemon.deploy("sleeper", yaml: "timeout: 60\n")
            try daemon.deployEcho(as: "large", yaml: "memory: 180\ntmp_size: 25\n")
            for (yaml, code, text) in [
                (
                    "memory: 32\nreserved_containers: 4\n", 4,
                    "reserved_containers: 4 need 384 MiB; this machine has 300"
                ),
                ("memory: 41\nreserved_containers: 2\n", 4, "2 need 210 MiB; 204 are not kept for other functions"),
            ] as [(String, Int32, String)] {
                let result = try daemon.tryDeployEcho(as: "much", yaml: yaml)
                #expect(result.code == code && result.errors.contains(text), "\(result)")
            }
            let client = try await daemon.client()
            async let slept = withThrowingTaskGroup(of: [UInt8].self, returning: Int.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        try await client.invoke(app: "demo", function: "sleeper", payload: Array("3\n".utf8)).payload
                    }
                }
                return try await group.reduce(0) { $0 + ($1 == Array("slept\n".utf8) ? 1 : 0) }
            }
            // The others have two containers, and want more.
            try await eventually("the rest is taken, and somebody waits") {
                try daemon.metric("fnrpc_container_memory_bytes") == 2 * 96 * 1_048_576
                    && daemon.metric("fnrpc_starts_waiting") ?? 0 > 0
            }
            #expect(try await client.invoke(app: "demo", function: "kept", payload: [7]).payload == [7])
            #expect(try daemon.metric("fnrpc_starts_waiting") ?? 0 > 0, "they wait still")
            #expect(try await slept == 6)
            await client.close()
            // The container that was kept for it stays, though it is idle and others want more.
            #expect(try daemon.containers(of: "demo/kept") == 1)
            try await expectRefused("large", daemon)
            // What is in the store counts after a start too.
            #expect(daemon.stop() == 0)
            try daemon.start()
            try await expectRefused("large", daemon)
            #expect(try daemon.fnrpc("fn", "update", "demo/kept", "--reserved-containers", "0").code == 0)
            #expect(try daemon.fnrpc("invoke", "demo/large", "-d", "x").output == "x")
        }
    }

    /// 205 MiB are one more than what is not kept for another function.
    private func expectRefused(_ name: String, _ daemon: TestDaemon) async throws {
        try await eventually("it is refused") {
            let result = try daemon.fnrpc("invoke", "demo/\(name)", "-d", "x")
            return result.code == 4
                && result.errors.contains("205 MiB; 204 of this machine's 300 are not kept for other functions")
        }
    }

    private func expectNothingWaits(_ daemon: TestDaemon) async throws {
        try daemon.wait("no start waits") {
            try daemon.metric("fnrpc_starts_waiting") == 0 && daemon.metric("fnrpc_containers_starting") == 0
        }
    }
}

extension TestDaemon {
    /// A number of the metrics page; needs `--metrics-listen`.
    func metric(_ name: String) throws -> Double? { try MetricsTests().scrape(MetricsTests().port(self))[name] }

    /// Deploys the program of the example that speaks ttrpc under another name, without its service.
    func deployEcho(as name: String, yaml: String = "memory: 32\n") throws {
        let result = try tryDeployEcho(as: name, yaml: yaml)
        try #require(result.code == 0, "\(result)")
    }

    fileprivate func tryDeployEcho(as name: String, yaml: String) throws -> CommandResult {
        let folder = try write(
            name,
            [
                "func.yaml": "name: \(name)\nruntime: binary\nentry: echo\nformat: ttrpc\nidle_timeout: 60\n\(yaml)"
            ])
        let program = Self.repository.path + "/examples/echo-ttrpc/echo"
        if !FileManager.default.fileExists(atPath: folder + "/echo") {
            try FileManager.default.copyItem(atPath: program, toPath: folder + "/echo")
        }
        return try fnrpc("deploy", folder, "--app", "demo")
    }
}
