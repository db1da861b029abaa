import FnrpcClient
import Foundation
import Testing

@Suite(.serialized) struct FailureTests {
    @Test func stoppedCallsAreNotBlamedOnTheFunction() async throws {
        try await withDaemon(["--drain-timeout", "0.2"]) { daemon in
            let folder = try daemon.write(
                "slow",
                [
                    "func.yaml": "name: slow\nruntime: python\nentry: func.handler\n",
                    "func.py": "import time\ndef handler():\n    time.sleep(20)\n",
                ])
            #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
            let client = try await daemon.client()
            let running = Task { try await client.invoke(app: "demo", function: "slow", payload: []) }
            try await eventually("the call runs") {
                try daemon.fnrpc("system", "info").output.contains("0 of 1 finished")
            }
            daemon.process.terminate()
            let interrupted = await #expect(throws: ClientError.self) { try await running.value }
            #expect(interrupted?.code == .unavailable)
            daemon.process.waitUntilExit()
            #expect(daemon.process.terminationStatus == 0)
            await client.close()
        }
    }

    @Test func killNineLosesNothingAndLeavesNothing() async throws {
        try await withDaemon { daemon in
            let folder = try daemon.write("hello", MainJobTests.hello)
            #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
            for _ in 0..<3 {
                #expect(try daemon.fnrpc("invoke", "demo/hello", "-d", "{}").code == 0)
                // The records are stored before the crash, because they were asked for.
                let before = try daemon.fnrpc("call", "list", "demo/hello").output
                daemon.crash()
                #expect(try daemon.fnrpc("app", "list").code == 8)
                try daemon.start()
                #expect(try daemon.fnrpc("call", "list", "demo/hello").output == before)
            }
        }
    }

    @Test func aSecondDaemonOnTheSameDataIsRefused() async throws {
        try await withDaemon { daemon in
            let second = try TestDaemon.run(
                TestDaemon.binaries + "/fnrpcd",
                ["--data-dir", daemon.folder + "/data", "--listen", "unix:\(daemon.folder)/other"])
            #expect(second.code == 1)
            #expect(second.errors.contains("is in use by another fnrpcd (pid \(daemon.process.processIdentifier))"))
            let other = try TestDaemon.run(
                TestDaemon.binaries + "/fnrpcd",
                ["--data-dir", daemon.folder + "/data2", "--listen", "unix:\(daemon.socket)"])
            #expect(other.code == 1 && other.errors.contains("served by another process"), "\(other.errors)")
            #expect(try daemon.fnrpc("app", "list").code == 0)
        }
    }

    @Test func stoppingFinishesRunningCallsAndRefusesNewOnes() async throws {
        try await withDaemon { daemon in
            let folder = try daemon.write(
                "slow",
                [
                    "func.yaml": "name: slow\nruntime: python\nentry: func.handler\n",
                    "func.py": "import time\ndef handler(seconds=0):\n    time.sleep(seconds)\n    return seconds\n",
                ])
            #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
            let client = try await daemon.client()
            _ = try await client.invoke(app: "demo", function: "slow", payload: [])
            async let running = client.invoke(app: "demo", function: "slow", payload: Array("{\"seconds\":2}".utf8))
            // Its start shows in the counters: 2 accepted, 1 answered.
            try await eventually("the call runs") {
                try daemon.fnrpc("system", "info").output.contains("1 of 2 finished")
            }
            daemon.process.terminate()
            // The client was told to go away, and finds no socket to come back to.
            while (try? await client.health()) == .serving {}
            let refused = await #expect(throws: ClientError.self) {
                try await client.invoke(app: "demo", function: "slow", payload: [])
            }
            #expect(refused?.code == .unavailable)
            #expect(try await running.payload == Array("2".utf8))
            daemon.process.waitUntilExit()
            #expect(daemon.process.terminationStatus == 0)
            await client.close()
        }
    }

    @Test func foreignProtocolsAreClosedWithOneLogLine() async throws {
        try await withDaemon(["--listen", "tcp:127.0.0.1:0"]) { daemon in
            let port = try #require(
                daemon.readyLine.split(separator: ":").last.flatMap {
                    UInt16($0.trimmingCharacters(in: .whitespacesAndNewlines))
                })
            let inputs: [(String, [UInt8])] = [
                ("an HTTP request", Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8)),
                ("a TLS hello", [0x16, 0x03, 0x01, 0x02, 0x00, 0x01]),
                ("bytes that are not ttrpc", [0xFF, 0xFE, 0xFD]),
            ]
            for (name, bytes) in inputs {
                let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                defer { close(descriptor) }
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = port.bigEndian
                address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
                let connected = withUnsafePointer(to: &address) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
                try #require(connected == 0)
                #expect(write(descriptor, bytes, bytes.count) == bytes.count)
                var byte: UInt8 = 0
                #expect(read(descriptor, &byte, 1) <= 0, "closed without an answer")
                #expect(daemon.log.components(separatedBy: name).count == 2, "one line says \(name)")
            }
            #expect(try daemon.fnrpc("app", "list").code == 0)
        }
    }

    @Test func badRequestsAreRefusedWithAReason() async throws {
        try await withDaemon { daemon in
            let folder = try daemon.write("hello", MainJobTests.hello)
            #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
            let client = try await daemon.client()
            func code(_ service: String, _ method: String, _ payload: [UInt8]) async -> ClientError.Code? {
                do {
                    _ = try await client.call(service: service, method: method, payload: payload)
                    return nil
                } catch { return error.code }
            }
            #expect(await code("no.Such", "Thing", []) == .unimplemented)
            #expect(await code("fnrpc.v1.Apps", "Thing", []) == .unimplemented)
            #expect(await code("fnrpc.v1.Apps", "Get", [0xFF]) == .invalid)
            #expect(await code("fnrpc.v1.Apps", "Get", [0x0A, 1, 0]) == .invalid)
            #expect(await code("fnrpc.v1.Invocation", "Invoke", [0x08, 1]) == .invalid)
            #expect(await code("grpc.health.v1.Health", "Check", []) == nil)
            let big = [UInt8](repeating: 0, count: 4 << 20)
            let refused = await #expect(throws: ClientError.self) {
                try await client.invoke(app: "demo", function: "hello", payload: big)
            }
            #expect(refused?.code == .tooLarge)
            #expect(try daemon.fnrpc("invoke", "demo/nothing", "-d", "{}").code == 3)
            #expect(try daemon.fnrpc("invoke", "none/hello", "-d", "{}").code == 3)
            #expect(try daemon.fnrpc("invoke", "demo/hello@0", "-d", "{}").code != 0)
            await client.close()
        }
    }
}

/// What the platform does wrong is for its administrator.
@Suite struct InternalErrorTests {
    @Test func theCallerIsToldWhereToLookAndTheLogHasIt() async throws {
        try await withDaemon { daemon in
            let folder = try daemon.write("hello", MainJobTests.hello)
            #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
            let packages = daemon.folder + "/data/packages"
            for entry in try FileManager.default.contentsOfDirectory(atPath: packages) {
                try FileManager.default.removeItem(atPath: packages + "/" + entry)
            }
            let result = try daemon.fnrpc("invoke", "demo/hello", "-d", "{}", "--output", "json")
            #expect(result.code == 1 && result.errors.contains("the daemon failed; its log says why"), "\(result)")
            #expect(!result.errors.contains("package"), "\(result.errors)")
            let log = daemon.log
            let lines = log.split(separator: "\n")
            let report = try #require(lines.firstIndex { $0.contains("is not in the data directory") })
            #expect(lines[report].contains("raised at Server/Server.swift:"), "\(lines[report])")
            #expect(lines[report...].contains { $0.hasPrefix("  at ") && $0.contains("fnrpcd+0x") }, "\(log)")
            #expect(lines.count { $0.contains("is not in the data directory") } == 1)
            // Of many calls that wait for one container, each has a line.
            let connection = try RawConnection(unix: daemon.socket)
            let calls = try (0..<20).map { _ in
                try connection.open(WireTests.invoke, WireTests.invocation("hello", "{}"))
            }
            for call in calls { #expect(try connection.answer(call).code == 13) }
            let later = daemon.log.dropFirst(log.count).split(separator: "\n")
            let reports = later.filter { $0.contains("is not in the data directory") }
            let told = later.compactMap { $0.components(separatedBy: "failed with container ").dropFirst().first }
            #expect(told.count == 20)
            let containers = reports.compactMap { line in told.first { line.contains("container \($0) of") } }
            #expect(containers.count == reports.count && Set(containers) == Set(told))
        }
    }
}
