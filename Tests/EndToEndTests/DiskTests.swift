import Foundation
import Testing

/// A disk with no room left under a running daemon.
@Suite struct DiskTests {
    private static func function(_ name: String) -> [String: String] {
        [
            "func.yaml": "name: \(name)\nruntime: python\nentry: func.handler\n",
            "func.py": "def handler():\n    return '\(name)'\n",
        ]
    }

    @Test func aFullDiskStopsChangesButNoReadsAndNoCalls() async throws {
        let daemon = try TestDaemon(diskMiB: 32)
        try await serving(daemon) { daemon in
            for name in ["hot", "cold"] {
                let folder = try daemon.write(name, Self.function(name))
                #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
            }
            #expect(try daemon.fnrpc("invoke", "demo/hot").output == "\"hot\"")
            let filler = daemon.data + "/filler"
            fill(filler)
            let refusal = try daemon.fnrpc("app", "create", "more")
            #expect(refusal.code != 0 && refusal.errors.contains("is full; nothing was stored"), "\(refusal)")
            #expect(try daemon.fnrpc("app", "get", "more").errors.contains("not found"))
            #expect(try daemon.fnrpc("app", "list").output.contains("demo"))
            #expect(try daemon.fnrpc("invoke", "demo/hot").output == "\"hot\"")
            // Its container was never started.
            let cold = try daemon.fnrpc("invoke", "demo/cold")
            #expect(cold.output == "\"cold\"", "\(cold)")
            try FileManager.default.removeItem(atPath: filler)
            #expect(try daemon.fnrpc("app", "create", "more").code == 0)
            #expect(try daemon.fnrpc("app", "get", "more").code == 0)
        }
    }

    /// Writes until nothing fits any more.
    private func fill(_ path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        #expect(descriptor >= 0)
        defer { close(descriptor) }
        var block = [UInt8](repeating: 1, count: 1 << 20)
        while !block.isEmpty {
            if write(descriptor, block, block.count) < block.count { block = Array(block.prefix(block.count / 2)) }
        }
    }
}
