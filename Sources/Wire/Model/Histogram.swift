/// How many durations had which length, to the bucket.
package struct Histogram: Hashable, Sendable {
    /// Durations above one bound and up to another.
    package struct Bucket: Hashable, Sendable {
        /// Nanoseconds; what took exactly so long is not in it.
        package let above: UInt64
        /// Nanoseconds; what took exactly so long is in it. `UInt64.max`: there is no bound.
        package let upTo: UInt64
        package let count: UInt64

        package init(above: UInt64, upTo: UInt64, count: UInt64) {
            self.above = above
            self.upTo = upTo
            self.count = count
        }
    }

    /// Those that are not empty, the shortest first.
    package let buckets: [Bucket]
    /// Of all durations, nanoseconds.
    package let sum: UInt64

    /// - Parameter buckets: the shortest first; they do not overlap.
    package init(buckets: [Bucket], sum: UInt64) {
        self.buckets = buckets.filter { $0.count > 0 }
        self.sum = sum
    }

    /// Several histograms with the same bounds as one.
    package init(sumOf histograms: some Sequence<Histogram>) {
        var buckets: [UInt64: Bucket] = [:]
        var sum: UInt64 = 0
        for histogram in histograms {
            sum &+= histogram.sum
            for bucket in histogram.buckets {
                let count = buckets[bucket.upTo]?.count ?? 0
                buckets[bucket.upTo] = Bucket(above: bucket.above, upTo: bucket.upTo, count: count &+ bucket.count)
            }
        }
        self.init(buckets: buckets.values.sorted { $0.upTo < $1.upTo }, sum: sum)
    }

    /// How many durations.
    package var count: UInt64 { buckets.reduce(0) { $0 &+ $1.count } }

    /// What a share of the durations do not exceed: the middle of a bucket; the lower bound of one without an upper one.
    ///
    /// - Parameter share: 0 to 1; 0.5 is the median.
    /// - Returns: nanoseconds; `nil` if there is no duration.
    package func quantile(_ share: Double) -> UInt64? {
        let count = count
        guard count > 0 else { return nil }
        // Beyond 2⁵³ a rank may be rounded past the last one.
        let rank = max(UInt64(exactly: (min(max(share, 0), 1) * Double(count)).rounded(.up)) ?? count, 1)
        var seen: UInt64 = 0
        let found = buckets.first { bucket in
            seen &+= bucket.count
            return seen >= rank
        }
        guard let bucket = found ?? buckets.last else { return nil }
        return bucket.upTo == .max ? bucket.above : bucket.above + (bucket.upTo - bucket.above) / 2
    }

    /// What came since an earlier reading of the same histogram; everything, if it has begun anew meanwhile.
    package func since(_ earlier: Histogram) -> Histogram {
        let old = Dictionary(earlier.buckets.map { ($0.upTo, $0.count) }) { $1 }
        var left = old.count
        var new: [Bucket] = []
        for bucket in buckets {
            let before = old[bucket.upTo] ?? 0
            guard before <= bucket.count else { return self }
            if before > 0 { left -= 1 }
            new.append(Bucket(above: bucket.above, upTo: bucket.upTo, count: bucket.count - before))
        }
        guard left == 0 else { return self }
        return Histogram(buckets: new, sum: sum &- earlier.sum)
    }
}
