import Model
import Testing

@testable import Pool

@Suite struct PoolEvictionTests {
    private let pool = FunctionPool(limits: limits())
    private let needs = Resources(memoryMiB: 10, cpuMilli: 0)

    @Test func onlyIdleContainersBeyondTheLeastNumberMayGo() {
        var machine = machine(minSlots: 1)
        let boxes = machine.grow(3)
        let busy = machine.call(now: 10)
        #expect(busy === boxes[2])
        #expect(machine.evictable(pool, needs: needs)?.lastUsed == [at(0), at(1)])
        let evicted = machine.evict(5)
        #expect(evicted.count == 2 && evicted[0] === boxes[0] && evicted[1] === boxes[1])
        #expect(machine.ready == 1)
        #expect(machine.evictable(pool, needs: needs) == nil)
        _ = machine.release(boxes[2].slot, serviceNanos: 1, now: at(20))
        #expect((machine.evict(1).isEmpty) == true, "it is the last one, and one stays")
    }

    @Test func callsAreCountedAsLongAsThereIsAContainer() {
        var machine = machine()
        let box = machine.grow(1)[0]
        for now in 1...3 as ClosedRange<UInt64> {
            _ = machine.call(now: now)
            _ = machine.release(box.slot, serviceNanos: 1, now: at(now))
        }
        #expect(machine.evictable(pool, needs: needs)?.calls == 3)
        #expect((machine.evict(1).count == 1) == true)
        _ = machine.grow(1)
        #expect(machine.evictable(pool, needs: needs)?.calls == 0)
    }

    /// A function that is never idle gives way to one that has nothing, but not before its container has paid for its start.
    @Test func slotYieldsAfterItsTenure() {
        var machine = machine(maxSlots: 1)
        let box = machine.grow(1)[0]
        _ = machine.retire(box.slot, now: at(0))
        let second = Box()
        #expect((machine.scaleUp(1) == .start) == true)
        // The average of the first start's nanosecond and this one's.
        _ = machine.started(second.slot, coldNanos: 400, now: at(0))
        #expect((machine.call() === second) == true)
        let waiters = (0..<3).map { _ in Waiter() }
        for waiter in waiters { _ = machine.lease(waiter, of: waiter, now: at(0)) }
        #expect((machine.release(second.slot, serviceNanos: 1, yields: true, now: at(900)).calls.count == 1) == true)
        #expect((machine.release(second.slot, serviceNanos: 1, yields: false, now: at(2000)).calls.count == 1) == true)
        let hand = machine.release(second.slot, serviceNanos: 1, yields: true, now: at(2000))
        #expect(hand.stop && hand.start && hand.calls.isEmpty)
        #expect(machine.waiting == 1)
    }

    @Test func slotsOfTheLeastNumberDoNotYield() {
        var machine = machine(maxSlots: 1, minSlots: 1)
        let box = machine.grow(1)[0]
        _ = machine.call()
        let waiter = Waiter()
        _ = machine.lease(waiter, of: waiter, now: at(0))
        #expect((machine.release(box.slot, serviceNanos: 1, yields: true, now: at(1 << 40)).calls.count == 1) == true)
    }

    // MARK: - Starts that nobody needs

    @Test func startsOfCallsThatHaveGoneAreSurplus() {
        var machine = machine(maxSlots: 8)
        let waiter = Waiter()
        guard case .wait(start: true) = machine.lease(waiter, of: waiter, now: at(0)) else {
            Issue.record("no start")
            return
        }
        #expect(machine.surplusStarts == 0)
        #expect((machine.scaleUp(2) == .start) == true)
        #expect((machine.cancel(waiter)) == true)
        #expect(machine.surplusStarts == 1, "what an administrator asked for is not")
        #expect((!machine.startWithdrawn(now: at(1))) == true)
        #expect(machine.surplusStarts == 0 && machine.counts.starting == 2)
        #expect((!machine.abandonsStart()) == true)
    }

    @Test func withdrawnStartIsMadeAfterAllForACallThatCameMeanwhile() {
        var machine = machine()
        let (gone, new) = (Waiter(), Waiter())
        _ = machine.lease(gone, of: gone, now: at(0))
        #expect((machine.cancel(gone)) == true)
        guard case .wait(start: false) = machine.lease(new, of: new, now: at(0)) else {
            Issue.record("it relies on the start that is there")
            return
        }
        #expect((machine.startWithdrawn(now: at(1))) == true)
        #expect(machine.counts.starting == 1)
    }

    // MARK: - Number of calls, and age

    @Test func slotLeavesWithItsLastCall() {
        var machine = machine(maxSlots: 1)
        machine = PoolMachine(limits: with(maxSlots: 1) { $0.maxCalls = 2 })
        let box = machine.grow(1)[0]
        #expect((machine.call() === box) == true)
        #expect((!machine.release(box.slot, serviceNanos: 5, now: at(1)).stop) == true)
        #expect((machine.call() === box) == true)
        let waiter = Waiter()
        guard case .wait(start: false) = machine.lease(waiter, of: waiter, now: at(1)) else {
            Issue.record("the old container is still there")
            return
        }
        let hand = machine.release(box.slot, serviceNanos: 5, now: at(2))
        #expect(hand.stop && hand.start && hand.calls.isEmpty)
        let next = Box()
        #expect((machine.started(next.slot, coldNanos: 1, now: at(3)).calls.count == 1) == true)
    }

    @Test func concurrentCallsFinishInASlotThatTakesNoMore() {
        var machine = PoolMachine(limits: with(concurrency: 4) { $0.maxCalls = 3 })
        let box = machine.grow(1)[0]
        for _ in 0..<3 {
            let isSame = machine.call() === box
            #expect(isSame)
        }
        #expect((machine.call() == nil) == true)
        #expect(machine.counts.leaving == 1)
        #expect((!machine.release(box.slot, serviceNanos: 1, now: at(1)).stop) == true)
        #expect((!machine.release(box.slot, serviceNanos: 1, now: at(1)).stop) == true)
        #expect((machine.release(box.slot, serviceNanos: 1, now: at(1)).stop) == true)
    }

    @Test func oldSlotsLeaveWhenTheirCallsAreOver() {
        var machine = PoolMachine(limits: with { $0.maxAgeNanos = 100 })
        let boxes = machine.grow(2)
        #expect((machine.call(now: 50) === boxes[1]) == true)
        #expect((machine.tick(now: at(99)).stop.isEmpty) == true)
        let stopped = machine.tick(now: at(150)).stop
        #expect(stopped.count == 1 && stopped[0] === boxes[0])
        #expect(machine.counts.leaving == 1)
        #expect((machine.release(boxes[1].slot, serviceNanos: 1, now: at(160)).stop) == true)
        #expect(machine.isEmpty)
    }

    @Test func callsOverlapNoLongerThanTheAge() {
        var machine = PoolMachine(limits: with(concurrency: 2) { $0.maxAgeNanos = 100 })
        let box = machine.grow(1)[0]
        #expect((machine.call() === box && machine.call() === box) == true)
        #expect((!machine.release(box.slot, serviceNanos: 1, now: at(120)).stop) == true)
        #expect((machine.call(now: 121) == nil) == true, "it takes no more")
        #expect((machine.release(box.slot, serviceNanos: 1, now: at(130)).stop) == true)
    }

    @Test func theLeastNumberIsReplaced() {
        var machine = PoolMachine(limits: with(minSlots: 1) { $0.maxAgeNanos = 100 })
        let box = machine.grow(1)[0]
        let stop = machine.tick(now: at(100)).stop
        #expect(stop.first === box)
        #expect((machine.startMinimum(now: at(100)) == 1) == true)
        #expect(machine.surplusStarts == 0)
        #expect((!machine.abandonsStart()) == true)
        machine = PoolMachine(limits: with(minSlots: 1) { $0.maxCalls = 1 })
        let single = machine.grow(1)[0]
        _ = machine.call()
        #expect((machine.release(single.slot, serviceNanos: 1, now: at(1)).start) == true)
    }

    // MARK: - Freezing

    @Test func idleSlotIsFrozenOnceAndThawedByTheNextCall() {
        var machine = machine()
        let box = machine.grow(1)[0]
        #expect(machine.idle(for: 100, now: at(99)).isEmpty)
        let idle = machine.idle(for: 100, now: at(100))
        #expect(idle.count == 1 && idle[0].owner === box)
        #expect((machine.frozen(idle[0].slot)) == true)
        #expect((!machine.frozen(idle[0].slot)) == true)
        #expect(machine.idle(for: 100, now: at(500)).isEmpty)
        #expect(machine.frozen == 1 && machine.members[0].state == .frozen)
        let waiter = Waiter()
        guard case .frozen(let owner) = machine.lease(waiter, of: waiter, now: at(600)) else {
            Issue.record("nobody would thaw it")
            return
        }
        #expect(owner === box && machine.frozen == 0)
        _ = machine.release(box.slot, serviceNanos: 1, now: at(601))
        guard case .slot = machine.lease(waiter, of: waiter, now: at(602)) else {
            Issue.record("it is not frozen any more")
            return
        }
    }

    /// Whoever has frozen it must learn of the call that came meanwhile, even if that is over.
    @Test func callThatComesWhileItIsFrozenIsNoticed() {
        var machine = machine()
        let box = machine.grow(1)[0]
        let idle = machine.idle(for: 100, now: at(100))[0].slot
        #expect(machine.isStill(idle))
        #expect((machine.call(now: 101) === box) == true)
        #expect((!machine.isStill(idle) && !machine.frozen(idle)) == true)
        _ = machine.release(box.slot, serviceNanos: 1, now: at(102))
        #expect((!machine.isStill(idle) && !machine.frozen(idle)) == true)
        let again = machine.idle(for: 100, now: at(300))[0].slot
        _ = machine.retire(box.slot, now: at(300))
        #expect((!machine.frozen(again)) == true)
    }

    @Test func unusedPoolIsKnown() {
        var machine = machine()
        #expect(!machine.isUnused(for: 10, now: at(9)) && machine.isUnused(for: 10, now: at(10)))
        let box = machine.grow(1)[0]
        #expect(!machine.isUnused(for: 10, now: at(10)))
        _ = machine.call(now: 50)
        _ = machine.release(box.slot, serviceNanos: 1, now: at(51))
        _ = machine.retire(box.slot, now: at(51))
        #expect(!machine.isUnused(for: 10, now: at(59)) && machine.isUnused(for: 10, now: at(60)))
    }

    private func with(
        concurrency: UInt32 = 1, maxSlots: UInt32 = 4, minSlots: UInt32 = 0, _ body: (inout PoolMachine.Limits) -> Void
    ) -> PoolMachine.Limits {
        var limits = limits(concurrency: concurrency, maxSlots: maxSlots, minSlots: minSlots)
        body(&limits)
        return limits
    }
}
