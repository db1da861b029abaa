import Catalog
import Model
import Synchronization
import Telemetry
import Testing
import Wire

@testable import Calls

@Suite struct RecorderTests {
    /// A recorder whose store is here.
    private final class Bench: Sendable {
        let counters = Counters()
        /// What was stored: of each batch its groups, by the entries of their functions and the numbers of their calls.
        let stored = Lock<[[String: [UInt64]]]>([])
        let errors = Lock<[Int]>([])
        private let fails = Lock(false)

        func recorder() -> Recorder {
            Recorder(
                counters: counters,
                write: { [stored, fails] batch in
                    if fails.withLock({ $0 }) { throw Failure(.internalError, "the disk is full") }
                    let groups = batch.map { ($0.spec.spec.entry, $0.calls.map(\.meta.id.low)) }
                    // What is in two groups is told by a number that no call has.
                    stored.withLock { $0.append(Dictionary(groups) { $0 + [.max] + $1 }) }
                }, onError: { [errors] _, count in errors.withLock { $0.append(count) } })
        }

        func fail(_ fails: Bool) { self.fails.withLock { $0 = fails } }

        var dropped: UInt64 { counters.recordsDropped.load(ordering: .relaxed) }
    }

    private static func runnable(_ entry: String) throws -> Runnable {
        let app = App(meta: DispatcherBench.meta(2, 2), name: try Name("demo", field: "app"))
        let content = try DispatcherBench.function(1, versions: 1, of: app)
        var version = content.versions[0]
        version.spec.entry = entry
        return Runnable(app: app, function: content.function, version: version)
    }

    private static func record(_ number: UInt64, log: [UInt8] = [], input: [UInt8] = []) -> CallRecord {
        let time = Timestamp(nanoseconds: 7)
        return CallRecord(
            meta: DispatcherBench.meta(1, number), appID: DispatcherBench.meta(2, 2).id, appName: "demo",
            functionID: DispatcherBench.meta(1, 1).id, functionName: "f1", version: 1, status: .success, error: "",
            startedAt: time, completedAt: time, waitNanos: 0, coldStartNanos: nil, runNanos: 1, container: "c",
            log: log, logTruncated: false, input: input)
    }

    @Test func callsAreStoredByWhatTheyRanWith() async throws {
        let bench = Bench()
        let recorder = bench.recorder()
        let (a, b) = (try Self.runnable("a"), try Self.runnable("b"))
        for (number, runnable) in [a, b, b, a, b, a, a].enumerated() {
            recorder.add(Self.record(UInt64(number)), of: runnable)
        }
        await recorder.flush()
        await recorder.flush()
        recorder.add(Self.record(7), of: b)
        await recorder.flush()
        #expect(bench.stored.withLock { $0 } == [["a": [0, 3, 5, 6], "b": [1, 2, 4]], ["b": [7]]])
        #expect(bench.dropped == 0)
    }

    @Test func aBatchHasNoMoreContentsThanASmallDisk() async throws {
        let bench = Bench()
        let recorder = bench.recorder()
        let runnable = try Self.runnable("a")
        let half = [UInt8](repeating: 1, count: 2 << 20)
        recorder.add(Self.record(1, log: half), of: runnable)
        recorder.add(Self.record(2, input: half), of: runnable)
        recorder.add(Self.record(3), of: runnable)
        // One byte too many, and then what is alone too large.
        recorder.add(Self.record(4, log: [1]), of: runnable)
        recorder.add(Self.record(5, log: half + half + [1]), of: runnable)
        recorder.add(Self.record(6), of: runnable)
        await recorder.flush()
        #expect(bench.stored.withLock { $0 } == [["a": [1, 2, 3]], ["a": [4]], ["a": [5]], ["a": [6]]])
    }

    @Test func whatMayWaitIsLimited() async throws {
        let bench = Bench()
        let recorder = bench.recorder()
        let runnable = try Self.runnable("a")
        for number in 0..<UInt64(Recorder.maxPending) { recorder.add(Self.record(number), of: runnable) }
        #expect(bench.dropped == 0)
        recorder.add(Self.record(0), of: runnable)
        #expect(bench.dropped == 1)
        await recorder.flush()
        let (stored, groups) = bench.stored.withLock { stored in
            let all = stored.compactMap { $0["a"] }.joined()
            return (all.count { $0 != .max }, all.count { $0 == .max } + 1)
        }
        #expect(stored == Recorder.maxPending && groups == Recorder.maxPending / Recorder.maxGroup)

        let quarter = [UInt8](repeating: 1, count: 16 << 20)
        for number in 0..<4 { recorder.add(Self.record(UInt64(number), log: quarter), of: runnable) }
        #expect(bench.dropped == 1)
        recorder.add(Self.record(4, input: [1]), of: runnable)
        #expect(bench.dropped == 2)
        recorder.add(Self.record(5), of: runnable)
        await recorder.flush()
        #expect(bench.stored.withLock { $0.dropFirst().map { $0["a"] ?? [] } } == [[0], [1], [2], [3], [5]])
        recorder.add(Self.record(6, log: quarter), of: runnable)
        #expect(bench.dropped == 2)
    }

    @Test func aBatchThatIsNotStoredIsCounted() async throws {
        let bench = Bench()
        let recorder = bench.recorder()
        let (a, b) = (try Self.runnable("a"), try Self.runnable("b"))
        bench.fail(true)
        for number in UInt64(0)..<3 { recorder.add(Self.record(number), of: number == 1 ? b : a) }
        await recorder.flush()
        #expect(bench.dropped == 3)
        #expect(bench.errors.withLock { $0 } == [3])
        bench.fail(false)
        recorder.add(Self.record(3), of: a)
        await recorder.flush()
        #expect(bench.stored.withLock { $0 } == [["a": [3]]])
        #expect(bench.dropped == 3)
    }
}
