import FnrpcClient
import Foundation
import Testing

/// Idle containers are frozen, and nobody notices.
@Suite(.serialized) struct FreezingTests {
    @Test func frozenContainerAnswersTheNextCall() async throws {
        try await withDaemon(["--freeze-after", "0.05", "--metrics-listen", "tcp:127.0.0.1:0"]) { daemon in
            try daemon.deployEcho(as: "echo")
            // One whose time goes on only when it may.
            try daemon.deploy("ticks", TestDaemon.ticking)
            for round in 1...3 {
                #expect(try daemon.fnrpc("invoke", "demo/echo", "-d", "x\(round)").output == "x\(round)")
                #expect(try daemon.fnrpc("invoke", "demo/ticks", "-d", "{}").code == 0)
                try daemon.wait("both are frozen") { try daemon.metric("fnrpc_containers_frozen") == 2 }
                // The kernel says so when the last thread has stopped.
                try daemon.wait("both stand still") { try daemon.frozenGroups().count == 2 }
                #expect(try daemon.fnrpc("worker", "list", "demo/echo").output.contains("frozen"))
            }
            let ticks = try #require(Int(try daemon.fnrpc("invoke", "demo/ticks", "-d", "{}").output))
            try daemon.wait("it is frozen") { try daemon.metric("fnrpc_containers_frozen") == 2 }
            // Looked at long after: a thread of it would have counted on.
            let end = Date().addingTimeInterval(1)
            while Date() < end { _ = try daemon.metric("fnrpc_containers_frozen") }
            let later = try #require(Int(try daemon.fnrpc("invoke", "demo/ticks", "-d", "{}").output))
            #expect(later - ticks < 80, "\(later - ticks) ticks of 10 ms in a second of frozen time")
            #expect(try #require(try daemon.metric("fnrpc_thaws_total")) >= 6)
        }
    }

    /// Calls that come while a container is being frozen.
    @Test func callsAtTheWrongMomentAreAnswered() async throws {
        try await withDaemon(["--freeze-after", "0.001", "--metrics-listen", "tcp:127.0.0.1:0"]) { daemon in
            try daemon.deployEcho(as: "echo", yaml: "memory: 32\nconcurrency: 2\n")
            let client = try await daemon.client()
            let end = Date().addingTimeInterval(6)
            var calls: UInt8 = 0
            while Date() < end {
                calls &+= 1
                let reply = try await client.invoke(
                    app: "demo", function: "echo", payload: [calls], timeout: .seconds(5))
                #expect(reply.payload == [calls])
                if calls % 16 == 0 { try await Task.sleep(for: .milliseconds(Int(calls) % 7)) }
            }
            await client.close()
            try daemon.wait("it is frozen") { try daemon.metric("fnrpc_containers_frozen") == 1 }
        }
    }

    /// Deploys, calls once, and waits; the control group of the frozen container.
    private func frozenEcho(_ daemon: TestDaemon) throws -> String {
        try daemon.deployEcho(as: "echo")
        #expect(try daemon.fnrpc("invoke", "demo/echo", "-d", "a").output == "a")
        try daemon.wait("it is frozen") { try daemon.metric("fnrpc_containers_frozen") == 1 }
        // The kernel says so when the last thread has stopped.
        try daemon.wait("it stands still") { try daemon.frozenGroups().count == 1 }
        return try #require(try daemon.frozenGroups().first)
    }

    /// kill -9 of the daemon ends frozen containers with it; the next daemon finds and leaves nothing.
    @Test func nothingStaysFrozenAfterACrash() async throws {
        try await withDaemon(["--freeze-after", "0.05", "--metrics-listen", "tcp:127.0.0.1:0"]) { daemon in
            let group = try frozenEcho(daemon)
            let before = try daemon.processes(in: group)
            #expect(before.count == 2)
            daemon.crash()
            try daemon.wait("they have ended") { try daemon.processes(in: group).allSatisfy { Self.hasEnded($0) } }
            try daemon.start()
            #expect(!FileManager.default.fileExists(atPath: group))
            #expect(try daemon.fnrpc("invoke", "demo/echo", "-d", "b").output == "b")
            try daemon.wait("it is frozen") { try daemon.metric("fnrpc_containers_frozen") == 1 }
        }
    }

    static func hasEnded(_ process: pid_t) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return true }
        return status.split(separator: ")").last?.hasPrefix(" Z") == true
    }
}

extension TestDaemon {
    /// A Python function with a thread that counts every 10 ms, and answers with its count.
    fileprivate static let ticking = [
        "func.yaml": "name: ticks\nruntime: python\nentry: func.handler\nmemory: 64\nidle_timeout: 60\n",
        "func.py": """
        import threading, time
        count = 0
        def tick():
            global count
            while True:
                time.sleep(0.01)
                count += 1
        threading.Thread(target=tick, daemon=True).start()
        def handler():
            return count

        """,
    ]

    /// The control groups of containers that the kernel says are frozen.
    func frozenGroups() throws -> [String] {
        let instance = try #require(instance)
        let files = FileManager.default
        for root in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
            guard files.fileExists(atPath: root + "/cgroup.controllers") else { continue }
            let name = try #require(
                try files.contentsOfDirectory(atPath: root).first { $0.hasPrefix("fnrpc-" + instance) })
            let own = root + "/" + name
            return try files.contentsOfDirectory(atPath: own).map { own + "/" + $0 }.filter {
                ((try? String(contentsOfFile: $0 + "/cgroup.events", encoding: .utf8)) ?? "").contains("frozen 1")
            }
        }
        return []
    }

    func processes(in group: String) throws -> [pid_t] {
        let text = (try? String(contentsOfFile: group + "/cgroup.procs", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { pid_t($0) }
    }
}
