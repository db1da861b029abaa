import Model
import Testing

@testable import Pool

@Suite struct RateLimiterTests {
    @Test func aSecondsWorthPassesAtOnceAndThenOneAtATime() {
        var limiter = RateLimiter(rate: 4)
        for _ in 0..<4 { #expect(limiter.take(now: at(5_000_000_000)) == nil) }
        #expect(limiter.take(now: at(5_000_000_000)) == 250_000_000)
        #expect(limiter.take(now: at(5_249_999_999)) == 1)
        #expect(limiter.take(now: at(5_250_000_000)) == nil)
        #expect(limiter.take(now: at(5_250_000_000)) == 250_000_000)
    }

    @Test func quietTimeIsNotSavedUp() {
        var limiter = RateLimiter(rate: 1)
        #expect(limiter.take(now: at(0)) == nil)
        #expect(limiter.take(now: at(3_600_000_000_000)) == nil)
        #expect(limiter.take(now: at(3_600_000_000_000)) == 1_000_000_000)
    }

    @Test(arguments: [UInt32(1), 3, 7, 1000, 1_000_000])
    func neverMoreThanTheRateAndAlwaysNearlyIt(_ rate: UInt32) {
        var limiter = RateLimiter(rate: rate)
        var passed = 0
        // Ten seconds, twice as many calls as may pass.
        let step = max(1_000_000_000 / UInt64(rate) / 2, 1)
        var now: UInt64 = 1_000_000_000_000
        let end = now + 10_000_000_000
        while now < end, passed < 1_000_000 {
            if limiter.take(now: at(now)) == nil { passed += 1 }
            now += step
        }
        let seconds = Double(now - 1_000_000_000_000) / 1e9
        #expect(Double(passed) <= Double(rate) * (seconds + 1) + 1)
        #expect(Double(passed) >= Double(rate) * seconds * 0.99 - 1)
    }

    @Test func withoutALimitAllPass() {
        var limiter = RateLimiter(rate: 0)
        for _ in 0..<1000 { #expect(limiter.take(now: at(1)) == nil) }
    }

    /// A call over the rate neither waits nor takes a slot, and says when to come again.
    @Test func aPoolRefusesWhatIsOverItsRate() {
        var pool = PoolMachine(
            limits: PoolMachine.Limits(
                concurrency: 1, maxSlots: 4, maxWaiters: 8, idleNanos: 1000, isSingleUse: false, rateLimit: 1))
        let call = Thing()
        guard case .wait(start: true) = pool.lease(Waiter(), of: call, now: at(0)) else {
            Issue.record("the first call was refused")
            return
        }
        guard case .limited(1_000_000_000) = pool.lease(Waiter(), of: call, now: at(0)) else {
            Issue.record("the second call was taken")
            return
        }
        #expect(pool.waiting == 1)
    }
}
