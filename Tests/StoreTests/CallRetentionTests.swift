import Foundation
import Glibc
import Model
import Store
import Testing
import Wire

/// What is kept of calls: by age and count, and by the disk.
@Suite struct CallRetentionTests {
    /// Milliseconds since 1970 of the first call; then one each millisecond.
    private static let start: Int64 = 1_700_000_000_000

    private func call(_ number: Int, bytes: Int = 0) -> CallRecord {
        var call = Sample.call(UInt64(number), log: String(repeating: "x", count: bytes))
        call.meta.id = Identifier(high: UInt64(Self.start + Int64(number)) << 16, low: UInt64(number))
        return call
    }

    private func time(_ milliseconds: Int) -> Timestamp {
        Timestamp(nanoseconds: (Self.start + Int64(milliseconds)) * 1_000_000)
    }

    /// What is left: records, and logs.
    private func left(_ driver: any StoreDriver) async throws -> (calls: [Int], logs: [Int]) {
        let found = try await driver.calls(
            .all, since: nil, before: nil, limit: 1000, scanned: 1000, where: { _ in true }
        ).found.reversed()
        var logs: [Int] = []
        for call in found where try await driver.callContents(call.meta.id) != nil {
            logs.append(Int(call.meta.id.low))
        }
        return (found.map { Int($0.meta.id.low) }, logs)
    }

    @Test(arguments: Backing.allCases)
    func ageCountsToTheMillisecond(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        defer { withExtendedLifetime(test) {} }
        let driver = test.store.driver
        try await driver.append((0..<10).map { call($0, bytes: 1) })
        let retention = CallRetention(callNanos: 20_000_000, logNanos: 10_000_000)
        #expect(try await driver.pruneCalls(retention, now: time(10)) == PrunedCalls())
        // The first log is 11 ms old, a moment before it was exactly 10.
        #expect(
            try await driver.pruneCalls(retention, now: Timestamp(nanoseconds: time(11).nanoseconds - 1))
                == PrunedCalls())
        #expect(try await driver.pruneCalls(retention, now: time(11)) == PrunedCalls(contents: 1))
        #expect(try await driver.pruneCalls(retention, now: time(20)) == PrunedCalls(contents: 9))
        #expect(try await left(driver).calls == Array(0..<10))
        #expect(try await driver.pruneCalls(retention, now: time(22)) == PrunedCalls(calls: 2))
        #expect(try await left(driver).calls == Array(2..<10))
        let response = try await test.store.callLog(call(5).meta.id.description)
        #expect(response.removed && response.log.isEmpty)
        #expect(try await driver.pruneCalls(retention, now: time(1000)) == PrunedCalls(calls: 8))
        #expect(try await driver.callCount() == 0)
    }

    @Test(arguments: Backing.allCases)
    func theNewestStay(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        defer { withExtendedLifetime(test) {} }
        let driver = test.store.driver
        // Every second one has a log.
        try await driver.append((0..<10).map { call($0, bytes: $0 % 2 * 5) })
        #expect(try await driver.pruneCalls(CallRetention(calls: 10, logs: 5), now: time(10)) == PrunedCalls())
        #expect(
            try await driver.pruneCalls(CallRetention(calls: 7, logs: 2), now: time(10))
                == PrunedCalls(calls: 3, contents: 2))
        let now = try await left(driver)
        #expect(now.calls == Array(3..<10) && now.logs == [7, 9])
        #expect(try await driver.pruneCalls(CallRetention(logs: 0), now: time(10)) == PrunedCalls(contents: 2))
        #expect(try await driver.pruneCalls(CallRetention(calls: 0), now: time(10)) == PrunedCalls(calls: 7))
    }

    @Test(arguments: Backing.allCases)
    func theOldestLogsGoWhenTheBudgetIsSpent(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        defer { withExtendedLifetime(test) {} }
        let driver = test.store.driver
        for number in 0..<10 { try await driver.append([call(number, bytes: 10)], specs: [:], maxContentBytes: 100) }
        #expect(try await left(driver).logs == Array(0..<10))
        // One byte over.
        try await driver.append([call(10, bytes: 1)], specs: [:], maxContentBytes: 100)
        #expect(try await left(driver).logs == Array(1...10))
        // It fits to the byte.
        try await driver.append([call(11, bytes: 9)], specs: [:], maxContentBytes: 100)
        #expect(try await left(driver).logs == Array(1...11))
        // More than all of it: the record stays without its log.
        try await driver.append([call(12, bytes: 101)], specs: [:], maxContentBytes: 100)
        let now = try await left(driver)
        #expect(now.calls == Array(0...12) && now.logs.isEmpty)
        // What is in the database counts, not what was counted.
        if backing == .sqlite { try test.reopen() }
        for number in 13..<16 {
            try await test.store.driver.append([call(number, bytes: 40)], specs: [:], maxContentBytes: 100)
        }
        #expect(try await left(test.store.driver).logs == [14, 15])
    }

    @Test(arguments: Backing.allCases)
    func snapshotsAreSharedAndGoWithTheLastCall(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        defer { withExtendedLifetime(test) {} }
        let store = test.store
        var other = Sample.spec()
        other.config["SEEN"] = "then"
        let first = CallSpec(spec: Sample.spec(), appConfig: ["A": "app"])
        let second = CallSpec(spec: other)
        try await store.record([(first, [call(1), call(2)]), (second, [call(3)])], CallRetention())
        try await store.record([(first, [call(4)])], CallRetention())
        let digests = try await [1, 2, 3, 4].asyncMap { try await store.call(call($0).meta.id.description).spec }
        #expect(digests[0] == digests[1] && digests[0] == digests[3] && digests[0] != digests[2] && digests[0] != nil)
        #expect(try await store.callSpec(call(3).meta.id.description).spec.config["SEEN"] == "then")
        let kept = try await store.callSpec(call(1).meta.id.description)
        #expect(kept.appConfig == ["A": "app"] && kept.spec == Sample.spec())
        let (shared, alone) = (try #require(digests[0]), try #require(digests[2]))
        try await store.driver.pruneCalls(CallRetention(calls: 1), now: time(5))
        #expect(try await store.driver.callSpec(shared) != nil)
        #expect(try await store.driver.callSpec(alone) == nil)
        try await store.driver.pruneCalls(CallRetention(calls: 0), now: time(5))
        #expect(try await store.driver.callSpec(shared) == nil)
        let refusal = await failure { try await store.callSpec(call(1).meta.id.description) }
        #expect(refusal.code == .notFound)
    }

    /// 60 MiB of logs on a disk of 32, of which they may have 8: every call is recorded.
    @Test(.enabled(if: geteuid() == 0, "a file system can only be mounted by root"))
    func aSmallDiskTakesAllCalls() async throws {
        try await withSmallDisk(kibibytes: 32 << 10) { scratch in
            let driver = try SQLiteDriver(path: scratch.path + "/fnrpc.db")
            for number in 0..<60 {
                try await driver.append([call(number, bytes: 1 << 20)], specs: [:], maxContentBytes: 8 << 20)
            }
            let now = try await left(driver)
            #expect(now.calls == Array(0..<60) && now.logs == Array(52..<60))
            try driver.close()
        }
    }

    /// The budget is larger than the disk: old logs make room, and some of the disk stays free for everybody else.
    @Test(.enabled(if: geteuid() == 0, "a file system can only be mounted by root"))
    func logsDoNotFillADisk() async throws {
        try await withSmallDisk(kibibytes: 32 << 10) { scratch in
            let driver = try SQLiteDriver(path: scratch.path + "/fnrpc.db")
            for number in 0..<100 {
                try await driver.append([call(number, bytes: 1 << 20)], specs: [:], maxContentBytes: 1 << 40)
            }
            var now = try await left(driver)
            #expect(now.calls == Array(0..<100))
            #expect(now.logs.count >= 8 && now.logs == Array((100 - now.logs.count)..<100), "\(now.logs)")
            // Somebody else takes the rest, to the last byte.
            let file = open(scratch.path + "/other", O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
            let piece = [UInt8](repeating: 1, count: 4096)
            while write(file, piece, piece.count) > 0 {}
            close(file)
            for number in 100..<140 {
                try await driver.append([call(number, bytes: 1 << 20)], specs: [:], maxContentBytes: 1 << 40)
            }
            now = try await left(driver)
            #expect(now.calls == Array(0..<140), "\(now.logs)")
            try driver.close()
        }
    }
}

extension Sequence {
    fileprivate func asyncMap<T>(_ body: (Element) async throws -> T) async rethrows -> [T] {
        var result: [T] = []
        for element in self { result.append(try await body(element)) }
        return result
    }
}
