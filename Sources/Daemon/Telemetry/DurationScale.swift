/// The buckets of all histograms of calls: four of one width in each doubling, from 1 µs to 71 minutes. So the middle of
/// a bucket is wrong by an eighth at most.
///
/// Like the bounds of Prometheus' buckets, a bucket's upper bound is in it. Every power of two in µs is a bound.
package enum DurationScale {
    private static var doublings: Int { 32 }
    /// A quarter of the shortest bound, nanoseconds.
    private static var unit: UInt64 { 250 }

    /// With the first, for all up to 1 µs, and the last, without an upper bound.
    package static var count: Int { 1 + 4 * doublings + 1 }

    /// The bucket of a duration.
    @inline(__always)
    package static func index(_ nanos: UInt64) -> Int {
        // At least 4 beyond the first bucket; its three upper bits say which bucket it is.
        let units = (max(nanos, 1) &- 1) / unit
        guard units >= 4 else { return 0 }
        let doubling = 61 &- units.leadingZeroBitCount
        let quarter = Int(truncatingIfNeeded: units &>> UInt64(truncatingIfNeeded: doubling)) &- 4
        return min(1 &+ 4 &* doubling &+ quarter, count &- 1)
    }

    /// The upper bound of a bucket, nanoseconds; the last one's is `UInt64.max`.
    package static func bound(_ index: Int) -> UInt64 {
        guard index > 0 else { return 4 * unit }
        guard index < count - 1 else { return .max }
        let (doubling, quarter) = (index - 1).quotientAndRemainder(dividingBy: 4)
        return UInt64(quarter + 5) << UInt64(doubling) * unit
    }
}
