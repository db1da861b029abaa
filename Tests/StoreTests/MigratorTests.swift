import Foundation
import Model
import Store
import Testing

@Suite struct MigratorTests {
    @Test func upAndDownLeadToTheSameSchema() throws {
        let migrator = try Migrations.migrator
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        var schemas: [String] = []
        for number in 0...migrator.latest {
            try migrator.migrate(path, to: number)
            schemas.append(number == 0 ? "" : try SampleSchema.schema(path))
        }
        #expect(Set(schemas).count == schemas.count)
        for low in 0..<migrator.latest {
            for number in (low..<migrator.latest).reversed() {
                try migrator.migrate(path, to: number, force: true)
                #expect(try number == 0 || SampleSchema.schema(path) == schemas[number])
            }
            try migrator.migrate(path)
            #expect(try SampleSchema.schema(path) == schemas[migrator.latest])
        }
        #expect(try Python.sql(path, "PRAGMA integrity_check") == "ok")
    }

    @Test func theStoreKeepsWhatItCan() async throws {
        let test = try TestStore(.sqlite)
        try await test.furnish()
        var spec = Sample.spec()
        spec.services = ["pkg.Greeter", "pkg.Other"]
        try await test.deploy(spec: spec)
        try await test.store.driver.append([Sample.call(1, log: "x")])
        let (rows, last) = (try test.rows(), test.store.lastSequence)
        let instance = test.store.driver.instanceID
        try test.store.close()

        try Migrations.migrator.migrate(test.path, to: 1, force: true)
        #expect(try Migrations.migrator.status(of: test.path).pending.map(\.number) == [2, 3, 4])
        try test.reopen()
        #expect(try test.rows() == rows)
        #expect(test.store.driver.instanceID == instance)
        #expect(try await test.store.driver.callCount() == 0)
        // The events are gone, but their numbers are not given out again.
        #expect(try await test.store.driver.events(after: 0, limit: 100).isEmpty)
        #expect(test.store.lastSequence == last && last > 0)
        try await test.deploy(spec: spec)
        #expect(try await test.store.driver.events(after: 0, limit: 1).map(\.sequence) == [last + 1])
    }

    /// Records of before there were reasons get them, and their logs are where they are now; and back.
    @Test func recordsOfOldAreCompleted() async throws {
        let test = try TestStore(.sqlite)
        let long = String(repeating: "é\n", count: 50_000)
        let calls = (1...10).map { Sample.call($0, log: $0 % 2 == 0 ? "log \($0)" : $0 == 3 ? long : "") }
        try await test.store.driver.append(calls)
        try await test.store.driver.append([Sample.call(11, input: "body")])
        try test.store.close()
        try Migrations.migrator.migrate(test.path, to: 3, force: true)
        #expect(try Python.sql(test.path, "SELECT count(*) FROM call_logs") == "6")
        try test.reopen()
        let driver = test.store.driver
        for call in calls {
            let found = try #require(try await driver.call(call.meta.id))
            #expect(found.status == call.status && found.logBytes == UInt64(call.log.count))
            #expect(found.reason == call.status.reason(nil) && found.exit == nil && found.path.isEmpty)
            #expect(try await driver.callContents(call.meta.id)?.log ?? [] == call.log)
        }
        #expect(try await driver.call(Sample.id(11))?.inputBytes == 0)
        #expect(try await driver.callContents(Sample.id(11)) == nil)
        // What was there counts in the budget.
        try await driver.append([Sample.call(12, log: "new")], specs: [:], maxContentBytes: 20)
        #expect(try await driver.callContents(Sample.id(3)) == nil)
        #expect(try await driver.callContents(Sample.id(12))?.log == Array("new".utf8))
    }

    @Test func plansGoOneWay() throws {
        let migrator = try SampleSchema.migrator()
        #expect(migrator.latest == 3)
        let up = try migrator.plan(from: 1)
        #expect(up.steps.map(\.after) == [2, 3] && up.steps.allSatisfy { $0.direction == .up && $0.loses == nil })
        let down = try migrator.plan(from: 3, to: 1)
        #expect(down.steps.map(\.after) == [2, 1] && down.steps.map(\.loses) == [nil, "all pets"])
        #expect(try migrator.plan(from: 3, to: 3).steps.isEmpty)
        for target in [-1, 4] {
            let refusal = #expect(throws: Failure.self) { try migrator.plan(from: 0, to: target) }
            #expect(refusal?.code == .invalid && refusal?.message == "to: schema \(target) is out of range; 0 to 3")
        }
        let gap = #expect(throws: Failure.self) { try Migrator([SampleSchema.migrations[1]]) }
        #expect(gap?.message.contains("002-pets stands where number 1 belongs") == true)
    }

    @Test func whatIsAppliedIsRecorded() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let migrator = try SampleSchema.migrator()
        #expect(try migrator.status(of: path).pending == SampleSchema.migrations)
        #expect(try scratch.names("").isEmpty)
        let report = try migrator.migrate(path, to: 2)
        #expect(report.plan.from == 0 && report.plan.to == 2 && report.backup == nil)
        let status = try migrator.status(of: path)
        #expect(status.schema == 2 && status.refusal == nil && status.unknown.isEmpty)
        #expect(status.pending == [SampleSchema.migrations[2]])
        #expect(status.applied.map(\.name) == ["people", "pets"])
        #expect(status.applied.map(\.appliedAt.nanoseconds) == [1_700_000_000_001_000_000, 1_700_000_000_002_000_000])
        let witness = try Python.run(
            "import hashlib, sys; print(hashlib.sha256(('\\0'.join(sys.argv[1:]) + '\\0').encode()).hexdigest(), end='')",
            ["2", "pets", SampleSchema.migrations[1].up, SampleSchema.migrations[1].down])
        #expect(status.applied.last?.checksum == "sha256:" + witness)
        #expect(try migrator.migrate(path, to: 2).plan.steps.isEmpty)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        // What was applied by one process is there for the next, whatever else is.
        try migrator.migrate(path)
        #expect(try migrator.status(of: path).schema == 3)
    }

    @Test func losingDataMustBeWanted() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let migrator = try SampleSchema.migrator()
        try SampleSchema.populate(path, with: migrator)
        try migrator.migrate(path)
        // Nothing is lost on the way to 2.
        try migrator.migrate(path, to: 2)
        let before = try SampleSchema.contents(path)
        let backups = try SampleSchema.backups(scratch)
        let refusal = #expect(throws: Failure.self) { try migrator.migrate(path, to: 0) }
        #expect(refusal?.code == .precondition)
        #expect(refusal?.message.hasPrefix("going down from schema 2 to 1 loses all pets for good") == true)
        let dry = try migrator.migrate(path, to: 0, dryRun: true)
        #expect(dry.plan.steps.compactMap(\.loses) == ["all pets", "all people"] && dry.backup == nil)
        #expect(try SampleSchema.contents(path) == before && SampleSchema.backups(scratch) == backups)
        try migrator.migrate(path, to: 0, force: true)
        #expect(try Python.sql(path, "SELECT name FROM sqlite_master") == "schema_migrations")
        #expect(try migrator.status(of: path).schema == 0)
    }

    @Test func aDryRunTriesTheDataThatIsThere() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        try SampleSchema.populate(path, with: try SampleSchema.migrator())
        let before = try SampleSchema.contents(path)
        #expect(try SampleSchema.migrator().migrate(path, dryRun: true).plan.to == 3)
        // Nobody may be called ada any more.
        let strict = try Migrator(
            SampleSchema.with(
                3,
                up: """
                    CREATE TABLE new_people (name TEXT CHECK (name <> 'ada'));
                    INSERT INTO new_people SELECT name FROM people;
                    """))
        let refusal = #expect(throws: Failure.self) { try strict.migrate(path, dryRun: true) }
        #expect(refusal?.message.contains("migration 003-long-names, up: ") == true, "\(refusal?.message ?? "")")
        #expect(try SampleSchema.contents(path) == before && SampleSchema.backups(scratch).isEmpty)
        let absent = try SampleSchema.migrator().migrate(scratch.path + "/absent.db", dryRun: true)
        #expect(absent.plan.steps.count == 3 && !FileManager.default.fileExists(atPath: scratch.path + "/absent.db"))
    }

    @Test func aCopyIsMadeBeforeAChange() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let clock = ManualClock()
        let migrator = try SampleSchema.migrator(clock)
        try SampleSchema.populate(path, with: migrator)
        let before = try SampleSchema.contents(path)
        for name in ["fnrpc.db.backup-mine", "fnrpc.db.backup-1-20200101T000000.000Z.gz"] {
            try Data().write(to: URL(fileURLWithPath: scratch.path + "/" + name))
        }
        let left = scratch.path + "/fnrpc.db.backup-1-20200101T000000.000Z.partial"
        try Data().write(to: URL(fileURLWithPath: left))
        let first = try #require(try migrator.migrate(path).backup)
        #expect(first == "fnrpc.db.backup-2-20231114T221320.003Z" && !FileManager.default.fileExists(atPath: left))
        let copy = scratch.path + "/" + first
        #expect(try SampleSchema.contents(copy) == before && Python.sql(copy, "PRAGMA integrity_check") == "ok")
        let mode = try FileManager.default.attributesOfItem(atPath: copy)[.posixPermissions] as? Int
        #expect(mode == 0o600)

        // Three stay, and of them one is the newest, though the clock went back.
        clock.advance(seconds: 10)
        var names = [first]
        for number in [2, 3, 2] { names.append(try #require(try migrator.migrate(path, to: number).backup)) }
        clock.advance(seconds: -3600)
        names.append(try #require(try migrator.migrate(path, to: 3).backup))
        #expect(Set(names).count == 5)
        let others = ["fnrpc.db.backup-mine", "fnrpc.db.backup-1-20200101T000000.000Z.gz"]
        #expect(try Set(SampleSchema.backups(scratch)) == Set([names[2], names[3], names[4]] + others))
        #expect(try scratch.names("").allSatisfy { !$0.contains("partial") })
    }

    @Test func copiesOfOneMillisecondHaveNamesOfTheirOwn() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let migrator = try SampleSchema.migrator(ManualClock(tick: 0))
        try SampleSchema.populate(path, with: migrator)
        for number in [3, 2, 3] { try migrator.migrate(path, to: number) }
        let stamps = try SampleSchema.backups(scratch).map { $0.suffix(5) }
        #expect(stamps == [".000Z", ".001Z", ".000Z"])
    }
}
