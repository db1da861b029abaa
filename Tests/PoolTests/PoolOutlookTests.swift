import Model
import Testing

@testable import Pool

/// What calls are told before anything is made for them.
@Suite struct PoolOutlookTests {
    /// What a lease is, as an outlook says it; `nil`: the pool is closed.
    private func meaning(_ lease: PoolMachine.Lease) -> PoolMachine.Outlook? {
        switch lease {
        case .slot, .frozen: .open(waits: false)
        case .wait, .hurry: .open(waits: true)
        case .full: .refused(.full, leavesTrace: true)
        case .limited(let nanos): .refused(.limited(nanos), leavesTrace: true)
        case .closed: nil
        }
    }

    /// Whatever has happened: a call gets what the look before it said, and the look has taken nothing.
    @Test(arguments: [UInt32(0), 3])
    func aLeaseGivesWhatTheOutlookSays(rate: UInt32) {
        var random = SeededRandom(state: 7)
        var seen: Set<String> = []
        for _ in 0..<200 {
            var pool = PoolMachine(
                limits: PoolMachine.Limits(
                    concurrency: 2, maxSlots: 2, maxWaiters: UInt32.random(in: 0...2, using: &random),
                    idleNanos: 1_000_000_000, isSingleUse: false, rateLimit: rate))
            var boxes: [Box] = []
            var now: UInt64 = 10_000_000_000
            for _ in 0..<40 {
                now += UInt64.random(in: 0...50_000_000, using: &random)
                let outlook = pool.outlook(now: at(now))
                #expect(pool.outlook(now: at(now)) == outlook)
                let waiter = Waiter()
                let lease = pool.lease(waiter, of: waiter, now: at(now))
                #expect(outlook == meaning(lease), "\(outlook), and then \(lease)")
                seen.insert("\(outlook)".filter { !$0.isNumber })
                if pool.starting > 0, Bool.random(using: &random) {
                    boxes.append(Box())
                    _ = pool.started(boxes[boxes.count - 1].slot, coldNanos: 1_000_000, now: at(now))
                }
                for box in boxes where box.slot.calls > 0 && Int.random(in: 0..<4, using: &random) == 0 {
                    _ = pool.release(box.slot, serviceNanos: 1000, now: at(now))
                }
            }
        }
        #expect(seen.count == (rate == 0 ? 3 : 4), "\(seen)")
    }

    @Test func aHundredRefusalsOfASecondLeaveATrace() {
        var pool = machine(maxSlots: 1, maxWaiters: 1)
        _ = pool.lease(Waiter(), of: Thing(), now: at(0))
        func traces(_ count: Int, at now: UInt64) -> Int {
            (0..<count).count { _ in
                guard case .refused(.full, let leavesTrace) = pool.outlook(now: at(now)) else { return false }
                return leavesTrace
            }
        }
        #expect(traces(1000, at: 5_000_000_000) == 100)
        #expect(traces(1000, at: 5_500_000_000) == 50)
        #expect(traces(1000, at: 60_000_000_000) == 100)
    }

    /// A function that is called and always refused is not one that nobody calls.
    @Test func whoIsRefusedHasCalled() {
        var pool = PoolMachine(
            limits: PoolMachine.Limits(
                concurrency: 1, maxSlots: 1, maxWaiters: 0, idleNanos: 1, isSingleUse: false, rateLimit: 1))
        let waiter = Waiter()
        _ = pool.lease(waiter, of: waiter, now: at(1_000_000_000))
        _ = pool.startFailed(now: at(1_000_000_000))
        #expect(pool.outlook(now: at(1_900_000_000)) == .refused(.limited(100_000_000), leavesTrace: true))
        #expect(!pool.isUnused(for: 500_000_000, now: at(2_300_000_000)))
        #expect(pool.isUnused(for: 500_000_000, now: at(2_400_000_000)))
    }

    /// Why it takes no call is for the lease to say.
    @Test func aClosedPoolRefusesNobodyYet() {
        var pool = machine(maxSlots: 1, maxWaiters: 0)
        _ = pool.close()
        #expect(pool.outlook(now: at(0)) == .open(waits: true))
    }
}
