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
        _ driver: any StoreDriver, _ scope: CallScope, before: Identifier?, limit: Int, scanned: Int, version: UInt32?
    ) async throws -> Found {
        let (found, last) = try await driver.calls(
            scope, before: before, limit: limit, scanned: scanned,
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
        for step in 0..<2000 {
            if step % 100 == 99 {
                try disk.close()
                disk = try SQLiteDriver(path: scratch.path + "/fnrpc.db")
            }
            let scope = scopes.randomElement(using: &random) ?? .all
            switch Int.random(in: 0..<24, using: &random) {
            case 0...7:
                // Some come later than others that are newer, and some are there already.
                let batch = (0..<UInt64.random(in: 0...8, using: &random)).map { index -> CallRecord in
                    let id = Int.random(in: 0..<30, using: &random) == 0 ? number : number + 2 * index + 1
                    let log = Bool.random(using: &random) ? "log\0 \(id) é" : ""
                    return Sample.call(
                        id, app: .random(in: 0...2, using: &random), function: .random(in: 0...2, using: &random),
                        log: log)
                }
                number += Int.random(in: 0..<8, using: &random) == 0 ? 1 : 16
                let results = [await outcome(memory, batch), await outcome(disk, batch)]
                #expect(results[0] == results[1], "step \(step)")
                refusals += results[0] == nil ? 0 : 1
            case 8...16:
                let before = Bool.random(using: &random) ? Sample.id(.random(in: 0...number + 3, using: &random)) : nil
                let limit = [0, 1, 2, 7, 1000].randomElement(using: &random) ?? 1
                let scanned = [0, 1, 5, 1000].randomElement(using: &random) ?? 1
                let version = ([nil, nil, 1, 9] as [UInt32?]).randomElement(using: &random) ?? nil
                var found: [Found] = []
                for driver in [memory, disk] as [any StoreDriver] {
                    found.append(
                        try await find(
                            driver, scope, before: before, limit: limit, scanned: scanned, version: version))
                }
                #expect((found[0] == found[1]) == true, "step \(step): \(scope) \(limit) \(scanned)")
                pages += found[0].calls.isEmpty ? 0 : 1
            case 17...19:
                let id = Sample.id(.random(in: 0...number + 3, using: &random))
                #expect(try await memory.call(id) == (try await disk.call(id)))
                #expect(try await memory.callLog(id) == (try await disk.callLog(id)))
            case 20...22:
                let since = Timestamp(
                    nanoseconds: 1_700_000_000_000_000_000 + .random(in: -5...Int64(number), using: &random))
                let counts = try await memory.callCounts(scope, since: since)
                #expect(counts == (try await disk.callCounts(scope, since: since)), "step \(step)")
            default:
                let keep = [-1, 0, 3, 50, 200].randomElement(using: &random) ?? 0
                let removed = try await memory.pruneCalls(keep: keep)
                #expect(removed == (try await disk.pruneCalls(keep: keep)), "step \(step)")
            }
            #expect(try await memory.callCount() == (try await disk.callCount()))
        }
        #expect(pages > 50 && refusals > 5, "\(pages) \(refusals) \(number)")
        try disk.close()
    }

    /// The failure's code; `nil`: it was stored.
    private func outcome(_ driver: any StoreDriver, _ batch: [CallRecord]) async -> String? {
        do throws(Failure) { try await driver.append(batch) } catch { return "\(error.code) \(error)" }
        return nil
    }

    @Test(arguments: Backing.allCases)
    func logsAreKeptApart(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        defer { withExtendedLifetime(test) {} }
        let driver = test.store.driver
        try await driver.append((1...10).map { Sample.call($0, log: $0 == 7 ? "line\n\0" : "") })
        try await driver.append([])
        var call = Sample.call(7, log: "line\n\0")
        #expect(try await driver.callLog(Sample.id(7)) == CallLog(bytes: call.log, truncated: true))
        #expect(try await driver.callLog(Sample.id(8)) == CallLog(bytes: [], truncated: false))
        #expect(try await driver.callLog(Sample.id(99)) == nil)
        #expect(try await driver.call(Sample.id(99)) == nil)
        call.log = []
        #expect(try await driver.call(Sample.id(7)) == call)
        #expect(try await driver.pruneCalls(keep: 3) == 7)
        #expect(try await driver.callLog(Sample.id(7)) == nil)
        #expect(try await driver.call(Sample.id(8)) != nil)
    }
}
