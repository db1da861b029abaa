import Model
import Testing

@testable import Pool

/// Calls that are sent behind another one.
@Suite struct PoolAheadTests {
    /// A pool with one container, a measured service time, a call in it, and others behind.
    private func pool(_ service: UInt64 = 1000, waiters: [Waiter], cap: UInt32 = 1) -> (PoolMachine, Box) {
        var limits = limits(maxSlots: cap)
        limits.queuesAhead = true
        var pool = PoolMachine(limits: limits)
        let box = pool.grow(1)[0]
        _ = pool.call()
        _ = pool.release(box.slot, serviceNanos: service, now: at(0))
        _ = pool.call()
        for waiter in waiters { _ = pool.lease(waiter, of: waiter, now: at(0)) }
        return (pool, box)
    }

    private func same(_ calls: [AnyObject], _ waiters: [Waiter]) -> Bool {
        calls.map(ObjectIdentifier.init) == waiters.map(ObjectIdentifier.init)
    }

    @Test func theNextOneIsThereBeforeTheContainerIsFree() {
        let waiters = (0..<4).map { _ in Waiter() }
        var (pool, box) = pool(waiters: waiters)
        // Nobody is sent while nothing ends; then the next two, and after that always one.
        #expect(pool.waiting == 4)
        #expect(same(pool.release(box.slot, serviceNanos: 1000, now: at(1)).calls, Array(waiters[..<2])))
        #expect(same(pool.release(box.slot, serviceNanos: 1000, now: at(2)).calls, [waiters[2]]))
        #expect(pool.counts.running == 2 && pool.waiting == 1)
        #expect(same(pool.release(box.slot, serviceNanos: 1000, now: at(3)).calls, [waiters[3]]))
        #expect(pool.release(box.slot, serviceNanos: 1000, now: at(4)).calls.isEmpty)
        #expect(pool.counts.busy == 1 && pool.isSaturated, "it still has the last one")
        #expect(pool.release(box.slot, serviceNanos: 1000, now: at(5)).calls.isEmpty)
        #expect(pool.counts.idle == 1)
    }

    @Test(arguments: [(1_000_000, true), (1_000_001, false)] as [(UInt64, Bool)])
    func longCallsGoBehindNone(service: UInt64, goes: Bool) {
        let waiters = (0..<3).map { _ in Waiter() }
        var (pool, box) = pool(service, waiters: waiters)
        #expect(pool.release(box.slot, serviceNanos: 0, now: at(1)).calls.count == (goes ? 2 : 1))
    }

    @Test func streamsAndWhatComesAfterThemWait() {
        for position in 0..<2 {
            let waiters = (0..<3).map { Waiter(mayGoAhead: $0 != position) }
            var (pool, box) = pool(waiters: waiters)
            #expect(same(pool.release(box.slot, serviceNanos: 1000, now: at(1)).calls, [waiters[0]]))
        }
    }

    @Test func whoDidNotBeginIsFirstAgain() {
        let waiters = (0..<3).map { _ in Waiter() }
        var (pool, box) = pool(waiters: waiters, cap: 2)
        _ = pool.release(box.slot, serviceNanos: 1000, now: at(1))
        _ = pool.retire(box.slot, now: at(2))
        let again = Waiter()
        guard case .wait = pool.comeBack(again, of: again, now: at(2)) else {
            Issue.record("there is no other container")
            return
        }
        #expect(pool.release(box.slot, serviceNanos: 0, now: at(2)).stop == false)
        #expect(pool.release(box.slot, serviceNanos: 0, now: at(2)).stop)
        #expect(same(pool.started(Box().slot, coldNanos: 1, now: at(3)).calls.prefix(1).map { $0 }, [again]))
        // An idle one takes it at once, and a pool that ends nobody.
        var idle = machine()
        let other = idle.grow(1)[0]
        let late = Waiter()
        guard case .slot(let owner) = idle.comeBack(late, of: late, now: at(0)) else {
            Issue.record("a container is idle")
            return
        }
        #expect((owner as? Box) === other)
        _ = idle.close()
        guard case .closed(.stopping) = idle.comeBack(late, of: late, now: at(0)) else {
            Issue.record("the daemon ends")
            return
        }
    }

    @Test func whoIsToYieldBecomesEmpty() {
        let waiters = (0..<4).map { _ in Waiter() }
        var (pool, box) = pool(waiters: waiters)
        #expect(pool.release(box.slot, serviceNanos: 1000, now: at(1)).calls.count == 2)
        let first = pool.release(box.slot, serviceNanos: 1000, yields: true, now: at(10_000))
        #expect(first.calls.isEmpty && !first.stop)
        let second = pool.release(box.slot, serviceNanos: 1000, yields: true, now: at(10_000))
        #expect(second.stop && second.start, "the two that wait get another one")
    }

    @Test func nobodyGoesAheadAfterAnswersOutOfOrder() {
        let waiters = (0..<3).map { _ in Waiter() }
        var (pool, box) = pool(waiters: waiters)
        let isNew = pool.stopQueueingAhead()
        let isNewAgain = pool.stopQueueingAhead()
        #expect(isNew && !isNewAgain)
        #expect(same(pool.release(box.slot, serviceNanos: 1000, now: at(1)).calls, [waiters[0]]))
    }
}
