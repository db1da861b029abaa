import Model
import Testing

@testable import Store

/// Every write of every operation fails once; nothing of the operation may be left anywhere.
@Suite struct CommitFailureTests {
    /// Runs all operations; each is tried after `arm(n)` with n = 0, 1, … until it goes through.
    private func run(
        _ test: TestStore, _ gate: RecordingGate, arm: (Int?) throws -> Void
    ) async throws -> [String: Int] {
        let told = Lock<[Change]>([])
        test.store.observe { changes in told.withLock { $0 += changes } }
        for operation in Operations.setUp { _ = try await test.change(operation.run) }
        var failures: [String: Int] = [:]
        for operation in Operations.all {
            var before = try await Seen(test)
            for n in 0..<200 {
                told.withLock { $0 = [] }
                let context = test.context()
                try arm(n)
                do throws(Failure) {
                    _ = try await test.store.change(context, operation.run)
                } catch {
                    try arm(nil)
                    #expect(error.code == .internalError, "\(operation.name): \(error)")
                    let after = try await Seen(test)
                    try #require((after == before) == true, "\(operation.name), write \(n)")
                    #expect(gate.closed.isEmpty, "\(operation.name), write \(n)")
                    #expect(told.withLock { $0.isEmpty }, "\(operation.name), write \(n)")
                    failures[operation.name, default: 0] += 1
                    continue
                }
                try arm(nil)
                break
            }
            let after = try await Seen(test)
            #expect((after.rows == after.stored) == true && after.sequence == after.storedSequence)
            #expect((after.rows != before.rows) == true, "\(operation.name) does nothing")
            #expect(explains(told.withLock { $0 }, from: before.rows, to: after.rows), "\(operation.name)")
            #expect(violations(of: after.rows).isEmpty, "\(operation.name)")
            try test.reopen()
            test.store.observe { changes in told.withLock { $0 += changes } }
            before = try await Seen(test)
            #expect((after == before) == true, "\(operation.name)")
        }
        return failures
    }

    @Test(arguments: Backing.allCases)
    func aCommitThatFailsLeavesNothing(_ backing: Backing) async throws {
        let (fuse, gate) = (Lock<Int?>(nil), RecordingGate())
        // What readers see while the driver has a batch.
        let look = Lock<(@Sendable () -> [Row])?>(nil)
        let seen = Lock<[[Row]]>([])
        let test = try TestStore(backing, surroundings: TestStore.surroundings(gate: gate)) { driver in
            WrappedDriver(driver) { changes, commit throws(Failure) in
                if let rows = look.withLock({ $0 })?() { seen.withLock { $0.append(rows) } }
                let fails = fuse.withLock { left in
                    guard let n = left else { return false }
                    left = n - 1
                    return n == 0
                }
                if fails { throw Failure(.internalError, "the disk says no") }
                try commit()
            }
        }
        try await test.furnish()
        look.withLock { $0 = { [weak test] in (try? test?.rows()) ?? [] } }
        var before: [Row] = []
        // The first commit fails, then the second, which there is none of: one operation is one transaction.
        let failures = try await run(test, gate) { n in
            fuse.withLock { $0 = n }
            let looks = seen.withLock { looks in
                defer { looks = [] }
                return looks
            }
            guard n == nil else {
                before = try test.rows()
                return
            }
            #expect(!looks.isEmpty)
            #expect(looks.allSatisfy { $0 == before } == true)
        }
        #expect(failures.count == Operations.all.count && failures.values.allSatisfy { $0 == 1 }, "\(failures)")
        #expect(!gate.everClosed.isEmpty && gate.closed.isEmpty)
    }

    /// How SQLite can give up: ABORT takes back a statement, ROLLBACK the transaction under our feet.
    @Test(arguments: ["ABORT", "FAIL", "ROLLBACK"])
    func aStatementThatFailsLeavesNothing(_ way: String) async throws {
        let gate = RecordingGate()
        let test = try TestStore(.sqlite, surroundings: TestStore.surroundings(gate: gate))
        try await test.furnish()
        let failures = try await run(test, gate) { n in
            guard let driver = test.store.driver as? SQLiteDriver else { return }
            try driver.setFuse(n, way)
        }
        // At least the row, its event and the sequence were written, each in its turn.
        let silent: Set = ["addPackage", "dropUnusedPackages", "touchTokens", "migrate"]
        for operation in Operations.all {
            #expect(failures[operation.name] ?? 0 >= (silent.contains(operation.name) ? 1 : 3), "\(failures)")
        }
    }

    /// A database that may not grow is a full disk.
    @Test func aFullDatabaseTakesNothingAndGoesOn() async throws {
        let test = try TestStore(.sqlite)
        try await test.furnish()
        let driver = try #require(test.store.driver as? SQLiteDriver)
        let pages = try driver.pageCount()
        try driver.limitPages(pages)
        let value = [UInt8](repeating: 7, count: 60_000)
        let before = try await Seen(test)
        for number in 0..<3 {
            let refusal = await failure {
                try await test.change { tx throws(Failure) in
                    try tx.createSecret(.init(app: "demo", name: "s\(number)", value: value))
                }
            }
            #expect(refusal.code == .internalError && refusal.message.contains("is full; nothing was stored"))
            #expect((try await Seen(test) == before) == true)
        }
        try driver.limitPages(pages + 1000)
        _ = try await test.change { tx throws(Failure) in
            try tx.createSecret(.init(app: "demo", name: "s0", value: value))
        }
        let after = try await Seen(test)
        #expect((after.rows == after.stored) == true && after.rows.count == before.rows.count + 1)
    }
}
