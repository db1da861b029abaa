import Foundation
import Model
import Store
import Testing

@Suite struct MigratorFailureTests {
    @Test(arguments: 1...3)
    func aStepUpThatFailsLeavesTheStateBefore(number: Int) throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let good = SampleSchema.migrations[number - 1].up
        let broken = try Migrator(SampleSchema.with(number, up: good + ";\nINSERT INTO absent VALUES (1);"))
        let refusal = #expect(throws: Failure.self) { try broken.migrate(path) }
        #expect(refusal?.code == .internalError)
        #expect(refusal?.message.contains("no such table: absent") == true, "\(refusal?.message ?? "")")
        #expect(refusal?.message.hasSuffix("the database stays at schema \(number - 1)") == true)
        let status = try broken.status(of: path)
        #expect(status.schema == number - 1 && status.refusal == nil)
        let witness = scratch.path + "/witness.db"
        try SampleSchema.migrator().migrate(witness, to: number - 1)
        #expect(try SampleSchema.schema(path) == (number == 1 ? "" : SampleSchema.schema(witness)))
        // Repaired, it goes on. The steps before are as they were.
        try SampleSchema.migrator().migrate(path)
        #expect(try SampleSchema.migrator().status(of: path).schema == 3)
    }

    @Test(arguments: 1...3)
    func aStepDownThatFailsLeavesTheStateBefore(number: Int) throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let good = SampleSchema.migrations[number - 1].down
        let broken = try Migrator(SampleSchema.with(number, down: good + ";\nINSERT INTO absent VALUES (1);"))
        try broken.migrate(path)
        let refusal = #expect(throws: Failure.self) { try broken.migrate(path, to: 0, force: true) }
        #expect(refusal?.message.contains("\(SampleSchema.migrations[number - 1].label), down: ") == true)
        #expect(try broken.status(of: path).schema == number)
        #expect(try Python.sql(path, "SELECT count(*) FROM people") == "0")
        // A copy stays only where something was changed.
        #expect(try SampleSchema.backups(scratch).count == (number == 3 ? 0 : 1))
        try broken.migrate(path)
        #expect(try broken.status(of: path).schema == 3)
    }

    @Test func restartsThatFailKeepTheCopies() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let migrator = try SampleSchema.migrator()
        try SampleSchema.populate(path, with: migrator)
        for number in [3, 2, 3, 2] { try migrator.migrate(path, to: number) }
        let (before, backups) = (try SampleSchema.contents(path), try SampleSchema.backups(scratch))
        #expect(backups.count == 3)
        let broken = try Migrator(SampleSchema.with(3, up: "SELECT 1; nonsense"))
        for _ in 0..<4 { #expect(throws: Failure.self) { try broken.migrate(path) } }
        #expect(try SampleSchema.backups(scratch) == backups && SampleSchema.contents(path) == before)
    }

    @Test func rowsThatPointNowhereAreRefused() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        try SampleSchema.populate(path, with: try SampleSchema.migrator())
        let before = try SampleSchema.contents(path)
        let broken = try Migrator(SampleSchema.with(3, up: "DELETE FROM people"))
        let refusal = #expect(throws: Failure.self) { try broken.migrate(path) }
        #expect(refusal?.message.contains("table pets would point to rows of people that do not exist") == true)
        #expect(try SampleSchema.contents(path) == before)
    }

    /// The clock is read in the transaction, when the step's SQL is done: what the files hold then is what kill -9 leaves.
    @Test(arguments: [true, false])
    func aProcessThatDiesLeavesTheStateBefore(inWAL: Bool) throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        try SampleSchema.migrator().migrate(path, to: 2)
        _ = try Python.sql(
            path, "PRAGMA journal_mode = \(inWAL ? "WAL" : "DELETE")", "INSERT INTO people VALUES (1, 'ada')")
        let before = try SampleSchema.contents(path)
        let copies = try Scratch()
        let dying = try Migrator(
            // More than SQLite keeps in memory, so that pages of a transaction that is open are in the files.
            SampleSchema.with(3, up: "CREATE TABLE big AS SELECT randomblob(8000000) AS noise"),
            now: {
                for name in (try? scratch.names("")) ?? [] {
                    try? FileManager.default.removeItem(atPath: copies.path + "/" + name)
                    try? FileManager.default.copyItem(
                        atPath: scratch.path + "/" + name, toPath: copies.path + "/" + name)
                }
                return .now()
            })
        try dying.migrate(path)
        #expect(try dying.status(of: path).schema == 3)
        let copy = copies.path + "/fnrpc.db"
        #expect(try copies.names("").contains(inWAL ? "fnrpc.db-wal" : "fnrpc.db-journal"))
        // An old index of the WAL belongs to a process that lives.
        try? FileManager.default.removeItem(atPath: copy + "-shm")
        #expect(try SampleSchema.migrator().status(of: copy).schema == 2)
        #expect(try SampleSchema.contents(copy) == before && Python.sql(copy, "PRAGMA integrity_check") == "ok")
        try SampleSchema.migrator().migrate(copy)
        #expect(try Python.sql(copy, "SELECT long FROM people") == "ADA")
    }

    @Test(arguments: [
        (
            "UPDATE schema_migrations SET checksum = 'sha256:00' WHERE number = 1",
            "migration 001-people is not the one of this fnrpcd"
        ),
        ("DELETE FROM schema_migrations WHERE number = 1", "has migration 002-pets but lacks 001-people"),
        ("UPDATE schema_migrations SET number = -1 WHERE number = 1", "but lacks a migration that can be number -1"),
        (
            "INSERT INTO schema_migrations VALUES (4, 'later', '', 0)",
            "written by a newer fnrpcd: it has schema 4, this one knows 3"
        ),
    ])
    func whatDoesNotFitIsRefused(change: String, message: String) throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let migrator = try SampleSchema.migrator()
        try SampleSchema.populate(path, with: migrator)
        _ = try Python.sql(path, change)
        let before = try SampleSchema.contents(path)
        for target in [nil, 3, 1] {
            let refusal = #expect(throws: Failure.self) { try migrator.migrate(path, to: target, force: true) }
            #expect(refusal?.code == .precondition && refusal?.message.contains(message) == true)
        }
        #expect(throws: Failure.self) { try migrator.migrate(path, dryRun: true) }
        let status = try migrator.status(of: path)
        #expect(status.refusal?.message.contains(message) == true, "\(status.refusal?.message ?? "")")
        #expect(status.unknown.map(\.name) == (change.hasPrefix("INSERT") ? ["later"] : []))
        #expect(try SampleSchema.contents(path) == before && SampleSchema.backups(scratch).isEmpty)
    }

    @Test func anyLetterOfAMigrationCounts() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        try SampleSchema.migrator().migrate(path)
        let known = SampleSchema.migrations[0]
        for changed in [
            Migration(number: 1, name: "persons", up: known.up, down: known.down),
            Migration(number: 1, name: known.name, up: known.up + " ", down: known.down),
            Migration(number: 1, name: known.name, up: known.up, down: known.down + " "),
            // The same letters on another side of the border.
            Migration(number: 1, name: known.name + "C", up: String(known.up.dropFirst()), down: known.down),
        ] {
            let other = try Migrator([changed] + SampleSchema.migrations.dropFirst())
            let refusal = #expect(throws: Failure.self) { try other.migrate(path) }
            #expect(refusal?.message.contains("001-people") == true)
        }
        // Only the words about what is lost may change.
        let same = Migration(number: 1, name: known.name, up: known.up, down: known.down, losesOnDown: "x")
        #expect(try Migrator([same] + SampleSchema.migrations.dropFirst()).migrate(path).plan.steps.isEmpty)
    }

    @Test(arguments: [
        ("CREATE TABLE grdb_migrations (identifier TEXT PRIMARY KEY)", "made by a pre-release of fnrpcd"),
        ("CREATE TABLE visits (url TEXT)", "was not made by fnrpcd: it has the table \"visits\""),
    ])
    func databasesOfOthersAreRefused(statement: String, message: String) throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        _ = try Python.sql(path, statement)
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let migrator = try SampleSchema.migrator()
        let refusals = [
            #expect(throws: Failure.self) { try migrator.migrate(path) },
            #expect(throws: Failure.self) { try migrator.status(of: path) },
            #expect(throws: Failure.self) { try SQLiteDriver(path: path) },
        ]
        for refusal in refusals {
            #expect(refusal?.code == .precondition && refusal?.message.contains(message) == true)
        }
        #expect((try Data(contentsOf: URL(fileURLWithPath: path)) == before) == true)
    }
}
