internal import Synchronization

/// Bytes that many buffers may hold together. Thread-safe.
package final class ByteBudget: Sendable {
    /// The most bytes at once.
    package let limit: Int
    private let taken = Atomic<Int>(0)

    /// - Parameter limit: bytes.
    package init(limit: Int) {
        self.limit = limit
    }

    /// Bytes that are taken now.
    package var used: Int { taken.load(ordering: .relaxed) }

    /// Takes `count` bytes; `false`, and nothing is taken, if that would go past the limit.
    package func reserve(_ count: Int) -> Bool {
        let (_, total) = taken.wrappingAdd(count, ordering: .relaxed)
        if total <= limit { return true }
        taken.wrappingSubtract(count, ordering: .relaxed)
        return false
    }

    /// Gives back what was reserved.
    package func release(_ count: Int) {
        let (_, left) = taken.wrappingSubtract(count, ordering: .relaxed)
        precondition(left >= 0, "BUG: more bytes given back than were taken")
    }
}
