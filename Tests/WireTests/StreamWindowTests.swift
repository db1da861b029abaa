import Testing
import Wire
import WireProperties

@Suite struct StreamWindowTests {
    /// What the window stands for, with all the memory it wants.
    private struct Model {
        var used: Set<UInt32> = []
        var highest: UInt32 = 0

        mutating func take(_ id: UInt32) -> StreamWindow.Verdict {
            guard id % 2 == 1 else { return .foreign }
            if used.contains(id) { return .used }
            // Of the odd ids up to the highest one, the last 1024 are remembered.
            if Int(highest) - Int(id) >= 2 * StreamWindow.size { return .used }
            used.insert(id)
            highest = max(highest, id)
            return .new
        }
    }

    private func takeAll(_ ids: some Sequence<UInt32>) -> [StreamWindow.Verdict] {
        var window = StreamWindow()
        return ids.map { window.take($0) }
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func randomIdsAreJudgedAsBySet(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var window = StreamWindow()
        var model = Model()
        for step in 0..<4000 {
            let highest = Int(model.highest)
            let id: Int
            switch Int.random(in: 0..<16, using: &random) {
            // As clients do it.
            case 0...6: id = highest + 2
            case 7...9: id = highest + Int.random(in: -40...40, using: &random)
            case 10, 11: id = highest - Int.random(in: 0...2200, using: &random)
            case 12: id = highest - 2 * StreamWindow.size + Int.random(in: -5...5, using: &random)
            case 13: id = highest + 2 * StreamWindow.size + Int.random(in: -5...5, using: &random)
            case 14 where seed % 4 == 0: id = highest + Int.random(in: 0...1_000_000_000, using: &random)
            default: id = Int.random(in: 0...max(highest, 1), using: &random)
            }
            let next = UInt32(clamping: id)
            let (left, right) = (window.take(next), model.take(next))
            guard left == right, window.highest == model.highest else {
                Issue.record("step \(step): id \(next) with highest \(highest): \(left), not \(right)")
                return
            }
        }
        #expect(model.used.count > 250)
    }

    @Test func evenIdsAndZeroAreForeignAndChangeNothing() {
        var window = StreamWindow()
        for id in [0, 2, 4_294_967_294] as [UInt32] { #expect(window.take(id) == .foreign) }
        #expect(window.highest == 0 && window.take(1) == .new)
    }

    @Test func eachIdCountsOnce() {
        #expect(takeAll([1, 1, 3, 3, 1, 5]) == [.new, .used, .new, .used, .used, .new])
        #expect(takeAll([5, 3, 1, 3, 1, 5]) == [.new, .new, .new, .used, .used, .used])
    }

    @Test func theFirstIdMayBeAny() {
        #expect(takeAll([7, 5, 7, 1, 9]) == [.new, .new, .used, .new, .new])
        // The first one does not make older ones used, as long as the window reaches them.
        #expect(takeAll([2047, 1, 1]) == [.new, .new, .used])
        #expect(takeAll([2049, 1, 3]) == [.new, .used, .new])
    }

    @Test func theLastIdIsAnIdLikeOthers() {
        let last = UInt32.max
        #expect(takeAll([last, last, last - 2, 1]) == [.new, .used, .new, .used])
        #expect(takeAll([1, last, last - 2048, last - 2046]) == [.new, .new, .used, .new])
        // From end to end: what the bits of 1 and 3 said is forgotten, their places are shared.
        #expect(takeAll([1, 3, last, last - 2, last]) == [.new, .new, .new, .new, .used])
    }

    @Test(arguments: [2046, 2048, 2050, 4096, 4098, 1_000_000] as [UInt32])
    func aJumpForgetsWhatItLeavesBehind(jump: UInt32) {
        var window = StreamWindow()
        for number in 0..<UInt32(StreamWindow.size) { #expect(window.take(2 * number + 1) == .new) }
        let start = window.highest
        #expect(window.take(start + jump) == .new && window.highest == start + jump)
        // Everything in between was never used, everything before is used or forgotten.
        for id in stride(from: start + 2, to: start + jump, by: 2) {
            let isRemembered = start + jump - id < 2 * UInt32(StreamWindow.size)
            guard window.take(id) == (isRemembered ? .new : .used) else {
                Issue.record("id \(id) after a jump to \(start + jump)")
                return
            }
        }
        for id in stride(from: 1, through: start, by: 2) { #expect(window.take(id) == .used) }
    }
}
