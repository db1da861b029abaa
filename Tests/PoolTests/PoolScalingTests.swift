import Model
import Testing

@testable import Pool

@Suite struct PoolScalingTests {
    private func same(_ owners: [AnyObject], _ boxes: [Box]) -> Bool {
        owners.map(ObjectIdentifier.init) == boxes.map(ObjectIdentifier.init)
    }

    // MARK: - Up and down

    @Test func scalingUpFillsThePoolToItsLimitAndNotBeyond() {
        var pool = machine(maxSlots: 4)
        _ = pool.call()
        let over = pool.scaleUp(4)
        #expect(over == .over(allowed: 3), "the one that starts counts")
        #expect(pool.starting == 1)
        let exact = pool.scaleUp(3)
        #expect(exact == .start)
        #expect(pool.starting == 4)
        let full = pool.scaleUp(1)
        #expect(full == .over(allowed: 0))
    }

    @Test func limitZeroIsTheMachines() {
        var pool = machine(maxSlots: 0)
        #expect(pool.limits.maxSlots == 1024)
        let over = pool.scaleUp(1025)
        #expect(over == .over(allowed: 1024))
        let all = pool.scaleUp(1024)
        #expect(all == .start)
    }

    @Test func scaledContainersStayIdleUntilTheirTime() {
        var pool = machine()
        let boxes = pool.grow(2)
        #expect(pool.counts.idle == 2)
        let early = pool.tick(now: at(999))
        #expect(early.stop.isEmpty)
        let late = pool.tick(now: at(1001))
        #expect(same(late.stop, boxes))
        #expect(pool.isEmpty)
    }

    @Test func callWaitsForAScaledStartThoughTheQueueHasNoRoom() {
        var pool = machine(maxSlots: 1, maxWaiters: 0)
        _ = pool.scaleUp(1)
        let waiter = Waiter()
        guard case .hurry = pool.lease(waiter, of: waiter, now: at(0)) else {
            Issue.record("it is for this call")
            return
        }
        let hand = pool.started(Box().slot, coldNanos: 1, now: at(1))
        #expect(same(hand.calls, []) == false)
    }

    @Test func scalingDownTakesTheLeastRecentlyUsedAndLeavesOne() {
        var pool = machine()
        let boxes = pool.grow(3)
        let used = pool.call(now: 10)
        #expect(used === boxes[2])
        _ = pool.release(boxes[2].slot, serviceNanos: 1, now: at(11))
        let first = pool.scaleDown(1)
        #expect(same(first, [boxes[0]]))
        let rest = pool.scaleDown(1024)
        #expect(same(rest, [boxes[1]]))
        let last = pool.scaleDown(1)
        #expect(last.isEmpty)
        #expect(pool.counts.idle == 1)
    }

    @Test func scalingDownSparesBusyContainers() {
        var pool = machine()
        let boxes = pool.grow(2)
        let used = pool.call()
        #expect(used === boxes[1])
        let stopped = pool.scaleDown(2)
        #expect(same(stopped, [boxes[0]]))
        let more = pool.scaleDown(2)
        #expect(more.isEmpty)
    }

    @Test func idleContainersStayDownToTheMinimum() {
        var pool = machine(minSlots: 2)
        let boxes = pool.grow(3)
        let old = pool.tick(now: at(1_000_000))
        #expect(same(old.stop, [boxes[0]]), "the least recently used one")
        let again = pool.tick(now: at(2_000_000))
        #expect(again.stop.isEmpty)
        let drained = pool.drain()
        #expect(same(drained, [boxes[1], boxes[2]]), "a replaced version keeps none")
    }

    // MARK: - Detach

    @Test func detachEndsIdleContainersNowAndBusyOnesWhenFree() {
        var pool = machine(concurrency: 2)
        let boxes = pool.grow(2)
        _ = pool.call(now: 5)
        let detached = pool.detach(now: at(6))
        #expect(same(detached.stop, [boxes[0]]))
        #expect(!detached.start, "nobody waits")
        #expect(pool.members.map(\.state) == [.leaving])
        let next = pool.call(now: 7)
        #expect(next == nil, "the old container has room, and gets no new call")
        #expect(pool.starting == 1)
        let end = pool.release(boxes[1].slot, serviceNanos: 1, now: at(8))
        #expect(end.stop)
        #expect(pool.counts.leaving == 0)
    }

    @Test func callsThatWaitGetANewContainerAfterADetach() {
        var pool = machine(maxSlots: 1)
        let box = pool.grow(1)[0]
        _ = pool.call()
        let waiter = Waiter()
        _ = pool.lease(waiter, of: waiter, now: at(1))
        let detached = pool.detach(now: at(2))
        #expect(!detached.start, "the leaving one counts")
        let end = pool.release(box.slot, serviceNanos: 1, now: at(3))
        #expect(end.stop && end.start && end.calls.isEmpty)
        let hand = pool.started(Box().slot, coldNanos: 1, now: at(4))
        #expect(same(hand.calls, []) == false && !hand.stop)
    }

    @Test func detachStartsAtOnceForThoseThatWait() {
        var pool = machine(maxSlots: 2)
        _ = pool.grow(1)
        _ = pool.call()
        let waiter = Waiter()
        guard case .wait(start: false) = pool.lease(waiter, of: waiter, now: at(0)) else {
            Issue.record("waiting is cheaper")
            return
        }
        let detached = pool.detach(now: at(0))
        #expect(detached.start)
    }

    @Test func startingContainersLeaveAfterADetachUnlessACallNeedsThem() {
        var pool = machine(concurrency: 2)
        _ = pool.scaleUp(3)
        _ = pool.detach(now: at(0))
        let unused = pool.started(Box().slot, coldNanos: 1, now: at(1))
        #expect(unused.stop)
        let waiter = Waiter()
        _ = pool.lease(waiter, of: waiter, now: at(2))
        let used = Box()
        let hand = pool.started(used.slot, coldNanos: 1, now: at(3))
        #expect(hand.calls.count == 1 && !hand.stop)
        #expect(pool.members.map(\.state) == [.leaving], "it serves this one, and no other")
        let end = pool.release(used.slot, serviceNanos: 1, now: at(4))
        #expect(end.stop)
        let failed = pool.startFailed(now: at(5))
        #expect(failed.calls.isEmpty)
        let fresh = pool.grow(1, now: 6)
        #expect(pool.counts.idle == 1 && fresh.count == 1, "the old starts are over")
    }

    // MARK: - Drain

    @Test func drainedPoolServesWhoWaitsAndIsEmptyThen() {
        var pool = machine(maxSlots: 1)
        let box = pool.grow(1)[0]
        _ = pool.call()
        let waiter = Waiter()
        _ = pool.lease(waiter, of: waiter, now: at(1))
        let idle = pool.drain()
        #expect(idle.isEmpty)
        let hand = pool.release(box.slot, serviceNanos: 1, now: at(2))
        #expect(hand.calls.count == 1 && !hand.stop, "no new container for old code")
        let end = pool.release(box.slot, serviceNanos: 1, now: at(3))
        #expect(end.stop)
        #expect(pool.isEmpty)
    }

    @Test func lateCallOfADrainedPoolIsServedAndLeavesNothing() {
        var pool = machine()
        let boxes = pool.grow(2)
        let idle = pool.drain()
        #expect(same(idle, boxes))
        let waiter = Waiter()
        guard case .wait(start: true) = pool.lease(waiter, of: waiter, now: at(1)) else {
            Issue.record("a late call is not lost")
            return
        }
        let box = Box()
        let hand = pool.started(box.slot, coldNanos: 1, now: at(2))
        #expect(hand.calls.count == 1)
        let end = pool.release(box.slot, serviceNanos: 1, now: at(3))
        #expect(end.stop && pool.isEmpty)
        let refused = pool.scaleUp(1)
        #expect(refused == .ending)
    }

    @Test func startsThatNobodyNeedsAnyMoreAreNotMade() {
        var pool = machine()
        _ = pool.scaleUp(2)
        let wanted = pool.abandonsStart()
        #expect(!wanted)
        _ = pool.drain()
        let first = pool.abandonsStart()
        #expect(first && pool.starting == 1)
        let waiter = Waiter()
        _ = pool.lease(waiter, of: waiter, now: at(0))
        let second = pool.abandonsStart()
        #expect(!second, "a call waits for it")
        _ = pool.close()
        let third = pool.abandonsStart()
        #expect(third && pool.isEmpty)
    }

    // MARK: - Deletion

    @Test func poolClosesForDeletionOnlyWithoutCalls() {
        var pool = machine()
        let box = pool.grow(1)[0]
        _ = pool.call()
        let waiter = Waiter()
        _ = pool.lease(waiter, of: waiter, now: at(0))
        let refused = pool.closeForDeletion()
        #expect(refused == 2)
        let hand = pool.release(box.slot, serviceNanos: 1, now: at(1))
        #expect(hand.calls.count == 1, "nothing changed")
        _ = pool.release(box.slot, serviceNanos: 1, now: at(2))
        let closed = pool.closeForDeletion()
        #expect(closed == 0)
        guard case .closed(.deleting) = pool.lease(Waiter(), of: Thing(), now: at(3)) else {
            Issue.record("it is closed")
            return
        }
        #expect(pool.counts.idle == 1, "the containers stay until it is deleted")
        pool.reopen()
        let served = pool.call(now: 4)
        #expect(served === box)
    }

    @Test func poolOpensWhenTheLastDeletionIsOver() {
        var pool = machine()
        let box = pool.grow(1)[0]
        _ = pool.closeForDeletion()
        _ = pool.closeForDeletion()
        pool.beginRefusing(2)
        for left in (0..<4).reversed() {
            guard case .closed(.deleting) = pool.lease(Waiter(), of: Thing(), now: at(1)) else {
                Issue.record("\(left + 1) deletions still refuse calls")
                return
            }
            pool.reopen()
        }
        let served = pool.call(now: 2)
        #expect(served === box)
    }

    /// A version that equals the working copy leaves the containers that stay to that.
    @Test func poolCanBeToldToKeepNone() {
        var pool = machine(minSlots: 2)
        _ = pool.grow(3)
        pool.keepsMinimum = false
        #expect(pool.tick(now: at(1_000_000)).stop.count == 3)
        _ = pool.grow(3)
        pool.keepsMinimum = true
        #expect(pool.tick(now: at(2_000_000)).stop.count == 1)
    }

    @Test func refusingPoolServesThoseThatWait() {
        var pool = machine()
        let waiter = Waiter()
        _ = pool.lease(waiter, of: waiter, now: at(0))
        pool.beginRefusing()
        guard case .closed(.deleting) = pool.lease(Waiter(), of: Thing(), now: at(1)) else {
            Issue.record("no new calls")
            return
        }
        let hand = pool.started(Box().slot, coldNanos: 1, now: at(2))
        #expect(hand.calls.count == 1)
    }

    @Test func stopOfTheDaemonIsNotUndone() {
        var pool = machine()
        _ = pool.closeForDeletion()
        _ = pool.close()
        pool.reopen()
        guard case .closed(.stopping) = pool.lease(Waiter(), of: Thing(), now: at(0)) else {
            Issue.record("it is closed for good")
            return
        }
    }
}

@Suite struct FunctionPoolTests {
    private let far = Instant.now().advanced(byNanoseconds: 60_000_000_000)

    /// Waits until somebody waits for the pool's last call.
    private func awaitWatch(of pool: FunctionPool) async {
        while pool.watching == 0 { await Task.yield() }
    }

    @Test func poolWithoutCallsIsIdleAtOnce() async {
        let pool = FunctionPool(limits: limits())
        _ = pool.event { $0.grow(1) }
        #expect(await pool.untilIdle(deadline: at(0)))
    }

    @Test func releaseOfTheLastCallEndsTheWait() async {
        let pool = FunctionPool(limits: limits(concurrency: 2))
        let slot = pool.event { machine in
            let box = machine.grow(1)[0]
            _ = machine.call()
            _ = machine.call()
            return box.slot
        }
        async let isIdle = pool.untilIdle(deadline: far)
        await awaitWatch(of: pool)
        _ = pool.event { $0.release(slot, serviceNanos: 1, now: at(1)) }
        #expect(pool.watching == 1, "one call is left")
        _ = pool.event { $0.release(slot, serviceNanos: 1, now: at(2)) }
        #expect(await isIdle)
        #expect(pool.watching == 0)
    }

    @Test func failureOrLeavingOfTheLastWaiterEndsTheWait() async {
        let pool = FunctionPool(limits: limits())
        _ = pool.event { $0.call() }
        async let first = pool.untilIdle(deadline: far)
        await awaitWatch(of: pool)
        _ = pool.event { $0.startFailed(now: at(1)) }
        #expect(await first)
        let waiter = Waiter()
        _ = pool.event { $0.lease(waiter, of: waiter, now: at(2)) }
        async let second = pool.untilIdle(deadline: far)
        await awaitWatch(of: pool)
        _ = pool.event { $0.cancel(waiter) }
        #expect(await second)
    }

    @Test func deadlineAndCancellationEndTheWait() async {
        let pool = FunctionPool(limits: limits())
        _ = pool.event { $0.call() }
        #expect(await pool.untilIdle(deadline: .now().advanced(byNanoseconds: 1_000_000)) == false)
        #expect(pool.watching == 0)
        let task = Task { await pool.untilIdle(deadline: far) }
        await awaitWatch(of: pool)
        task.cancel()
        #expect(await task.value == false)
        #expect(pool.watching == 0)
    }
}
