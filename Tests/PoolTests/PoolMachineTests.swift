import Model
import Testing

@testable import Pool

@Suite struct PoolMachineTests {
    private let owner = Thing()

    @Test func firstCallStartsOneContainerForTheWholeBurst() {
        var pool = machine()
        var starts = 0
        for _ in 0..<5 {
            guard case .wait(let start) = pool.lease(Waiter(), of: owner, now: at(0)) else {
                Issue.record("no slot, so a call waits")
                return
            }
            if start { starts += 1 }
        }
        #expect(starts == 1)
        #expect(pool.starting == 1)
    }

    @Test func waitersAreServedInOrderAndBySlotHandOff() {
        var pool = machine()
        let first = Waiter()
        let second = Waiter()
        _ = pool.lease(first, of: first, now: at(0))
        _ = pool.lease(second, of: second, now: at(1))
        let slot = Box().slot
        let ready = pool.started(slot, coldNanos: 1_000_000, now: at(2))
        #expect(ready.calls.map(ObjectIdentifier.init) == [ObjectIdentifier(first)])
        #expect(!ready.start, "waiting 1 ns costs less than starting for 1 ms")
        let freed = pool.release(slot, serviceNanos: 10, now: at(3))
        #expect(freed.calls.map(ObjectIdentifier.init) == [ObjectIdentifier(second)])
        #expect(pool.isSaturated)
    }

    @Test func mostRecentlyUsedSlotIsTakenFirst() throws {
        var pool = machine()
        let slots = [Box().slot, Box().slot]
        let waiters = [Waiter(), Waiter()]
        _ = pool.lease(waiters[0], of: waiters[0], now: at(0))
        _ = pool.started(slots[0], coldNanos: 1, now: at(1))
        _ = pool.lease(waiters[1], of: waiters[1], now: at(1_000_000))
        _ = pool.started(slots[1], coldNanos: 1, now: at(1_000_001))
        _ = pool.release(slots[1], serviceNanos: 5, now: at(1_000_002))
        _ = pool.release(slots[0], serviceNanos: 5, now: at(1_000_003))
        guard case .slot(let taken) = pool.lease(Waiter(), of: owner, now: at(1_000_004)) else {
            Issue.record("two slots are free")
            return
        }
        #expect((taken as? Box)?.slot === slots[0])
    }

    @Test func queueIsBoundedAtItsEdge() {
        var pool = machine(maxSlots: 1, maxWaiters: 2)
        for _ in 0..<2 { _ = pool.lease(Waiter(), of: owner, now: at(0)) }
        guard case .full = pool.lease(Waiter(), of: owner, now: at(0)) else {
            Issue.record("the third call is over the bound")
            return
        }
        #expect(pool.waiting == 2)
    }

    @Test func cancelledWaiterGetsNothing() {
        var pool = machine()
        let gone = Waiter()
        let stays = Waiter()
        _ = pool.lease(gone, of: gone, now: at(0))
        _ = pool.lease(stays, of: stays, now: at(0))
        let cancelled1 = pool.cancel(gone)
        #expect(cancelled1)
        let cancelled2 = pool.cancel(gone)
        #expect(!cancelled2)
        let hand = pool.started(Box().slot, coldNanos: 1, now: at(1))
        #expect(hand.calls.map(ObjectIdentifier.init) == [ObjectIdentifier(stays)])
    }

    @Test func failedStartFailsEveryWaiterOnlyWithoutAnotherSlot() {
        var pool = machine()
        _ = pool.lease(Waiter(), of: owner, now: at(0))
        _ = pool.lease(Waiter(), of: owner, now: at(0))
        let failed3 = pool.startFailed(now: at(1))
        #expect(failed3.calls.count == 2)
        guard case .wait(start: true) = pool.lease(Waiter(), of: owner, now: at(2)) else {
            Issue.record("the next call starts anew")
            return
        }
    }

    @Test func longCallsGrowThePoolToItsLimitByTicks() {
        var pool = machine(maxSlots: 3, maxWaiters: 100)
        for _ in 0..<10 { _ = pool.lease(Waiter(), of: owner, now: at(0)) }
        var ready = 0
        var now: UInt64 = 1_000_000
        while pool.ready + Int(pool.starting) < 3 || pool.starting > 0 {
            if pool.starting > 0 {
                _ = pool.started(Box().slot, coldNanos: 1_000_000, now: at(now))
                ready += 1
            }
            now += 20_000_000
            _ = pool.tick(now: at(now))
        }
        #expect(ready == 3)
        #expect(pool.waiting == 7)
    }

    @Test func idleSlotsLeaveAfterTheirTimeAndBusyOnesStay() {
        var pool = machine()
        let slot = Box().slot
        _ = pool.lease(Waiter(), of: owner, now: at(0))
        _ = pool.started(slot, coldNanos: 1, now: at(0))
        let ticked4 = pool.tick(now: at(5000))
        #expect(ticked4.stop.isEmpty, "a call runs in it")
        _ = pool.release(slot, serviceNanos: 1, now: at(5000))
        let ticked5 = pool.tick(now: at(5999))
        #expect(ticked5.stop.isEmpty)
        let ticked6 = pool.tick(now: at(6000))
        #expect(ticked6.stop.count == 1)
        #expect(pool.isEmpty)
    }

    @Test func singleUseSlotsServeOneCallAndStartInParallel() {
        var pool = machine(maxSlots: 3, singleUse: true)
        var starts = 0
        for _ in 0..<4 {
            if case .wait(start: true) = pool.lease(Waiter(), of: owner, now: at(0)) { starts += 1 }
        }
        #expect(starts == 3)
        let slot = Box().slot
        let hand7 = pool.started(slot, coldNanos: 1, now: at(1))
        #expect(hand7.calls.count == 1)
        let hand = pool.release(slot, serviceNanos: 1, now: at(2))
        #expect(hand.stop)
        #expect(hand.calls.isEmpty)
        #expect(hand.start, "the fourth call still needs a container")
    }

    @Test func retiredSlotTakesNoCallAndStopsWhenEmpty() {
        var pool = machine(concurrency: 2)
        let slot = Box().slot
        _ = pool.lease(Waiter(), of: owner, now: at(0))
        _ = pool.started(slot, coldNanos: 1, now: at(0))
        _ = pool.lease(Waiter(), of: owner, now: at(0))
        let retired8 = pool.retire(slot, now: at(1))
        #expect(!retired8.stop)
        let released9 = pool.release(slot, serviceNanos: 1, now: at(2))
        #expect(!released9.stop)
        let released10 = pool.release(slot, serviceNanos: 1, now: at(3))
        #expect(released10.stop)
    }

    @Test func failedStartsOfSingleUseSlotsFailOneCallEach() {
        var pool = machine(maxSlots: 2, singleUse: true)
        for _ in 0..<3 { _ = pool.lease(Waiter(), of: owner, now: at(0)) }
        #expect(pool.starting == 2)
        var failed = 0
        var rounds = 0
        while pool.starting > 0, rounds < 100 {
            let hand = pool.startFailed(now: at(1))
            failed += hand.calls.count
            rounds += 1
        }
        #expect(failed == 3)
        #expect(rounds == 3)
        #expect(pool.isEmpty)
    }
}
