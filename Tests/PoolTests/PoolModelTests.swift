import Model
import Testing

@testable import Pool

@Suite struct PoolModelTests {
    /// Any order of events keeps the promises that ``PoolModel/check()`` has, and every call ends.
    @Test(arguments: 0..<80) func anyOrderOfEventsKeepsTheInvariants(seed: UInt64) {
        var model = PoolModel(seed: seed)
        for step in 0..<2000 {
            model.step()
            if step == 1500, seed % 3 == 1 { model.drain() }
            if step == 1800, seed % 3 == 2 { model.close() }
            model.check()
        }
        model.finish()
    }
}

/// A pool, and what its callers and containers know of it.
private struct PoolModel {
    private var pool: PoolMachine
    private var random: SeededRandom
    private var now: UInt64 = 0
    /// The container of each call that runs.
    private var busy: [Box] = []
    private var waiting: [Waiter] = []
    /// Containers that came up and were not thrown away.
    private var alive: [Box] = []
    /// Starts of before the last detach.
    private var oldStarts: UInt32 = 0
    private var accepted = 0
    private var ended = 0
    private var refusals = 0
    /// Calls that waited once more.
    private var returned = 0
    private var isStopping = false
    private var isDrained = false
    private var closing: PoolMachine.Closing? { isStopping ? .stopping : refusals > 0 ? .deleting : nil }

    init(seed: UInt64) {
        random = SeededRandom(state: seed &* 7919 + 1)
        let isSingleUse = seed % 4 == 3
        let queuesAhead = seed % 4 == 1
        var limits = limits(
            concurrency: isSingleUse || queuesAhead ? 1 : UInt32.random(in: 1...3, using: &random), maxSlots: 5,
            minSlots: UInt32.random(in: 0...2, using: &random), maxWaiters: UInt32.random(in: 0...5, using: &random),
            singleUse: isSingleUse)
        limits.queuesAhead = queuesAhead
        pool = PoolMachine(limits: limits)
    }

    mutating func step() {
        now += UInt64.random(in: 1...500, using: &random)
        switch Int.random(in: 0..<20, using: &random) {
        case 0...5: lease()
        case 6...9: if let box = busy.randomElement(using: &random) { release(box) }
        case 10...12: endStart()
        case 13:
            guard let box = alive.randomElement(using: &random) else { return }
            take(pool.retire(box.slot, now: at(now)), box)
            if pool.limits.queuesAhead, busy.count(where: { $0 === box }) == 2 { comeBack(from: box) }
        case 14:
            guard let waiter = waiting.randomElement(using: &random), pool.cancel(waiter) else { return }
            waiting.removeAll { $0 === waiter }
            ended += 1
        case 15:
            if Int.random(in: 0..<8, using: &random) == 0 { now += 60_000_000_000 }
            let ready = pool.ready
            stop(pool.tick(now: at(now)).stop)
            #expect(pool.ready >= min(ready, least))
            keep()
        case 16: scale()
        case 17: if Int.random(in: 0..<8, using: &random) == 0 { detach() }
        default: gate()
        }
    }

    /// How many containers stay.
    private var least: Int { isStopping || isDrained ? 0 : Int(pool.limits.minSlots) }

    /// Time makes up what is missing of the least number, unless a start has failed lately.
    private mutating func keep() {
        let wasEnough = pool.ready + Int(pool.starting) >= least
        let count = pool.startMinimum(now: at(now))
        #expect(count == 0 || (!wasEnough && closing == nil))
        let isEnough = pool.ready + Int(pool.starting) >= least || pool.containers == pool.limits.maxSlots
        #expect(isEnough || closing != nil || at(now) < pool.keepsFrom)
    }

    /// The call behind the one in a container that takes no more did not begin.
    private mutating func comeBack(from box: Box) {
        let waiter = Waiter()
        switch pool.comeBack(waiter, of: waiter, now: at(now)) {
        case .slot(let owner), .frozen(let owner): if let box = owner as? Box { begin(in: box) }
        case .wait:
            waiting.insert(waiter, at: 0)
            returned += 1
        case .closed:
            #expect(isStopping)
            ended += 1
        case .full, .limited, .hurry: Issue.record("it was accepted before")
        }
        accepted += 1
        release(box)
    }

    private mutating func lease() {
        let waiter = Waiter(mayGoAhead: Bool.random(using: &random))
        switch pool.lease(waiter, of: waiter, now: at(now)) {
        case .slot(let owner), .frozen(let owner):
            guard let box = owner as? Box else { return }
            begin(in: box)
            accepted += 1
        case .wait:
            waiting.append(waiter)
            accepted += 1
        case .hurry:
            #expect(waiting.isEmpty && pool.ready == 0 && pool.starting > 0)
            waiting.append(waiter)
            accepted += 1
        case .full: #expect(pool.waiting >= Int(pool.limits.maxWaiters))
        case .limited: Issue.record("there is no limit")
        case .closed(let reason):
            #expect(reason == closing)
            return
        }
        #expect(closing == nil)
    }

    private mutating func begin(in box: Box) {
        #expect(!box.isDetached)
        #expect(alive.contains { $0 === box })
        busy.append(box)
    }

    private mutating func release(_ box: Box) {
        if let index = busy.firstIndex(where: { $0 === box }) { busy.remove(at: index) }
        ended += 1
        take(pool.release(box.slot, serviceNanos: 100, now: at(now)), box)
    }

    private mutating func endStart(mayFail: Bool = true) {
        guard pool.starting > 0 else { return }
        let isOld = oldStarts > 0
        if isOld { oldStarts -= 1 }
        if mayFail, Int.random(in: 0..<4, using: &random) == 0 {
            return take(pool.startFailed(now: at(now)), nil)
        }
        // As the dispatcher does.
        if pool.abandonsStart() { return #expect(waiting.isEmpty) }
        let box = Box()
        alive.append(box)
        let hand = pool.started(box.slot, coldNanos: 200, now: at(now))
        take(hand, box)
        guard isOld else { return }
        box.isDetached = true
        #expect(hand.stop == hand.calls.isEmpty)
    }

    private mutating func scale() {
        let count = UInt32.random(in: 0...3, using: &random)
        let before = pool.counts
        if Bool.random(using: &random) {
            let room = 5 - before.ready - before.starting - before.leaving
            switch pool.scaleUp(count) {
            case .start: #expect(pool.counts.starting == before.starting + Int(count))
            case .over(let allowed): #expect(Int(allowed) == room && Int(count) > room)
            case .ending: #expect(closing != nil || isDrained)
            }
        } else {
            let owners = pool.scaleDown(count)
            stop(owners)
            #expect(owners.count == min(Int(count), before.idle, max(before.ready - max(1, least), 0)))
        }
    }

    private mutating func detach() {
        for box in alive { box.isDetached = true }
        oldStarts = pool.starting
        stop(pool.detach(now: at(now)).stop)
        #expect(pool.ready == 0)
    }

    private mutating func gate() {
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            let calls = busy.count + waiting.count
            #expect(pool.closeForDeletion() == calls)
            if calls == 0 { refusals += 1 }
        case 1:
            let deletions = Int.random(in: 1...3, using: &random)
            pool.beginRefusing(deletions)
            refusals += deletions
        default:
            // Only who has closed opens.
            guard refusals > 0 else { return }
            pool.reopen()
            refusals -= 1
        }
    }

    mutating func drain() {
        stop(pool.drain())
        isDrained = true
    }

    mutating func close() {
        ended += pool.close().count
        waiting = []
        isStopping = true
    }

    private mutating func take(_ hand: PoolMachine.Hand, _ box: Box?) {
        for case let waiter as Waiter in hand.calls {
            #expect(waiter === waiting.first, "the oldest first")
            waiting.removeAll { $0 === waiter }
            if let box { begin(in: box) } else { ended += 1 }
        }
        if hand.stop, let box { stop([box]) }
    }

    private mutating func stop(_ owners: [AnyObject]) {
        for case let box as Box in owners {
            #expect(alive.count { $0 === box } == 1, "thrown away once")
            #expect(!busy.contains { $0 === box }, "never with a call")
            alive.removeAll { $0 === box }
        }
    }

    /// What holds after every event.
    func check() {
        let counts = pool.counts
        let limits = pool.limits
        #expect(counts.running == busy.count && counts.waiting == waiting.count)
        #expect(accepted == ended + busy.count + waiting.count)
        #expect(counts.ready + counts.leaving == alive.count && counts.ready == counts.idle + counts.busy)
        #expect(counts.ready + counts.leaving + counts.starting <= Int(limits.maxSlots))
        #expect(waiting.count <= max(Int(limits.maxWaiters), 1) + returned)
        #expect(waiting.isEmpty || pool.free.isEmpty, "no call waits while a slot has room")
        #expect(waiting.isEmpty || counts.running + counts.starting > 0, "somebody will serve it")
        #expect(!isDrained || counts.idle == 0)
        let members = pool.members
        #expect(members.count == alive.count)
        for member in members {
            let calls = busy.count { $0 === member.owner }
            #expect(calls == Int(member.calls) && calls <= Int(limits.concurrency) + (limits.queuesAhead ? 1 : 0))
            #expect(member.state == .idle ? calls == 0 : calls > 0)
        }
    }

    /// Lets everything end: every call does, and a drained pool is empty.
    mutating func finish() {
        while !busy.isEmpty || pool.starting > 0 {
            now += 1000
            if let box = busy.first { release(box) } else { endStart(mayFail: false) }
            check()
        }
        #expect(waiting.isEmpty)
        #expect(accepted == ended)
        drain()
        #expect(alive.isEmpty && pool.isEmpty)
    }
}
