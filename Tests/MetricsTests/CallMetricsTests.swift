import Dispatch
import Foundation
import Model
import Synchronization
import Telemetry
import Testing

@Suite struct CallMetricsTests {
    private final class Writer: Sendable {}

    private final class Flag: Sendable {
        private let value = Atomic<Bool>(false)
        var isSet: Bool { value.load(ordering: .relaxed) }
        func set() { value.store(true, ordering: .relaxed) }
    }

    @Test func nothingWasCounted() {
        let metrics = CallMetrics(hasTotals: true)
        let figures = metrics.figures
        #expect(metrics.calls == 0 && figures.calls == 0 && figures.coldStarts == 0)
        #expect(
            Set(figures.ended.keys) == Set(CallStatus.completed) && figures.ended.values.allSatisfy { $0 == 0 })
        #expect(figures.total.histogram.count == 0 && figures.total.sum == 0)
    }

    @Test func blocksAreAddedUp() {
        let metrics = CallMetrics(hasTotals: true)
        let (first, second) = (Writer(), Writer())
        #expect(metrics.block(of: first) === metrics.block(of: first))
        #expect(metrics.block(of: first) !== metrics.block(of: second) && metrics.block(of: first) !== metrics.common)
        metrics.block(of: first).ended(.success, wait: 1, run: 2000, total: 2001)
        metrics.block(of: second).ended(.success, wait: 3, run: 2000, total: 2003)
        metrics.block(of: second).ended(.failed, wait: 5, run: 9_000_000, total: 9_000_005)
        metrics.common.ended(.timeout, wait: .max / 2, run: nil, total: .max / 2)
        metrics.common.ended(.error, wait: 1, run: nil, total: 1)
        metrics.common.ended(.cancelled, wait: 0, run: nil, total: 0)
        metrics.block(of: first).coldStarted(nanos: 20_000_000)
        metrics.block(of: second).coldStarted(nanos: 30_000_000)
        metrics.block(of: first).refused(nanos: 1000)
        metrics.block(of: second).refused(nanos: 1001)
        let figures = metrics.figures
        #expect(figures.ended == [.success: 2, .failed: 1, .timeout: 1, .error: 1, .cancelled: 1])
        #expect(metrics.calls == 6 && figures.calls == 6 && figures.coldStarts == 2)
        #expect(figures.run.histogram.count == 3 && figures.run.sum == 9_004_000)
        #expect(figures.wait.histogram.count == 6 && figures.wait.sum == .max / 2 + 10)
        #expect(figures.total.histogram.count == 6)
        #expect(figures.coldStart.histogram.count == 2 && figures.coldStart.sum == 50_000_000)
        #expect(figures.refusal.counts.prefix(2) == [1, 1] && figures.refusal.sum == 2001)
        #expect(figures.run.counts[4] == 2, "2 µs, the bound, is in its bucket")
        #expect(figures.wait.counts[0] == 5 && figures.wait.counts[129] == 1)
    }

    @Test func aFunctionHasNoTotals() {
        let metrics = CallMetrics(hasTotals: false)
        metrics.common.ended(.success, wait: 1, run: 2, total: 3)
        metrics.common.coldStarted(nanos: 5)
        let figures = metrics.figures
        #expect(figures.total.histogram.count == 0 && figures.coldStart.histogram.count == 0)
        #expect(figures.coldStarts == 1 && figures.calls == 1 && figures.run.sum == 2)
    }

    @Test func widerBucketsHaveTheSameCalls() {
        let metrics = CallMetrics(hasTotals: false)
        let nanos: [UInt64] = [0, 1000, 1001, 4000, 4001, 16_000, 1000 << 32, .max / 4]
        for nanos in nanos { metrics.common.ended(.success, wait: 0, run: nanos, total: nanos) }
        let run = metrics.figures.run
        #expect(run.counts(upTo: [1000, 4000, 16_000]) == [2, 2, 2, 2])
        #expect(run.counts(upTo: []) == [8] && run.counts(upTo: [1000 << 32]) == [7, 1])
    }

    /// Each block has one writer, the common one has several; who reads meanwhile sees numbers that only grow, and at the
    /// end none is missing.
    @Test func nothingIsLostWhileOthersRead() {
        let metrics = CallMetrics(hasTotals: true)
        let rounds: UInt64 = 50_000
        let (isOver, hasShrunk) = (Flag(), Flag())
        let reader = Thread {
            var last: UInt64 = 0
            var lastRuns: UInt64 = 0
            while !isOver.isSet {
                let (calls, runs) = (metrics.calls, metrics.figures.run.histogram.count)
                if calls < last || runs < lastRuns { hasShrunk.set() }
                (last, lastRuns) = (calls, runs)
            }
        }
        reader.start()
        let blocks = (0..<4).map { _ in Writer() }.map { ($0, metrics.block(of: $0)) }
        DispatchQueue.concurrentPerform(iterations: 4) { index in
            for round in 0..<rounds {
                blocks[index].1.ended(.success, wait: round, run: round * 1000, total: round * 1001)
                metrics.common.ended(index < 2 ? .failed : .timeout, wait: 1, run: nil, total: 1)
            }
        }
        isOver.set()
        #expect(!hasShrunk.isSet)
        let figures = metrics.figures
        #expect(figures.ended[.success] == 4 * rounds)
        #expect(figures.ended[.failed] == 2 * rounds && figures.ended[.timeout] == 2 * rounds)
        #expect(figures.run.sum == 4 * 1000 * (rounds * (rounds - 1) / 2))
        #expect(figures.wait.histogram.count == 8 * rounds && figures.total.histogram.count == 8 * rounds)
    }
}
