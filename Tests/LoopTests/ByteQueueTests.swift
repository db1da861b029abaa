import Glibc
import Loop
import Testing

@Suite struct ByteQueueTests {
    /// The same steps on a queue and on an array.
    @Test(arguments: 0..<8)
    func holdsWhatAnArrayWouldHold(seed: UInt64) {
        var random = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func next(_ bound: Int) -> Int {
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            return Int(random % UInt64(bound))
        }
        let budget = ByteBudget(limit: 150_000)
        do {
            var queue = ByteQueue(budget: budget)
            var model: [UInt8] = []
            var refused = 0
            for step in 0..<600 {
                let size = next(next(4) == 0 ? 100_000 : 500)
                switch next(5) {
                case 0, 1:
                    let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: step), count: size)
                    if bytes.withUnsafeBytes({ queue.append($0) }) { model += bytes } else { refused += 1 }
                case 2:
                    let room = queue.room(size)
                    let count = min(size, room.count)
                    let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: ~step), count: count)
                    room.copyBytes(from: bytes)
                    queue.commit(count)
                    model += bytes
                case 3:
                    let count = min(model.count, next(4) == 0 ? model.count : size)
                    queue.consume(count)
                    model.removeFirst(count)
                default: queue.trim()
                }
                let isSame = queue.count == model.count && model.withUnsafeBytes { same($0, queue.bytes) }
                let isPaid = budget.used == max(0, queue.capacity - ByteQueue.freeBytes) && budget.used <= budget.limit
                guard isSame, isPaid else {
                    Issue.record("step \(step): same \(isSame), paid \(isPaid)")
                    return
                }
            }
            #expect(model.count <= budget.limit + ByteQueue.freeBytes)
            if seed == 0 { #expect(refused > 0, "the budget was never met") }
        }
        #expect(budget.used == 0)
    }

    /// Comparing byte by byte takes seconds in a debug build.
    private func same(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard let first = left.baseAddress, let second = right.baseAddress else { return true }
        return memcmp(first, second, left.count) == 0
    }

    @Test func anIdleQueueHoldsNothing() {
        var queue = ByteQueue()
        queue.append(count: 100) { $0.initializeMemory(as: UInt8.self, repeating: 1) }
        queue.consume(100)
        #expect(queue.capacity > 0 && queue.capacity <= ByteQueue.keptBytes)
        queue.trim()
        #expect(queue.capacity > 0, "it was used since the last look")
        queue.trim()
        #expect(queue.capacity == 0)
        queue.append(count: 1 << 20) { $0.initializeMemory(as: UInt8.self, repeating: 1) }
        queue.consume((1 << 20) - 1)
        queue.trim()
        #expect(queue.capacity <= ByteQueue.keptBytes && queue.bytes.elementsEqual([1]))
        queue.consume(1)
        queue.append(count: 1 << 20) { $0.initializeMemory(as: UInt8.self, repeating: 1) }
        queue.consume(1 << 20)
        #expect(queue.capacity == 0)
    }

    @Test func theBudgetCountsExactly() {
        let budget = ByteBudget(limit: 10)
        #expect(budget.reserve(10) && !budget.reserve(1) && budget.used == 10)
        budget.release(4)
        #expect(!budget.reserve(5) && budget.reserve(4) && budget.used == 10)
    }
}
