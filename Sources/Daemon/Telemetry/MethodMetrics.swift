package import Synchronization

/// What is counted for one method. Thread-safe; relaxed, so a reading is of about now.
package final class MethodMetrics: Sendable {
    /// The histogram's upper bounds, nanoseconds: 1 µs, then twice the one before; the last bucket has no bound.
    package static let buckets = 26

    /// Calls that came, with those that were refused.
    package let started = Atomic<UInt64>(0)
    private let codes: Row
    private let durations: Row
    private let nanoseconds = Atomic<UInt64>(0)

    package init() {
        codes = Row(count: 17)
        durations = Row(count: Self.buckets + 1)
    }

    /// A call has ended.
    ///
    /// - Parameters:
    ///   - code: google.rpc.Code, 0 to 16.
    ///   - nanos: from its arrival to its answer.
    package func observe(code: Int32, nanos: UInt64) {
        codes.add(Int((0...16).contains(code) ? code : 2))
        durations.add(Self.bucket(nanos))
        nanoseconds.wrappingAdd(nanos, ordering: .relaxed)
    }

    /// Calls that ended, by google.rpc.Code; 17 numbers.
    package var ended: [UInt64] { codes.values }

    /// Calls by duration; one more than ``buckets``.
    package var histogram: [UInt64] { durations.values }

    /// The sum of all durations.
    package var totalNanoseconds: UInt64 { nanoseconds.load(ordering: .relaxed) }

    private static func bucket(_ nanos: UInt64) -> Int {
        nanos <= 1000 ? 0 : min(64 - ((nanos - 1) / 1000).leadingZeroBitCount, buckets)
    }

    /// Counters side by side.
    // SAFETY: the memory is allocated once, holds atomics only, and lives as long as the object.
    private final class Row: @unchecked Sendable {
        private let cells: UnsafeMutableBufferPointer<Atomic<UInt64>>

        init(count: Int) {
            cells = .allocate(capacity: count)
            for index in 0..<count { cells.initializeElement(at: index, to: Atomic(0)) }
        }

        deinit {
            cells.deinitialize()
            cells.deallocate()
        }

        func add(_ index: Int) { cells[index].wrappingAdd(1, ordering: .relaxed) }

        var values: [UInt64] { cells.indices.map { cells[$0].load(ordering: .relaxed) } }
    }
}
