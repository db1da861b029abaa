import Model
import Telemetry
import Testing

@Suite struct DurationScaleTests {
    @Test func theBoundsAreWhatTheyWere() {
        let bounds = (0..<DurationScale.count).map(DurationScale.bound)
        #expect(bounds.count == 130)
        #expect(
            bounds.prefix(14) == [
                1000, 1250, 1500, 1750, 2000, 2500, 3000, 3500, 4000, 5000, 6000, 7000, 8000, 10_000,
            ])
        #expect(bounds.last == .max && bounds[128] == 1000 << 32, "71 minutes")
        #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
        for power in 0...32 as ClosedRange<UInt64> { #expect(bounds.contains(1000 << power), "2^\(power) µs") }
    }

    @Test func everyBoundIsInItsBucketAndTheNextIsNot() {
        #expect(DurationScale.index(0) == 0 && DurationScale.index(1) == 0)
        for index in 0..<DurationScale.count - 1 {
            let bound = DurationScale.bound(index)
            #expect(DurationScale.index(bound) == index && DurationScale.index(bound + 1) == index + 1, "\(bound)")
        }
        #expect(DurationScale.index(.max) == 129 && DurationScale.index(.max - 1) == 129)
    }

    @Test func anyDurationLiesInItsBucket() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<100_000 {
            let nanos = UInt64.random(in: 0...(.max), using: &random) >> UInt64.random(in: 0...63, using: &random)
            let index = DurationScale.index(nanos)
            let above = index == 0 ? 0 : DurationScale.bound(index - 1)
            let isInside = nanos <= DurationScale.bound(index) && (nanos > above || nanos == 0)
            #expect(isInside, "\(nanos) in \(index)")
            guard isInside else { return }
        }
    }

    /// From 1 µs to 71 minutes, whatever the durations are.
    @Test func quantilesAreWrongByAnEighthAtMost() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let metrics = CallMetrics(hasTotals: false)
            let durations = (0..<Int.random(in: 1...300, using: &random)).map { _ in
                1000 << UInt64.random(in: 0...31, using: &random) + UInt64.random(in: 1...1000, using: &random)
            }.sorted()
            for nanos in durations { metrics.common.ended(.success, wait: 0, run: nanos, total: nanos) }
            let histogram = metrics.figures.run.histogram
            for share in [0.01, 0.5, 0.95, 0.99, 1] {
                let rank = max(Int((share * Double(durations.count)).rounded(.up)), 1)
                let (found, should) = (Double(try #require(histogram.quantile(share))), Double(durations[rank - 1]))
                #expect(abs(found - should) <= should / 8, "\(share): \(found) for \(should)")
            }
        }
    }
}
