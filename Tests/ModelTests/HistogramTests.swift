import Model
import Testing

@Suite struct HistogramTests {
    private func histogram(_ counts: [UInt64], sum: UInt64 = 0) -> Histogram {
        // 0 to 10, 10 to 20, 20 to 40, and beyond.
        let bounds: [UInt64] = [0, 10, 20, 40, .max]
        return Histogram(
            buckets: counts.indices.map { .init(above: bounds[$0], upTo: bounds[$0 + 1], count: counts[$0]) }, sum: sum)
    }

    @Test func nothingHasNoQuantile() {
        let empty = histogram([0, 0, 0, 0])
        #expect(empty.count == 0 && empty.buckets.isEmpty && empty.quantile(0.5) == nil)
        #expect(empty == Histogram(buckets: [], sum: 0))
    }

    @Test(
        arguments: [
            (0, 5), (0.1, 5), (0.2, 5), (0.21, 15), (0.5, 15), (0.51, 30), (0.9, 30), (0.91, 40), (1, 40), (7, 40),
            (-1, 5),
        ] as [(Double, UInt64)])
    func quantilesAreTheMiddleOfABucket(share: Double, nanos: UInt64) {
        #expect(histogram([2, 3, 4, 1]).quantile(share) == nanos)
    }

    @Test func oneDurationIsEveryQuantile() {
        for share in [0, 0.5, 0.99, 1] { #expect(histogram([0, 1, 0, 0]).quantile(share) == 15) }
        // So many that a Double cannot count them.
        #expect(histogram([.max - 2, 1, 1, 0]).quantile(1) == 30)
    }

    @Test func whatCameSinceIsTheDifference() {
        let old = histogram([1, 0, 2, 0], sum: 60)
        let new = histogram([1, 5, 3, 1], sum: 300)
        let since = new.since(old)
        #expect(since == histogram([0, 5, 1, 1], sum: 240))
        #expect(new.since(new) == histogram([0, 0, 0, 0]) && new.since(Histogram(buckets: [], sum: 0)) == new)
    }

    @Test func whatBeganAnewCountsWhole() {
        let old = histogram([4, 1, 0, 0], sum: 50)
        for new in [histogram([3, 9, 0, 0], sum: 90), histogram([9, 0, 0, 0], sum: 45), histogram([0, 0, 0, 0])] {
            #expect(new.since(old) == new)
        }
    }

    @Test func severalAreOne() {
        let sum = Histogram(sumOf: [histogram([1, 0, 2, 0], sum: 3), histogram([0, 4, 1, 1], sum: 5)])
        #expect(sum == histogram([1, 4, 3, 1], sum: 8))
        #expect(Histogram(sumOf: []) == Histogram(buckets: [], sum: 0))
    }
}
