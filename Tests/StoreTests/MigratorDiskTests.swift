import Foundation
import Model
import Store
import Testing

/// On real, small file systems, so only as root.
@Suite(.enabled(if: geteuid() == 0, "a file system can only be mounted by root"))
struct MigratorDiskTests {
    private func fill(_ path: String) throws {
        let migrator = try SampleSchema.migrator()
        try SampleSchema.populate(path, with: migrator)
        _ = try Python.sql(
            path, "INSERT INTO people VALUES (2, hex(randomblob(150000)))", "PRAGMA wal_checkpoint(TRUNCATE)")
    }

    @Test func aCopyWithoutRoomChangesNothing() async throws {
        try await withSmallDisk(kibibytes: 2000) { scratch in
            let path = scratch.path + "/fnrpc.db"
            try fill(path)
            try remount(scratch, kibibytes: 520)
            let (before, names) = (try SampleSchema.contents(path), try scratch.names(""))
            let migrator = try SampleSchema.migrator()
            let refusal = #expect(throws: Failure.self) { try migrator.migrate(path) }
            #expect(refusal?.message.hasPrefix("the database cannot be backed up: ") == true)
            #expect(refusal?.message.contains("disk") == true && refusal?.message.contains("full") == true)
            #expect(try (SampleSchema.contents(path) == before) == true)
            #expect(try scratch.names("") == names)
            try remount(scratch)
            #expect(try migrator.migrate(path).backup != nil && migrator.status(of: path).schema == 3)
        }
    }

    @Test func aStepWithoutRoomChangesNothing() async throws {
        try await withSmallDisk(kibibytes: 1000) { scratch in
            let path = scratch.path + "/fnrpc.db"
            try fill(path)
            let before = try SampleSchema.contents(path)
            let hungry = try Migrator(SampleSchema.with(3, up: "CREATE TABLE big AS SELECT randomblob(2000000) AS x"))
            let refusal = #expect(throws: Failure.self) { try hungry.migrate(path) }
            #expect(refusal?.message.contains("is full; nothing was stored") == true, "\(refusal?.message ?? "")")
            #expect(refusal?.message.hasSuffix("the database stays at schema 2") == true)
            #expect(try (SampleSchema.contents(path) == before) == true)
            #expect(try SampleSchema.backups(scratch).isEmpty)
            try remount(scratch)
            try hungry.migrate(path)
            #expect(try hungry.status(of: path).schema == 3)
        }
    }

    @Test func aReadOnlyFileSystemIsSaid() async throws {
        try await withSmallDisk(kibibytes: 4000) { scratch in
            let path = scratch.path + "/fnrpc.db"
            try SampleSchema.migrator().migrate(path, to: 2)
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            let empty = scratch.path + "/empty.db"
            try Data().write(to: URL(fileURLWithPath: empty))
            try remount(scratch, readOnly: true)
            let migrator = try SampleSchema.migrator()
            #expect(try migrator.status(of: path).schema == 2)
            let copy = #expect(throws: Failure.self) { try migrator.migrate(path) }
            #expect(copy?.message.hasSuffix("Read-only file system") == true, "\(copy?.message ?? "")")
            let refusal = #expect(throws: Failure.self) { try migrator.migrate(empty) }
            #expect(refusal?.message.contains("cannot be written; check its mode") == true, "\(refusal?.message ?? "")")
            let absent = #expect(throws: Failure.self) { try migrator.migrate(scratch.path + "/new.db") }
            #expect(absent?.message.hasPrefix("the database cannot be opened") == true)
            #expect((try Data(contentsOf: URL(fileURLWithPath: path)) == before) == true)
            try remount(scratch)
            try migrator.migrate(path)
        }
    }
}
