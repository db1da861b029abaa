import Foundation
import Testing

@Suite struct MaintenanceTests {
    @Test func anArchiveMovesEverythingToAnotherDaemon() async throws {
        try await withDaemon { source in
            let folder = try source.write("hello", MainJobTests.hello)
            #expect(try source.fnrpc("deploy", folder, "--app", "demo").code == 0)
            #expect(try source.fnrpc("invoke", "demo/hello", "-d", "{}").code == 0)
            let archive = source.folder + "/export.tar"
            let exported = try source.fnrpc("system", "export", archive)
            #expect(exported.code == 0, "\(exported)")
            try await withDaemon { target in
                let imported = try target.fnrpc("system", "import", archive, "--output", "json")
                #expect(imported.code == 0, "\(imported)")
                let reply = try target.fnrpc("invoke", "demo/hello", "-d", #"{"name":"Ada"}"#)
                #expect(reply.output == #"{"message":"Hello Ada"}"#, "\(reply)")
                let again = try target.fnrpc("system", "import", archive)
                #expect(again.code == 4 && again.errors.contains("app \"demo\""), "\(again)")
                let second = target.folder + "/again.tar"
                #expect(try target.fnrpc("system", "export", second).code == 0)
                let audit = try String(contentsOfFile: target.folder + "/data/audit.log", encoding: .utf8)
                #expect(audit.contains("fnrpc.v1.Maintenance/Import") && audit.contains("fnrpc.v1.Maintenance/Export"))
                #expect(try FileManager.default.contentsOfDirectory(atPath: target.folder + "/data/transfers").isEmpty)
            }
        }
    }

    @Test func entitiesMoveBetweenVersionsWhileTheyAreCalled() async throws {
        try await withDaemon(["--allow-test-versions", "true"]) { daemon in
            let folder = try daemon.write("hello", MainJobTests.hello)
            #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
            #expect(try daemon.fnrpc("invoke", "demo/hello", "-d", "{}").code == 0)
            let up = try daemon.fnrpc("system", "migrate", "--to", "2")
            #expect(up.code == 0, "\(up)")
            let call = try daemon.fnrpc("invoke", "demo/hello", "-d", "{}")
            #expect(call.code == 0, "\(call)")
            let refused = try daemon.fnrpc("system", "purge", "1", "--confirm")
            #expect(refused.code == 4 && refused.errors.contains("is a release"), "\(refused)")
            let unknown = try daemon.fnrpc("system", "migrate", "--to", "9")
            #expect(unknown.code == 4 && unknown.errors.contains("0, 1, 2"), "\(unknown)")
            #expect(try daemon.fnrpc("system", "migrate", "--to", "1").code == 0)
            #expect(try daemon.fnrpc("invoke", "demo/hello", "-d", "{}").code == 0)
        }
    }

    @Test func aBackupIsADatabase() async throws {
        try await withDaemon { daemon in
            let backup = try daemon.fnrpc("system", "backup")
            #expect(backup.code == 0, "\(backup)")
            let names = try FileManager.default.contentsOfDirectory(atPath: daemon.folder + "/data/backups")
            #expect(names.count == 1 && names.allSatisfy { backup.output.contains($0) })
        }
    }
}
