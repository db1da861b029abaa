import FnrpcClient
import Foundation
import Synchronization
import Testing

/// Containers that are replaced after so many calls, or after so long.
@Suite struct ReplacementTests {
    @Test func containerServesSoManyCalls() async throws {
        try await withDaemon { daemon in
            try daemon.deploy(
                "count",
                [
                    "func.yaml": "name: count\nruntime: python\nentry: func.handler\nmemory: 64\nmax_calls: 3\n",
                    "func.py": "calls = 0\ndef handler():\n    global calls\n    calls += 1\n    return calls\n",
                ])
            for expected in ["1", "2", "3", "1", "2", "3", "1"] {
                #expect(try daemon.fnrpc("invoke", "demo/count", "-d", "{}").output == expected)
            }
        }
    }

    /// Many callers at once, and a container is replaced every 20 calls or every second: none of them notices, until so many
    /// containers were seen that some must have been replaced.
    @Test(arguments: ["max_calls: 20\n", "max_age: 1\n"]) func noCallIsLost(yaml: String) async throws {
        try await withDaemon { daemon in
            try daemon.deployEcho(as: "echo", yaml: "memory: 32\nconcurrency: 8\nmax_containers: 3\n" + yaml)
            let client = try await daemon.client()
            let end = Date().addingTimeInterval(60)
            let seen = Mutex<Set<Substring>>([])
            let isOver = { @Sendable in seen.withLock { $0.count >= 6 } || Date() >= end }
            let watcher = Thread {
                while !isOver() {
                    let rows = (try? daemon.fnrpc("worker", "list", "demo/echo").output) ?? ""
                    let containers = rows.split(separator: "\n").dropFirst().compactMap {
                        $0.split(separator: " ").first
                    }
                    seen.withLock { $0.formUnion(containers) }
                }
            }
            watcher.start()
            let failures = await withTaskGroup(of: [String].self, returning: [String].self) { group in
                for caller in 0..<24 as Range<UInt8> {
                    group.addTask {
                        while !isOver() {
                            do {
                                let reply = try await client.invoke(app: "demo", function: "echo", payload: [caller])
                                if reply.payload != [caller] { return ["\(reply.payload)"] }
                            } catch { return ["\(error)"] }
                        }
                        return []
                    }
                }
                return await group.reduce(into: []) { $0 += $1 }
            }
            #expect(failures == [])
            await client.close()
            // Three are there at once.
            #expect(seen.withLock { $0.count } >= 6)
        }
    }
}
