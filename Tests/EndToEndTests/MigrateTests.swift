import Foundation
import Testing

@Suite struct MigrateTests {
    private func migrate(_ daemon: TestDaemon, _ arguments: String...) throws -> TestDaemon.CommandResult {
        try TestDaemon.run(
            TestDaemon.binaries + "/fnrpcd", ["migrate", "--data-dir", daemon.folder + "/data"] + arguments)
    }

    private func json(_ result: TestDaemon.CommandResult) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    }

    @Test func aDatabaseGoesDownAndComesBack() async throws {
        try await withDaemon { daemon in
            let folder = try daemon.write("hello", MainJobTests.hello)
            #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
            let busy = try migrate(daemon, "--status")
            #expect(busy.code == 4 && busy.output.isEmpty)
            #expect(busy.errors.contains("is in use by another fnrpcd (pid \(daemon.process.processIdentifier))"))
            #expect(daemon.stop() == 0)

            let table = try migrate(daemon, "--status")
            #expect(table.code == 0 && table.output.hasPrefix("schema 4; this fnrpcd knows 4\nNUMBER  NAME "))
            let status = try json(migrate(daemon, "--status", "--output", "json"))
            let rows = try #require(status["migrations"] as? [[String: Any]])
            #expect(rows.map { $0["state"] as? String } == ["applied", "applied", "applied", "applied"])
            #expect(rows.allSatisfy { ($0["applied_at"] as? String)?.hasSuffix("Z") == true })

            let refused = try migrate(daemon, "--to", "1")
            #expect(refused.code == 4 && refused.errors.contains("for good") && refused.errors.contains("--force"))
            let dry = try json(migrate(daemon, "--to", "1", "--dry-run", "--output", "json"))
            let steps = try #require(dry["steps"] as? [[String: Any]])
            #expect(dry["dry_run"] as? Bool == true && dry["backup"] == nil)
            #expect(steps.map { $0["direction"] as? String } == ["down", "down", "down"])
            #expect(steps.allSatisfy { $0["loses"] is String })
            #expect(try json(migrate(daemon, "--status", "--output", "json"))["schema"] as? Int == 4)

            let down = try migrate(daemon, "--to", "1", "--force")
            #expect(down.code == 0 && down.output.hasPrefix("schema 4 to 1: done\n"), "\(down.errors)")
            let line = try #require(down.output.split(separator: "\n").last { $0.hasPrefix("backup: ") })
            let backup = daemon.folder + "/data/" + line.dropFirst("backup: ".count)
            #expect(FileManager.default.fileExists(atPath: backup))
            #expect(try json(migrate(daemon, "--status", "--output", "json"))["schema"] as? Int == 1)

            try daemon.start()
            let reply = try daemon.fnrpc("invoke", "demo/hello", "-d", "{}")
            #expect(reply.code == 0, "\(reply.errors)")
            let info = try daemon.fnrpc("system", "info", "--output", "json")
            #expect(info.output.contains("\"schema_version\":4") || info.output.contains("\"schema_version\": 4"))
        }
    }

    @Test func mistakesAreSaid() throws {
        var template = Array("/tmp/fnrpc-e2e-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func run(_ arguments: String...) throws -> TestDaemon.CommandResult {
            try TestDaemon.run(TestDaemon.binaries + "/fnrpcd", ["migrate"] + arguments)
        }
        for words in [[], ["--status", "--to", "1"], ["--to", "x"], ["--status", "--force"], ["--status", "more"]] {
            let result = try TestDaemon.run(
                TestDaemon.binaries + "/fnrpcd", ["migrate", "--data-dir", folder] + words)
            #expect(result.code == 2 && !result.errors.isEmpty, "\(words)")
        }
        let absent = try run("--data-dir", folder + "/absent", "--status")
        #expect(absent.code == 3 && absent.errors.contains("does not exist"))
        #expect(!FileManager.default.fileExists(atPath: folder + "/absent"))
        let empty = try run("--data-dir", folder, "--to", "3")
        #expect(empty.code == 3 && empty.errors.contains("has no database"))
        #expect(!FileManager.default.fileExists(atPath: folder + "/fnrpc.db"))
        try Data().write(to: URL(fileURLWithPath: folder + "/fnrpc.db"))
        let beyond = try run("--data-dir", folder, "--to", "5")
        #expect(beyond.code == 4 && beyond.errors == "fnrpcd: to: schema 5 is out of range; 0 to 4\n")
        let up = try run("--data-dir", folder, "--to", "2")
        #expect(up.code == 0 && up.output.hasPrefix("schema 0 to 2: done\n"))
    }
}
