import Model
import Testing

@testable import Pool

/// When a pool asks for another container.
@Suite struct PoolGrowthTests {
    private static let cold: UInt64 = 20_000_000

    /// A pool with one busy container, `waiting` calls behind it, and a measured service time.
    private func pool(service: UInt64, waiting: Int, maxSlots: UInt32 = 16, ready: Int = 1) -> PoolMachine {
        var pool = machine(maxSlots: maxSlots, maxWaiters: 1000)
        for index in 0..<ready {
            if index == 0 { _ = pool.call() } else { _ = pool.scaleUp(1) }
            let box = Box()
            _ = pool.started(box.slot, coldNanos: Self.cold, now: at(0))
            if index > 0 { _ = pool.call() }
            _ = pool.release(box.slot, serviceNanos: service, now: at(0))
            _ = pool.call()
        }
        for _ in 0..<waiting { _ = pool.call() }
        return pool
    }

    @Test func itGrowsWhenWaitingCostsMoreThanStartingAtTheEdge() {
        // 20 calls of 1 ms are 20 ms, the cold start; one more is more.
        var even = pool(service: 1_000_000, waiting: 20)
        #expect(even.starting == 0)
        let tick = even.tick(now: at(0))
        #expect(!tick.start)
        guard case .wait(start: true) = even.lease(Waiter(), of: Thing(), now: at(0)) else {
            Issue.record("21 calls cost more than a start")
            return
        }
    }

    @Test func othersStartBesideItOnlyFromLooksAndWithThoseCounted() {
        var pool = pool(service: 10_000_000, waiting: 9)
        #expect(pool.starting == 1, "90 ms are more than 20 ms")
        guard case .wait(start: false) = pool.lease(Waiter(), of: Thing(), now: at(0)) else {
            Issue.record("one starts already")
            return
        }
        // 100 ms over 1 + starting containers: 50, 33, 25, 20.
        var looks = 0
        while pool.tick(now: at(0)).start { looks += 1 }
        #expect(looks == 3 && pool.starting == 4)
    }

    @Test func nothingElseStartsBeforeTheFirstIsThere() {
        var pool = machine(maxWaiters: 1000)
        for _ in 0..<500 { _ = pool.call() }
        for look in 1...50 {
            let tick = pool.tick(now: at(UInt64(look) * 1_000_000_000))
            #expect(!tick.start)
        }
        #expect(pool.starting == 1)
    }

    @Test func oneCallThatWasHeldUpStartsNothing() {
        var pool = pool(service: 50_000, waiting: 0)
        let box = Box()
        _ = pool.scaleUp(1)
        _ = pool.started(box.slot, coldNanos: Self.cold, now: at(0))
        for _ in 0..<64 { _ = pool.call() }
        // 5 ms instead of 50 µs.
        let hand = pool.release(box.slot, serviceNanos: 5_000_000, now: at(0))
        #expect(!hand.start && hand.calls.count == 1)
        // A look while a call runs for 1 ms: not 62 times 1 ms.
        let tick = pool.tick(now: at(1_000_000))
        #expect(!tick.start)
        // They all stand still: 41 ms of each, with 63 calls behind them.
        let late = pool.tick(now: at(41_000_000))
        #expect(late.start)
    }

    @Test func theServiceTimeFollowsWhatCallsTake() {
        var pool = pool(service: 1_000_000, waiting: 0)
        for _ in 0..<100 { pool.measure(8000) }
        #expect((8000...8100).contains(pool.serviceNanos))
        for _ in 0..<100 { pool.measure(1_000_000_000) }
        #expect((990_000_000...1_000_000_000).contains(pool.serviceNanos))
        pool.measure(.max)
        #expect(pool.serviceNanos <= 2_000_000_000)
    }

    @Test(arguments: [
        (PoolMachine.Processors.free, cold, true), (.free, cold - 1, true), (.busy(used: nil), cold, false),
        (.busy(used: 125), cold, false), (.busy(used: 124), cold, true), (.busy(used: 0), cold - 1, false),
    ])
    func busyProcessorsKeepItFromGrowingUnlessItsCallsWait(
        processors: PoolMachine.Processors, service: UInt64, grows: Bool
    ) {
        var pool = pool(service: service, waiting: 0)
        _ = pool.tick(now: at(0), processors: processors)
        // What was seen holds between the looks.
        let starts = (0..<9).map { _ in pool.lease(Waiter(), of: Thing(), now: at(0)) }
        let first = starts.firstIndex { if case .wait(start: true) = $0 { true } else { false } }
        #expect((first != nil) == grows)
        let tick = pool.tick(now: at(0), processors: processors)
        #expect(tick.start == grows)
    }

    @Test func busyProcessorsNeverKeepTheFirstContainerAway() {
        var pool = machine()
        _ = pool.tick(now: at(0), processors: .busy(used: nil))
        guard case .wait(start: true) = pool.lease(Waiter(), of: Thing(), now: at(0)) else {
            Issue.record("a call needs a container")
            return
        }
        var single = machine(maxSlots: 3, singleUse: true)
        _ = single.tick(now: at(0), processors: .busy(used: nil))
        for _ in 0..<3 { _ = single.call() }
        #expect(single.starting == 3)
    }

    @Test func aFailedStartFailsOnlyWhatNobodyElseCanServe() {
        // Another container is there: it serves them.
        var beside = pool(service: 10_000_000, waiting: 9)
        #expect(beside.starting == 1)
        #expect(beside.startFailed(now: at(0)).calls.isEmpty)
        #expect(beside.waiting == 9)
        // Another one starts: it may.
        var double = machine()
        _ = double.call()
        _ = double.scaleUp(1)
        #expect(double.startFailed(now: at(0)).calls.isEmpty)
        #expect(double.startFailed(now: at(0)).calls.count == 1)
        // One that leaves serves nobody else.
        var last = machine(maxSlots: 2)
        let box = last.grow(1)[0]
        _ = last.call()
        _ = last.retire(box.slot, now: at(0))
        guard case .wait(start: true) = last.lease(Waiter(), of: Thing(), now: at(0)) else {
            Issue.record("it needs another")
            return
        }
        #expect(last.startFailed(now: at(0)).calls.count == 1)
    }
}
