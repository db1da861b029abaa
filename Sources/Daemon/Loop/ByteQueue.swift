/// Bytes that are added behind and taken from the front. Not thread-safe.
package struct ByteQueue: ~Copyable {
    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var start = 0
    private var end = 0

    /// Memory that is kept when the queue is empty, bytes.
    package static let keptBytes = 16 << 10

    package init() {}

    deinit { memory.deallocate() }

    /// Bytes in the queue.
    package var count: Int { end - start }

    /// The bytes; valid until the next change.
    package var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[start..<end])
    }

    /// Adds `count` bytes that `fill` writes.
    package mutating func append(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        reserve(count)
        fill(UnsafeMutableRawBufferPointer(rebasing: memory[end..<end + count]))
        end += count
    }

    /// Adds bytes.
    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        append(count: bytes.count) { $0.copyMemory(from: bytes) }
    }

    /// Room behind the bytes, at least `count`; ``commit(_:)`` says how much was written.
    package mutating func space(_ count: Int) -> UnsafeMutableRawBufferPointer {
        reserve(count)
        return UnsafeMutableRawBufferPointer(rebasing: memory[end...])
    }

    /// Adds what was written into ``space(_:)``.
    package mutating func commit(_ count: Int) {
        precondition(count >= 0 && end + count <= memory.count, "BUG: more bytes than room")
        end += count
    }

    /// Takes bytes from the front.
    package mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= end - start, "BUG: more bytes taken than there are")
        start += count
        guard start == end else { return }
        start = 0
        end = 0
        // What a large message needed is given back; idle connections hold little.
        if memory.count > Self.keptBytes {
            memory.deallocate()
            memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        }
    }

    private mutating func reserve(_ count: Int) {
        if memory.count - end >= count { return }
        let used = end - start
        if memory.count >= used + count && start >= used {
            if let base = memory.baseAddress { base.copyMemory(from: base + start, byteCount: used) }
        } else {
            let capacity = max(4096, max(used + count, min(memory.count * 2, used + count + (1 << 20))))
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
            if used > 0 { larger.copyMemory(from: bytes) }
            memory.deallocate()
            memory = larger
        }
        start = 0
        end = used
    }
}
