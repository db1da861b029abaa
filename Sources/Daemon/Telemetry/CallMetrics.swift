package import Model
internal import Synchronization

/// What is counted of calls: of one function, or of all. A block for each loop, made when the loop first needs it, and one
/// for everybody else; whoever reads adds them up. Thread-safe; a reading is of about now, not all of one moment.
package final class CallMetrics: Sendable {
    private let hasTotals: Bool
    private let blocks = Lock<[ObjectIdentifier: CallBlock]>([:])
    private let shared = AtomicLazyReference<CallBlock>()

    /// - Parameter hasTotals: whether ``CallFigures/total``, ``CallFigures/coldStart`` and ``CallFigures/refusal`` are counted.
    package init(hasTotals: Bool) {
        self.hasTotals = hasTotals
    }

    /// The block that only this writer may write to, always on one thread; the same each time.
    package func block(of writer: AnyObject) -> CallBlock {
        blocks.withLock { blocks in
            let known = blocks[ObjectIdentifier(writer)]
            let block = known ?? CallBlock(hasTotals: hasTotals, isShared: false)
            if known == nil { blocks[ObjectIdentifier(writer)] = block }
            return block
        }
    }

    /// The block that any thread may write to, for what is rare.
    package var common: CallBlock {
        shared.load() ?? shared.storeIfNil(CallBlock(hasTotals: hasTotals, isShared: true))
    }

    private var all: [CallBlock] {
        let own = blocks.withLock { Array($0.values) }
        return shared.load().map { own + [$0] } ?? own
    }

    /// How many calls have ended.
    package var calls: UInt64 { all.reduce(0) { $0 &+ $1.calls } }

    /// Everything.
    package var figures: CallFigures {
        var figures = CallFigures()
        for block in all { block.add(to: &figures) }
        return figures
    }
}

/// Calls and their times, added up.
package struct CallFigures: Sendable {
    /// By how they ended; all of them are there.
    package internal(set) var ended: [CallStatus: UInt64]
    /// Containers that became ready.
    package internal(set) var coldStarts: UInt64 = 0
    /// From acceptance to a container, or to the end of a call that got none.
    package internal(set) var wait = DurationCounts()
    /// From the container to the answer, of calls that got one.
    package internal(set) var run = DurationCounts()
    /// From acceptance to the answer; empty if it is not counted.
    package internal(set) var total = DurationCounts()
    /// Of containers; empty if it is not counted.
    package internal(set) var coldStart = DurationCounts()
    /// Of requests that a limit refused at once, from the read of their last byte to their answer in the connection's
    /// output; empty if it is not counted.
    package internal(set) var refusal = DurationCounts()

    /// Nothing yet.
    package init() {
        ended = Dictionary(uniqueKeysWithValues: CallStatus.completed.map { ($0, 0) })
    }

    /// How many calls have ended.
    package var calls: UInt64 { ended.values.reduce(0, &+) }
}

/// Durations by the buckets of ``DurationScale``.
package struct DurationCounts: Sendable {
    /// Nanoseconds.
    package private(set) var sum: UInt64 = 0
    /// One number for each bucket.
    package private(set) var counts = Self.none
    /// Shared by all that nothing is added to.
    private static let none = [UInt64](repeating: 0, count: DurationScale.count)

    /// Nothing yet.
    package init() {}

    mutating func add(sum: UInt64, _ count: (Int) -> UInt64) {
        self.sum &+= sum
        for index in counts.indices { counts[index] &+= count(index) }
    }

    /// Those that are not empty.
    package var histogram: Histogram {
        let buckets = counts.indices.map { index in
            Histogram.Bucket(
                above: index == 0 ? 0 : DurationScale.bound(index - 1), upTo: DurationScale.bound(index),
                count: counts[index])
        }
        return Histogram(buckets: buckets, sum: sum)
    }

    /// As wider buckets.
    ///
    /// - Parameter bounds: upper bounds, nanoseconds, growing; each is one of the scale's.
    /// - Returns: one number for each bound, and one for what took longer than all.
    package func counts(upTo bounds: [UInt64]) -> [UInt64] {
        var result: [UInt64] = []
        var index = 0
        for bound in bounds {
            var count: UInt64 = 0
            while DurationScale.bound(index) <= bound {
                count &+= counts[index]
                index += 1
            }
            result.append(count)
        }
        return result + [counts[index...].reduce(0, &+)]
    }
}
