import Testing

@testable import Pool

@Suite struct PoolMinimumTests {
    @Test func theLeastNumberIsThereWithoutACall() {
        var pool = machine(minSlots: 3)
        #expect(pool.isEmpty)
        #expect(pool.needsUpkeep)
        #expect((pool.startMinimum(now: at(0)) == 3) == true)
        #expect((pool.startMinimum(now: at(0)) == 0) == true, "they are under way")
        #expect(pool.surplusStarts == 0)
        #expect((!pool.abandonsStart()) == true)
        let box = Box()
        _ = pool.started(box.slot, coldNanos: 1, now: at(1))
        #expect((pool.startMinimum(now: at(1)) == 0) == true)
        // Later than its youth.
        #expect((pool.retire(box.slot, now: at(2_000_000_000)).stop) == true)
        #expect((pool.startMinimum(now: at(2_000_000_000)) == 1) == true)
    }

    @Test func itIsNeverMoreThanTheMost() {
        var pool = machine(maxSlots: 2, minSlots: 2)
        let boxes = pool.grow(2)
        _ = pool.call()
        _ = pool.retire(boxes[1].slot, now: at(2_000_000_000))
        #expect((pool.startMinimum(now: at(2_000_000_000)) == 0) == true, "the one that leaves still counts")
        #expect((pool.release(boxes[1].slot, serviceNanos: 1, now: at(2_000_000_000)).stop) == true)
        #expect((pool.startMinimum(now: at(2_000_000_000)) == 1) == true)
    }

    @Test func whatDoesNotStartIsTriedEverLessOften() {
        var pool = machine(minSlots: 1)
        var now: UInt64 = 0
        var waits: [UInt64] = []
        for _ in 0..<9 {
            #expect((pool.startMinimum(now: at(now)) == 1) == true)
            _ = pool.startFailed(now: at(now))
            let failed = now
            while pool.startMinimum(now: at(now)) == 0 { now += 250_000_000 }
            // It counts as starting now.
            _ = pool.startWithdrawn(now: at(now))
            waits.append((now - failed) / 1_000_000)
        }
        #expect(waits == [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
        // After so long without a failure, the next one is the first.
        now += 60_000_000_000
        #expect((pool.startMinimum(now: at(now)) == 1) == true)
        _ = pool.startFailed(now: at(now))
        #expect((pool.startMinimum(now: at(now + 499_999_999)) == 0) == true)
        #expect((pool.startMinimum(now: at(now + 500_000_000)) == 1) == true)
    }

    @Test func callsDoNotWaitForTheNextTry() {
        var pool = machine(minSlots: 1)
        _ = pool.startMinimum(now: at(0))
        _ = pool.startFailed(now: at(0))
        let waiter = Waiter()
        guard case .wait(start: true) = pool.lease(waiter, of: waiter, now: at(1)) else {
            Issue.record("the call starts one")
            return
        }
    }

    @Test(arguments: [(999_999_999, 0), (1_000_000_000, 1)] as [(UInt64, UInt32)])
    func whatDiesYoungCountsAsFailed(age: UInt64, starts: UInt32) {
        var pool = machine(minSlots: 1)
        let box = pool.grow(1)[0]
        _ = pool.retire(box.slot, now: at(age))
        #expect((pool.startMinimum(now: at(age)) == starts) == true)
    }

    @Test func theFirstCallHurriesAStartThatNobodyWaitedFor() {
        var pool = machine(minSlots: 2)
        _ = pool.startMinimum(now: at(0))
        let waiters = [Waiter(), Waiter()]
        guard case .hurry = pool.lease(waiters[0], of: waiters[0], now: at(1)) else {
            Issue.record("it goes before others now")
            return
        }
        guard case .wait(start: false) = pool.lease(waiters[1], of: waiters[1], now: at(1)) else {
            Issue.record("that was said")
            return
        }
    }

    @Test func nothingIsKeptForWhatEnds() {
        var drained = machine(minSlots: 1)
        _ = drained.drain()
        #expect((drained.startMinimum(now: at(0)) == 0) == true)
        #expect(!drained.needsUpkeep)
        var stopped = machine(minSlots: 1)
        _ = stopped.close()
        #expect((stopped.startMinimum(now: at(0)) == 0) == true)
        #expect(!stopped.needsUpkeep)
        var deleted = machine(minSlots: 1)
        deleted.beginRefusing()
        #expect((deleted.startMinimum(now: at(0)) == 0) == true)
        #expect(deleted.needsUpkeep, "the deletion may be undone")
        deleted.reopen()
        #expect((deleted.startMinimum(now: at(0)) == 1) == true)
    }

    @Test func scalingDownLeavesTheLeastNumber() {
        var pool = machine(minSlots: 2)
        _ = pool.grow(3)
        #expect((pool.scaleDown(3).count == 1) == true)
        #expect(!pool.isUnused(for: 0, now: at(9)))
    }

    @Test func whatServesOneCallIsReplacedAtOnce() {
        var pool = machine(minSlots: 1, singleUse: true)
        let box = pool.grow(1)[0]
        _ = pool.call()
        let hand = pool.release(box.slot, serviceNanos: 1, now: at(1))
        #expect(hand.stop && hand.start)
    }
}
