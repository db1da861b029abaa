import Foundation
import Model
import Synchronization
import Testing
import Wire

@testable import fnrpc

/// Backup, export, import, and what concerns api_version.
@Suite struct SystemCommandTests {
    private func withServer(_ handler: @escaping TtrpcServer.Handler, _ body: (TtrpcServer, Scratch) throws -> Void)
        throws
    {
        let scratch = try Scratch()
        let server = try TtrpcServer(scratch, handler)
        defer { server.stop() }
        try body(server, scratch)
    }

    private func run(_ server: TtrpcServer, _ arguments: [String], input: String = "") throws -> FnrpcProcess.Result {
        try FnrpcProcess.run(["system"] + arguments + ["--address", server.address], input: input)
    }

    private static func chunks(_ pieces: [String]) -> [TtrpcServer.Answer] {
        pieces.map { .data(ArchiveChunk(data: Array($0.utf8)).encoded()) }
    }

    @Test func anExportAppearsWhole() throws {
        let isBroken = Mutex(false)
        try withServer { _, event in
            guard case .request = event else { return [] }
            return Self.chunks(["ab", "cd"]) + [isBroken.withLock { $0 } ? .status(13, "disk") : .finished]
        } _: { server, scratch in
            let file = scratch.path + "/out/all.tar"
            try scratch.write("out/all.tar", "old")
            let good = try run(server, ["export", file, "--calls"])
            #expect(good.output == "exported 4 bytes to \(file)\n" && good.code == 0)
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "abcd")
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let asked = try ExportRequest(decoding: try #require(server.requests.first).payload, strict: true)
            #expect(asked.calls)
            #expect(try run(server, ["export"]).output == "abcd")
            let dash = try run(server, ["export", "-"])
            #expect(dash.output == "abcd" && dash.errors.isEmpty)
            isBroken.withLock { $0 = true }
            let bad = try run(server, ["export", file, "--output", "json"])
            #expect(bad.code == 1 && bad.output.isEmpty)
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "abcd")
            #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/out") == ["all.tar"])
            for name in [scratch.path, scratch.path + "/none/x"] {
                let refused = try run(server, ["export", name])
                #expect(refused.code == 4 && refused.errors.hasPrefix("fnrpc: FILE: "))
            }
        }
    }

    @Test func exportUsage() async throws {
        #expect(await Outcome.running(["system", "export", "--output", "json"]).exitCode == 2)
        // A terminal, as the command sees it.
        let scratch = try Scratch()
        let terminal = try fnrpcInTerminal(["system", "export", "--address", "unix:/nowhere"], scratch)
        #expect(terminal.contains("the archive is not for a terminal"))
    }

    private func fnrpcInTerminal(_ arguments: [String], _ scratch: Scratch) throws -> String {
        let command = ([FnrpcProcess.path] + arguments).joined(separator: " ")
        return try fnrpc_run(["script", "-qec", command, "/dev/null"], scratch)
    }

    private func fnrpc_run(_ arguments: [String], _ scratch: Scratch) throws -> String {
        try FnrpcTests.run(arguments, directory: scratch.path).output
    }

    @Test func anImportIsSentInPieces() throws {
        let got = Mutex<[UInt8]>([])
        try withServer { _, event in
            switch event {
            case .request: return []
            case .data(let bytes):
                let chunk = try? ArchiveChunk(decoding: bytes, strict: true)
                got.withLock { $0 += chunk?.data ?? [] }
                return []
            case .finished: return [.response(ImportResponse(entities: 3, packages: 2, calls: 1).encoded())]
            }
        } _: { server, scratch in
            let text = String(repeating: "0123456789", count: 70_000)
            try scratch.write("in.tar", text)
            let result = try run(server, ["import", scratch.path + "/in.tar"])
            #expect(result.output == "imported 3 entities, 2 packages, 1 calls\n" && result.code == 0)
            let sent = got.withLock { $0 }
            #expect((sent == Array(text.utf8)) == true)
            let json = try run(server, ["import", "-", "--output", "json"], input: "x")
            #expect(json.output == "{\n  \"calls\": 1,\n  \"entities\": 3,\n  \"packages\": 2\n}\n")
            #expect(try run(server, ["import", scratch.path + "/none"]).code == 4)
        }
    }

    @Test func aRefusedImportSaysWhy() throws {
        try withServer { _, event in
            guard case .request = event else { return [] }
            return [.status(3, "archive: is not one of fnrpc system export; give another")]
        } _: { server, scratch in
            try scratch.write("in.tar", String(repeating: "x", count: 3 << 20))
            let result = try run(server, ["import", scratch.path + "/in.tar"])
            #expect(result.code == 4)
            #expect(result.errors == "fnrpc: archive: is not one of fnrpc system export; give another\n")
        }
    }

    @Test func migration() throws {
        let last = Mutex(MigrateEntitiesProgress(done: 5, total: 5))
        try withServer { _, event in
            guard case .request = event else { return [] }
            return [
                .data(MigrateEntitiesProgress(done: 1, total: 5).encoded()), .data(last.withLock { $0 }.encoded()),
                .finished,
            ]
        } _: { server, _ in
            let good = try run(server, ["migrate", "--to", "2"])
            #expect(good.output == "5 of 5 entities are rewritten in api_version 2\n")
            #expect(good.code == 0 && good.errors.isEmpty)
            let asked = try MigrateEntitiesRequest(decoding: try #require(server.requests.first).payload, strict: true)
            #expect(asked.to == 2 && !asked.dryRun)
            last.withLock {
                $0 = MigrateEntitiesProgress(done: 3, total: 5, refused: 2, problems: ["app a: no", "app b: no"])
            }
            let partly = try run(server, ["migrate", "--to", "1", "--dry-run", "--output", "json"])
            #expect(partly.code == 4)
            #expect(partly.errors.hasPrefix("fnrpc: 2 of 5 entities cannot be converted"))
            #expect(partly.errors.contains("  app a: no\n  app b: no\n"))
            #expect(partly.output.contains("\"refused\": 2") && partly.output.contains("\"dry_run\": true"))
            #expect(partly.output.contains("\"unknown\": 0") && partly.output.contains("\"unknown_ids\": []"))
            last.withLock { $0 = MigrateEntitiesProgress(done: 5, total: 5, unknown: 3, unknownIDs: ["A", "B"]) }
            let newer = try run(server, ["migrate", "--to", "2"])
            #expect(
                newer.output == """
                    5 of 5 entities are rewritten in api_version 2
                    stays: A: its api_version is not known
                    stays: B: its api_version is not known
                    and 1 more stay

                    """ && newer.code == 0)
            let json = try run(server, ["migrate", "--to", "2", "--output", "json"]).output
            #expect(json.contains("\"unknown\": 3") && json.contains("\"A\",\n    \"B\""))
        }
    }

    @Test func purge() throws {
        try withServer { request, _ in
            let asked = try? PurgeByApiVersionRequest(decoding: request.payload, strict: true)
            let deletion = Deletion(
                entities: TriggerCommandTests.deletion.entities, done: asked?.confirm == true, count: 1002)
            guard asked?.apiVersion == 2, asked?.kind == "trigger" else { return [.status(3, "unexpected")] }
            return [
                .response(
                    PurgeByApiVersionResponse(
                        deletion: deletion, refused: ["app demo: function demo/f uses it"], refusedCount: 3
                    ).encoded())
            ]
        } _: { server, _ in
            let dry = try run(server, ["purge", "2", "--kind", "trigger"])
            #expect(
                dry.output == """
                    would delete trigger demo/greet (\(TriggerCommandTests.id))
                    would delete function demo/f (\(TriggerCommandTests.other))
                    and 1000 more
                    stays: app demo: function demo/f uses it
                    and 2 more stay
                    1002 entities would go; --confirm deletes them

                    """)
            let done = try run(server, ["purge", "2", "--kind", "trigger", "--confirm"])
            #expect(done.output.hasSuffix("deleted 1002 entities\n") && done.code == 0)
            let json = try run(server, ["purge", "2", "--kind", "trigger", "--output", "json"])
            #expect(json.output.contains("\"refused\": [\n    \"app demo: function demo/f uses it\"\n  ]"))
        }
    }

    @Test func countsRawAndBackup() throws {
        let raw = RawEntity(
            kind: "app", id: TriggerCommandTests.id, name: "demo", apiVersion: 9, revision: 2,
            createdAt: Timestamp(nanoseconds: 0), updatedAt: Timestamp(nanoseconds: 1),
            body: Array("demo ABC".utf8) + Array(0...15))
        try withServer { request, _ in
            switch request.method {
            case "CountByApiVersion":
                let counts = [ApiVersionCount(kind: "app", apiVersion: 1, entities: 12)]
                return [.response(CountByApiVersionResponse(counts: counts).encoded())]
            case "GetRaw": return [.response(raw.encoded())]
            case "Backup": return [.response(BackupResponse(name: "b.db", bytes: 4096, digest: "sha256:00").encoded())]
            default: return [.status(12, request.method)]
            }
        } _: { server, _ in
            #expect(try run(server, ["count"]).output == "KIND  API VERSION  ENTITIES\napp   1            12\n")
            let shown = try run(server, ["raw", "app", TriggerCommandTests.id])
            #expect(
                shown.output.hasSuffix(
                    """
                    00000000  64 65 6d 6f 20 41 42 43 00 01 02 03 04 05 06 07  demo ABC........
                    00000010  08 09 0a 0b 0c 0d 0e 0f                          ........

                    """))
            #expect(shown.output.contains("\napi version: 9\n"))
            let json = try run(server, ["raw", "app", TriggerCommandTests.id, "--output", "json"])
            #expect(json.output.contains("\"body_base64\": \"ZGVtbyBBQkMAAQIDBAUGBwgJCgsMDQ4P\""))
            #expect(try run(server, ["backup"]).output == "backup: b.db\nbytes:  4096\ndigest: sha256:00\n")
        }
    }
}
