package import Model
internal import Synchronization

/// How calls ended and how long they took, as one loop has seen it. Everybody reads, one thread writes: it loads, adds
/// and stores, so no processor waits for another. Fixed memory; nothing is allocated after it was made.
// SAFETY: the memory is allocated once, holds atomics only, and lives as long as the object.
package final class CallBlock: @unchecked Sendable {
    /// What the times are of.
    enum Time: Int, CaseIterable {
        /// From acceptance to a container, or to the end of a call that got none.
        case wait
        /// From the container to the answer.
        case run
        /// From acceptance to the answer.
        case total
        /// Of a container, until it is ready for calls.
        case coldStart
        /// Of a request that a limit refused, until its answer was written.
        case refusal
    }

    private static var coldStarts: Int { 5 }
    private static var firstTime: Int { coldStarts + 1 }
    /// The sum, and the buckets.
    private static var timeCells: Int { 1 + DurationScale.count }

    private let cells: UnsafeMutableBufferPointer<Atomic<UInt64>>
    private let hasTotals: Bool
    private let isShared: Bool

    /// - Parameters:
    ///   - hasTotals: whether it has ``Time/total``, ``Time/coldStart`` and ``Time/refusal``, 3 KiB more.
    ///   - isShared: whether several threads write, each with one atomic addition more per number.
    init(hasTotals: Bool, isShared: Bool) {
        self.hasTotals = hasTotals
        self.isShared = isShared
        cells = .allocate(capacity: Self.firstTime + (hasTotals ? 5 : 2) * Self.timeCells)
        for index in cells.indices { cells.initializeElement(at: index, to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize()
        cells.deallocate()
    }

    /// A call has ended. By the thread that writes.
    ///
    /// - Parameters:
    ///   - wait: nanoseconds, as the others.
    ///   - run: `nil`: it never ran.
    package func ended(_ status: CallStatus, wait: UInt64, run: UInt64?, total: UInt64) {
        add(1, to: status.cell)
        add(wait, to: .wait)
        if let run { add(run, to: .run) }
        if hasTotals { add(total, to: .total) }
    }

    /// A container has become ready. By the thread that writes.
    ///
    /// - Parameter nanos: since its start began.
    package func coldStarted(nanos: UInt64) {
        add(1, to: Self.coldStarts)
        if hasTotals { add(nanos, to: .coldStart) }
    }

    /// A limit has refused a request. By the thread that writes; only where it has totals.
    ///
    /// - Parameter nanos: from the read of its last byte until its answer was in the connection's output.
    package func refused(nanos: UInt64) { add(nanos, to: .refusal) }

    @inline(__always)
    private func add(_ nanos: UInt64, to time: Time) {
        let first = Self.firstTime + time.rawValue * Self.timeCells
        add(nanos, to: first)
        add(1, to: first + 1 + DurationScale.index(nanos))
    }

    @inline(__always)
    private func add(_ number: UInt64, to index: Int) {
        if isShared {
            cells[index].wrappingAdd(number, ordering: .relaxed)
        } else {
            cells[index].store(cells[index].load(ordering: .relaxed) &+ number, ordering: .relaxed)
        }
    }

    // MARK: - By any thread

    /// Calls that have ended.
    var calls: UInt64 {
        (0..<Self.coldStarts).reduce(0) { $0 &+ cells[$1].load(ordering: .relaxed) }
    }

    /// Adds what it has.
    func add(to figures: inout CallFigures) {
        for status in CallStatus.completed {
            figures.ended[status, default: 0] &+= cells[status.cell].load(ordering: .relaxed)
        }
        figures.coldStarts &+= cells[Self.coldStarts].load(ordering: .relaxed)
        add(.wait, to: &figures.wait)
        add(.run, to: &figures.run)
        guard hasTotals else { return }
        add(.total, to: &figures.total)
        add(.coldStart, to: &figures.coldStart)
        add(.refusal, to: &figures.refusal)
    }

    private func add(_ time: Time, to durations: inout DurationCounts) {
        let first = Self.firstTime + time.rawValue * Self.timeCells
        durations.add(sum: cells[first].load(ordering: .relaxed)) { cells[first + 1 + $0].load(ordering: .relaxed) }
    }
}

extension CallStatus {
    /// One for each of ``completed``.
    fileprivate var cell: Int {
        switch self {
        case .success: 0
        case .failed: 1
        case .error: 2
        case .timeout: 3
        case .cancelled: 4
        case .delayed, .queued, .running: preconditionFailure("BUG: \(self) is not how a call ends")
        }
    }
}
