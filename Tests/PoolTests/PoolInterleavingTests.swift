import Testing

@testable import Pool

/// Every order in which so many events of a small pool can come, not a sample of them.
@Suite struct PoolInterleavingTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var pool: PoolMachine.Limits
        var limits = PoolWorld.Limits()
    }

    private static var cases: [Case] {
        var ahead = limits(maxSlots: 1)
        ahead.queuesAhead = true
        return [
            Case(testDescription: "one container", pool: limits(maxSlots: 1)),
            Case(
                testDescription: "two containers", pool: limits(maxSlots: 2, minSlots: 2),
                limits: PoolWorld.Limits(failures: 0, freezes: 0, evictions: 0)),
            Case(
                testDescription: "two calls in one", pool: limits(concurrency: 2, maxSlots: 1),
                limits: PoolWorld.Limits(freezes: 0)),
            Case(
                testDescription: "one that is kept", pool: limits(maxSlots: 1, minSlots: 1),
                limits: PoolWorld.Limits(calls: 2)),
            Case(
                testDescription: "one call in each", pool: limits(maxSlots: 2, singleUse: true),
                limits: PoolWorld.Limits(freezes: 0, evictions: 0)),
            Case(
                testDescription: "detached", pool: limits(maxSlots: 2),
                limits: PoolWorld.Limits(calls: 2, failures: 0, freezes: 0, evictions: 0, detaches: 1)),
        ]
    }

    @Test(arguments: cases) func nobodyIsForgotten(of sample: Case) {
        var seen: Set<[Int]> = []
        var paths: [[PoolWorld.Step]] = [[]]
        while let path = paths.popLast() {
            for step in Self.world(sample, path).steps {
                let next = Self.world(sample, path + [step])
                guard seen.insert(next.fingerprint).inserted else { continue }
                if let fault = next.fault ?? Self.world(sample, path + [step]).comeToAnEnd() {
                    Issue.record("\(fault): \(path + [step])")
                    return
                }
                paths.append(path + [step])
            }
        }
        // It is not for want of events.
        #expect(seen.count > 500)
    }

    private static func world(_ sample: Case, _ path: [PoolWorld.Step]) -> PoolWorld {
        let world = PoolWorld(sample.pool, sample.limits)
        for step in path { world.take(step) }
        return world
    }
}
