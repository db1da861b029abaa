import Testing
import Wire

/// What the window must say, by remembering everything.
private struct Reference {
    private var used: Set<UInt32> = []
    private var highest: UInt32 = 0

    mutating func take(_ id: UInt32) -> StreamWindow.Verdict {
        guard id % 2 == 1 else { return .foreign }
        guard id > highest || highest - id < 2 * UInt32(StreamWindow.size), used.insert(id).inserted else {
            return .used
        }
        highest = max(highest, id)
        return .new
    }
}

@Suite struct StreamWindowTests {
    private func expectSame(_ ids: [UInt32]) {
        var window = StreamWindow()
        var reference = Reference()
        for (index, id) in ids.enumerated() {
            let expected = reference.take(id)
            #expect(window.take(id) == expected, "id \(id), number \(index)")
        }
    }

    @Test func acceptsEveryIDOnceInOrder() {
        let ids = (0..<5000).map { UInt32(2 * $0 + 1) }
        expectSame(ids.flatMap { [$0, $0] })
    }

    @Test func refusesEvenIDsAndZero() {
        expectSame([0, 2, 1, 2, .max - 1, 0])
    }

    /// Every width of a gap, beginning at every place of a word, and what the window says of each id in the gap and below.
    @Test func forgetsExactlyWhatFallsOut() {
        for width in [1, 2, 3, 31, 63, 64, 65, 127, 128, 500, 1023, 1024, 1025, 3000] {
            for start in 0..<66 {
                let filled = (0..<1100).map { UInt32(2 * $0 + 1) }
                let first = 1100 + start
                let low = (1100..<first).map { UInt32(2 * $0 + 1) }
                let high = UInt32(2 * (first + width - 1) + 1)
                let back = stride(from: high, to: high - min(high - 1, 2200), by: -2)
                expectSame(filled + low + [high] + back)
            }
        }
    }

    @Test func takesIDsInAnyOrder() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var highest: UInt32 = 1
            let ids = (0..<400).map { _ -> UInt32 in
                let jump = UInt32.random(in: 0...(1 << UInt32.random(in: 1...12)), using: &random)
                if Bool.random(using: &random) {
                    highest += jump
                    return highest | 1
                }
                return (highest > jump ? highest - jump : 1) | 1
            }
            expectSame(ids)
        }
    }

    @Test func worksAtTheEndOfTheIDSpace() {
        expectSame([1, .max - 4, .max, .max - 2, .max, .max - 2046, .max - 2048])
    }
}
