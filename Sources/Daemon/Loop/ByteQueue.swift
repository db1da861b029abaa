internal import Glibc

/// Bytes that are added behind and taken from the front. Not thread-safe.
///
/// Its memory grows with what comes, up to an eighth more than that, and may be charged to a ``ByteBudget``.
package struct ByteQueue: ~Copyable {
    private var memory: UnsafeMutableRawPointer?
    /// Bytes of memory that it holds.
    package private(set) var capacity = 0
    private var start = 0
    private var end = 0
    private let budget: ByteBudget?
    private var charged = 0
    /// Something was added since the last ``trim()``.
    private var isUsed = false

    /// Memory that is kept when the queue is empty, bytes; ``trim()`` frees that too.
    package static let keptBytes = 16 << 10
    /// Memory that no budget is asked for, bytes: one read of the loop always finds room.
    package static let freeBytes = 64 << 10

    /// - Parameter budget: pays for memory beyond ``freeBytes``; `nil`: nobody counts.
    package init(budget: ByteBudget? = nil) {
        self.budget = budget
    }

    deinit {
        free(memory)
        if charged > 0 { budget?.release(charged) }
    }

    /// Bytes in the queue.
    package var count: Int { end - start }

    /// The bytes; valid until the next change.
    package var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: memory.map { UnsafeRawPointer($0 + start) }, count: end - start)
    }

    /// Adds `count` bytes that `fill` writes; `false`, and nothing is added, if the budget or the machine has no memory.
    @discardableResult
    package mutating func append(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Bool {
        let total = self.count + count
        guard count == 0 || reserve(count, wished: min(capacity * 2, total + max(1 << 20, total / 8))) else {
            return false
        }
        fill(UnsafeMutableRawBufferPointer(start: memory.map { $0 + end }, count: count))
        end += count
        isUsed = true
        return true
    }

    /// Adds bytes; see ``append(count:_:)``.
    @discardableResult
    package mutating func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        append(count: bytes.count) { $0.copyMemory(from: bytes) }
    }

    /// Room behind the bytes: `wished` bytes or more if there is memory, else less, maybe nothing. ``commit(_:)`` says
    /// how much was written into it.
    package mutating func room(_ wished: Int) -> UnsafeMutableRawBufferPointer {
        if !reserve(wished, wished: 0) { compact() }
        return UnsafeMutableRawBufferPointer(start: memory.map { $0 + end }, count: capacity - end)
    }

    /// Adds what was written into ``room(_:)``.
    package mutating func commit(_ count: Int) {
        precondition(count >= 0 && end + count <= capacity, "BUG: more bytes than room")
        end += count
        isUsed = true
    }

    /// Takes bytes from the front.
    package mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= end - start, "BUG: more bytes taken than there are")
        start += count
        guard start == end else { return }
        start = 0
        end = 0
        if capacity > Self.keptBytes { release() }
    }

    /// Throws everything away and gives the memory back.
    package mutating func removeAll() {
        start = 0
        end = 0
        release()
    }

    /// Gives back memory that was not used since the last time: for a look every now and then.
    package mutating func trim() {
        defer { isUsed = false }
        if count == 0 {
            if !isUsed { release() }
        } else if capacity > Self.freeBytes && count < capacity / 4 {
            _ = resize(max(count * 2, Self.keptBytes))
        }
    }

    private mutating func release() {
        free(memory)
        memory = nil
        capacity = 0
        if charged > 0 { budget?.release(charged) }
        charged = 0
    }

    private mutating func compact() {
        guard start > 0, let memory else { return }
        memmove(memory, memory + start, end - start)
        end -= start
        start = 0
    }

    private mutating func reserve(_ count: Int, wished: Int) -> Bool {
        if capacity - end >= count { return true }
        let needed = end - start + count
        // Moving pays only if it frees as much as it moves.
        if capacity >= needed && start >= end - start {
            compact()
            return true
        }
        if resize(max(4096, needed, wished)) || resize(needed) { return true }
        guard capacity >= needed else { return false }
        compact()
        return true
    }

    /// Moves the bytes to the front of `size` bytes of memory.
    private mutating func resize(_ size: Int) -> Bool {
        let charge = max(0, size - Self.freeBytes)
        if let budget, charge > charged, !budget.reserve(charge - charged) { return false }
        var larger: UnsafeMutableRawPointer?
        if start == 0 {
            // The kernel moves large blocks without copying them.
            larger = realloc(memory, size)
        } else {
            larger = malloc(size)
            if let larger, let memory {
                memcpy(larger, memory + start, end - start)
                free(memory)
            }
        }
        guard let larger else {
            if let budget, charge > charged { budget.release(charge - charged) }
            return false
        }
        if let budget, charge < charged { budget.release(charged - charge) }
        charged = budget == nil ? 0 : charge
        memory = larger
        capacity = size
        end -= start
        start = 0
        return true
    }
}
