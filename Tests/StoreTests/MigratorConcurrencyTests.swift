import Foundation
import Model
import Store
import Testing

@Suite struct MigratorConcurrencyTests {
    @Test func twoAtOnceShareTheWork() async throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        try SampleSchema.populate(path, with: try SampleSchema.migrator())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 { group.addTask { try Migrator(SampleSchema.migrations).migrate(path) } }
            try await group.waitForAll()
        }
        let status = try SampleSchema.migrator().status(of: path)
        #expect(status.schema == 3 && status.refusal == nil && status.applied.count == 3)
        #expect(try Python.sql(path, "SELECT long FROM people") == "ADA")
    }

    /// Some go up while others go down: each succeeds or says why not, and the schema is always a whole one.
    @Test func againstEachOtherNothingBreaks() async throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let witness = scratch.path + "/witness.db"
        var schemas: [String] = []
        for number in 0...3 {
            try SampleSchema.migrator().migrate(witness, to: number)
            schemas.append(number == 0 ? "" : try SampleSchema.schema(witness))
        }
        try SampleSchema.migrator().migrate(path, to: 1)
        let refused = await withTaskGroup(of: [Failure].self) { group in
            for seed in 0..<3 {
                group.addTask {
                    var random = SeededRandom(state: UInt64(seed))
                    var refused: [Failure] = []
                    for _ in 0..<15 {
                        let target = Int.random(in: 1...3, using: &random)
                        do throws(Failure) {
                            try Migrator(SampleSchema.migrations).migrate(path, to: target, force: true)
                        } catch {
                            refused.append(error)
                        }
                    }
                    return refused
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        for failure in refused {
            #expect(failure.code == .conflict || failure.code == .busy, "\(failure.message)")
        }
        let status = try SampleSchema.migrator().status(of: path)
        #expect(status.refusal == nil && status.applied.count == status.schema)
        // SQLite quotes the name of a table that was renamed, so one way leaves quotes where the other has none.
        let (found, expected) = (try SampleSchema.schema(path), schemas[status.schema])
        #expect(found.replacing("\"", with: "") == expected.replacing("\"", with: ""))
        #expect(try Python.sql(path, "PRAGMA integrity_check") == "ok")
    }

    @Test func aLockOfAnotherProgramIsSaid() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let migrator = try SampleSchema.migrator()
        try SampleSchema.populate(path, with: migrator)
        let other = try OpenDatabase(path)
        try other.sql("BEGIN IMMEDIATE")
        try other.sql("INSERT INTO people VALUES (2, 'eve')")
        let refusal = #expect(throws: Failure.self) { try migrator.migrate(path) }
        #expect(refusal?.code == .busy && refusal?.message.contains("locked by another program") == true)
        #expect(try SampleSchema.backups(scratch).isEmpty && migrator.status(of: path).schema == 2)
        // What it did is gone with it, its lock too.
        other.kill()
        try migrator.migrate(path)
        #expect(try Python.sql(path, "SELECT long FROM people") == "ADA")
    }

    @Test func aReaderSeesItsStateToTheEnd() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let migrator = try SampleSchema.migrator()
        try SampleSchema.populate(path, with: migrator)
        let reader = try OpenDatabase(path)
        try reader.sql("BEGIN")
        #expect(try reader.sql("SELECT * FROM people") == "1|ada")
        let backup = try migrator.migrate(path).backup
        #expect(backup != nil)
        #expect(try reader.sql("SELECT * FROM people") == "1|ada")
        #expect(try reader.sql("SELECT max(number) FROM schema_migrations") == "2")
        try reader.sql("COMMIT")
        #expect(try reader.sql("SELECT * FROM people") == "1|ada|ADA")
    }
}
