import Model
import Store
import Testing

/// Call records on both drivers.
@Suite struct CallRecordConformanceTests {
    /// A driver and what its page looks like, comparable.
    private struct Found: Equatable {
        let calls: [CallRecord]
        let last: Identifier?
    }

    private func find(
        _ driver: any StoreDriver, _ scope: CallScope, since: Identifier?, before: Identifier?, limit: Int,
        scanned: Int, version: UInt32?
    ) async throws -> Found {
        let (found, last) = try await driver.calls(
            scope, since: since, before: before, limit: limit, scanned: scanned,
            where: { call in version.map { $0 == call.version } ?? true })
        return Found(calls: found, last: last)
    }

    @Test func theDriversAreOne() async throws {
        let scratch = try Scratch()
        let memory = MemoryDriver()
        var disk = try SQLiteDriver(path: scratch.path + "/fnrpc.db")
        var random = SeededRandom(state: 3)
        var (number, pages, refusals): (UInt64, Int, Int) = (0, 0, 0)
        let scopes: [CallScope] = [.all] + (0...3).flatMap { [.app(Sample.id($0)), .function(Sample.id($0))] }
        let digests: [Digest?] = [nil] + (try (1...3).map { try Sample.digest($0) })
        for step in 0..<2000 {
            if step % 100 == 99 {
                try disk.close()
                disk = try SQLiteDriver(path: scratch.path + "/fnrpc.db")
            }
            let scope = scopes.randomElement(using: &random) ?? .all
            switch Int.random(in: 0..<24, using: &random) {
            case 0...7:
                // Some come later than others that are newer, and some are there already. SQLite takes 16 at once.
                let most: UInt64 = [3, 8, 40].randomElement(using: &random) ?? 0
                let batch = (0..<UInt64.random(in: 0...most, using: &random)).map { index -> CallRecord in
                    let id = Int.random(in: 0..<150, using: &random) == 0 ? number : number + 2 * index + 1
                    let log = Bool.random(using: &random) ? "log\0 \(id) é" : ""
                    return Sample.call(
                        id, app: .random(in: 0...2, using: &random), function: .random(in: 0...2, using: &random),
                        log: log, input: Int.random(in: 0..<3, using: &random) == 0 ? "input \(id)" : "",
                        spec: digests.randomElement(using: &random) ?? nil)
                }.shuffled(using: &random)
                let budget: UInt64? =
                    [.max, .max, .max, 200, 20, 0, nil, nil, nil].randomElement(using: &random) ?? nil
                number += Int.random(in: 0..<8, using: &random) == 0 ? 1 : 80
                let results = [await outcome(memory, batch, budget), await outcome(disk, batch, budget)]
                #expect(results[0] == results[1], "step \(step)")
                refusals += results[0] == nil ? 0 : 1
            case 8...16:
                let before = Bool.random(using: &random) ? Sample.id(.random(in: 0...number + 3, using: &random)) : nil
                let since = Bool.random(using: &random) ? Sample.id(.random(in: 0...number + 3, using: &random)) : nil
                let limit = [0, 1, 2, 7, 1000].randomElement(using: &random) ?? 1
                let scanned = [0, 1, 5, 1000].randomElement(using: &random) ?? 1
                let version = ([nil, nil, 1, 9] as [UInt32?]).randomElement(using: &random) ?? nil
                var found: [Found] = []
                for driver in [memory, disk] as [any StoreDriver] {
                    found.append(
                        try await find(
                            driver, scope, since: since, before: before, limit: limit, scanned: scanned,
                            version: version))
                }
                #expect((found[0] == found[1]) == true, "step \(step): \(scope) \(limit) \(scanned)")
                pages += found[0].calls.isEmpty ? 0 : 1
            case 17...19:
                let id = Sample.id(.random(in: 0...number + 3, using: &random))
                #expect(try await memory.call(id) == (try await disk.call(id)))
                #expect(try await memory.callContents(id) == (try await disk.callContents(id)))
                for digest in digests.compactMap({ $0 }) {
                    #expect(try await memory.callSpec(digest) == (try await disk.callSpec(digest)), "step \(step)")
                }
                #expect(try await memory.hasCalls(scope) == (try await disk.hasCalls(scope)))
            case 20...22:
                let since = Timestamp(
                    nanoseconds: 1_700_000_000_000_000_000 + .random(in: -5...Int64(number), using: &random))
                let counts = try await memory.callCounts(scope, since: since)
                #expect(counts == (try await disk.callCounts(scope, since: since)), "step \(step)")
            default:
                let retention = CallRetention(
                    calls: [-1, 0, 3, 50, 400, .max].randomElement(using: &random) ?? 0,
                    callNanos: [.max, .max, 1_000_000, 0].randomElement(using: &random) ?? 0,
                    logs: [0, 5, 40, .max].randomElement(using: &random) ?? 0,
                    logNanos: [.max, 1_000_000, 0].randomElement(using: &random) ?? 0,
                    logBytes: [0, 100, .max].randomElement(using: &random) ?? 0)
                // All samples are of the same millisecond.
                let now = Timestamp(
                    nanoseconds: 1_700_000_000_000_000_000 + .random(in: 0...2, using: &random) * 1_000_000)
                let pruned = try await memory.pruneCalls(retention, now: now)
                let prunedOnDisk = try await disk.pruneCalls(retention, now: now)
                #expect(pruned == prunedOnDisk, "step \(step) \(retention)")
            }
            #expect(try await memory.callCount() == (try await disk.callCount()))
        }
        #expect(pages > 50 && refusals > 5, "\(pages) \(refusals) \(number)")
        try disk.close()
    }

    /// Records as an import brings them.
    private struct Imported: CallSource {
        let batches: [CallBatch]

        func eachBatch(_ body: (CallBatch) throws(Failure) -> Void) throws(Failure) {
            for batch in batches { try body(batch) }
        }

        /// In two batches; a snapshot is in the first that needs it.
        init(_ calls: [CallRecord]) {
            var known: Set<Digest> = []
            batches = [calls.prefix(calls.count / 2), calls.dropFirst(calls.count / 2)].map { part in
                let specs = part.compactMap(\.spec).filter { known.insert($0).inserted }
                return CallBatch(
                    calls: Array(part),
                    specs: Dictionary(specs.map { ($0, CallRecordConformanceTests.body($0)) }) { $1 })
            }
        }
    }

    fileprivate static func body(_ digest: Digest) -> [UInt8] { Array(digest.description.utf8) }

    /// The failure's code; `nil`: it was stored.
    ///
    /// - Parameter budget: `nil`: imported.
    private func outcome(_ driver: any StoreDriver, _ batch: [CallRecord], _ budget: UInt64?) async -> String? {
        do throws(Failure) {
            if let budget {
                let specs = Dictionary(batch.compactMap(\.spec).map { ($0, Self.body($0)) }) { $1 }
                try await driver.append(batch, specs: specs, maxContentBytes: budget)
            } else {
                try driver.commit([], [], [Imported(batch)])
            }
        } catch {
            return "\(error.code) \(error)"
        }
        return nil
    }

    @Test(arguments: Backing.allCases)
    func manyAtOnceAreStoredAsTheyAre(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        defer { withExtendedLifetime(test) {} }
        let driver = test.store.driver
        // Neighbours differ in every value that may be missing; SQLite takes 16 at once.
        let specs = [nil, try Sample.digest(1), try Sample.digest(2)]
        let calls = (1...103).map { number in
            Sample.call(number, app: number % 4, function: number % 6, spec: specs[Int(number % 3)])
        }
        try await driver.append(calls.reversed())
        for call in calls { #expect(try await driver.call(call.meta.id) == call) }
        #expect(
            try await driver.callCounts(.app(Sample.id(3)), since: Timestamp(nanoseconds: 0)).values.reduce(0, +) == 26)
        let taken = await failure { try await driver.append((90...200).map { Sample.call($0 == 150 ? 7 : $0 + 200) }) }
        #expect(taken.code == .exists)
        #expect(try await driver.callCount() == 103)
    }

    @Test(arguments: Backing.allCases)
    func contentsAreKeptApart(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        defer { withExtendedLifetime(test) {} }
        let driver = test.store.driver
        try await driver.append((1...10).map { Sample.call($0, log: $0 == 7 ? "line\n\0" : "") })
        try await driver.append([])
        try await driver.append([Sample.call(11, input: "body")])
        let call = Sample.call(7, log: "line\n\0")
        #expect(try await driver.callContents(Sample.id(7)) == CallContents(log: call.log, input: []))
        #expect(try await driver.callContents(Sample.id(8)) == nil)
        #expect(try await driver.callContents(Sample.id(11)) == CallContents(log: [], input: Array("body".utf8)))
        #expect(try await driver.call(Sample.id(99)) == nil)
        #expect(try await driver.call(Sample.id(7)) == call.withoutContents)
        #expect(try await driver.call(Sample.id(7))?.logBytes == 6)
        let now = Timestamp(nanoseconds: 1_700_000_000_000_000_000)
        #expect(try await driver.pruneCalls(CallRetention(calls: 3), now: now) == PrunedCalls(calls: 8, contents: 0))
        #expect(try await driver.callContents(Sample.id(7)) == nil)
        #expect(try await driver.call(Sample.id(9)) != nil)
    }
}
