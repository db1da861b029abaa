package import Model

/// Chooses idle containers to make room, by the greedy-dual rule for things of different size and price: the container with
/// the lowest `clock at its last use + calls × cold start ÷ memory` goes, and the clock moves up to that value, so that
/// what was once worth much ages while it is not used. Pure.
package struct Evictor {
    /// The idle containers of one pool that may go.
    package struct Candidate {
        package let pool: FunctionPool
        /// What each of them holds.
        package let needs: Resources
        /// Calls since the pool had its first container.
        package let calls: UInt64
        /// What a start takes, nanoseconds.
        package let coldNanos: UInt64
        /// When each was last used, oldest first.
        package let lastUsed: [Instant]

        package init(pool: FunctionPool, needs: Resources, calls: UInt64, coldNanos: UInt64, lastUsed: [Instant]) {
            self.pool = pool
            self.needs = needs
            self.calls = calls
            self.coldNanos = coldNanos
            self.lastUsed = lastUsed
        }

        /// Milliseconds of cold start that a MiB saves.
        fileprivate var value: Double {
            Double(max(calls, 1)) * Double(coldNanos) / 1e6 / Double(max(needs.memoryMiB, 1))
        }
    }

    /// How many steps of the clock are remembered; what was last used before them counts as if used at the first.
    static let maxSteps = 256

    /// The clock's values, each from its moment on.
    private var steps: [(time: Instant, clock: Double)] = []
    /// The value before them.
    private var base = 0.0

    /// The clock of now: it never goes back.
    package var clock: Double { steps.last?.clock ?? base }

    /// The clock at a moment.
    private func clock(at time: Instant) -> Double {
        // The first step that is later.
        var (low, high) = (0, steps.count)
        while low < high {
            let middle = (low + high) / 2
            if steps[middle].time <= time { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? base : steps[low - 1].clock
    }

    /// Chooses the cheapest that make up for what is missing.
    ///
    /// - Returns: how many of each candidate, oldest first; empty if all of them together are not enough: then nobody goes.
    package mutating func choose(_ candidates: [Candidate], missing: Resources, now: Instant) -> [(
        index: Int, count: Int
    )] {
        var ranked: [(priority: Double, index: Int)] = []
        for (index, candidate) in candidates.enumerated() {
            let value = candidate.value
            for time in candidate.lastUsed { ranked.append((clock(at: time) + value, index)) }
        }
        ranked.sort { ($0.priority, $0.index) < ($1.priority, $1.index) }
        var missing = missing
        var counts: [Int: Int] = [:]
        var highest = clock
        for (priority, index) in ranked {
            guard missing != .none else { break }
            let needs = candidates[index].needs
            let helps =
                (missing.memoryMiB > 0 && needs.memoryMiB > 0) || (missing.cpuMilli > 0 && needs.cpuMilli > 0)
            guard helps else { continue }
            missing = missing.lacking(with: needs)
            counts[index, default: 0] += 1
            highest = max(highest, priority)
        }
        guard missing == .none, !counts.isEmpty else { return [] }
        move(to: highest, now)
        return counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private mutating func move(to clock: Double, _ now: Instant) {
        guard clock > self.clock else { return }
        steps.append((now, clock))
        guard steps.count > Self.maxSteps else { return }
        base = steps.removeFirst().clock
    }
}
