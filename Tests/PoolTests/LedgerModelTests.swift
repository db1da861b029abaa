import Model
import Testing

@testable import Pool

/// Pools, the ledger, and containers that start, serve, freeze, die and are removed in any order.
@Suite struct LedgerModelTests {
    @Test(arguments: 0..<60) func anyOrderOfEventsKeepsTheInvariants(seed: UInt64) {
        var model = LedgerModel(seed: seed)
        for _ in 0..<1500 {
            model.step()
            model.check()
        }
        model.finish()
    }
}

/// What the dispatcher does with pools and ledger, without threads and sandboxes: one event after the other.
private struct LedgerModel {
    /// A container as the dispatcher has it.
    private final class Container {
        let pool: Int
        let claim: Claim
        lazy var slot = Slot(owner: self)
        var calls = 0

        init(pool: Int, claim: Claim) {
            self.pool = pool
            self.claim = claim
        }
    }

    private let pools: [FunctionPool]
    private let needs: [Resources]
    private let ledger: Ledger
    /// What is kept for the last two pools.
    private var reserve = Resources.none
    private var random: SeededRandom
    private var now: UInt64 = 0
    /// Starts that are being made.
    private var starting: [Claim] = []
    private var alive: [Container] = []
    /// Containers that are being removed.
    private var leaving: [Container] = []
    private var waiters: [(pool: Int, waiter: Waiter)] = []
    private var accepted = 0
    private var ended = 0

    init(seed: UInt64) {
        random = SeededRandom(state: seed &* 104_729 + 3)
        let count = Int.random(in: 2...6, using: &random)
        var pools: [FunctionPool] = []
        var needs: [Resources] = []
        for index in 0..<count {
            var limits = limits(
                concurrency: index % 3 == 1 ? 2 : 1, maxSlots: 4, minSlots: index == 0 ? 1 : 0, maxWaiters: 6,
                singleUse: seed % 5 == 4 && index == 1)
            if limits.isSingleUse { limits.concurrency = 1 }
            if index == 2 { limits.maxCalls = 3 }
            if index == 3 { limits.maxAgeNanos = 2000 }
            // The last two are versions of one function.
            let function = function(UInt64(min(index, count - 2)))
            pools.append(FunctionPool(limits: limits, function: function))
            needs.append(
                Resources(
                    memoryMiB: .random(in: 5...60, using: &random), cpuMilli: .random(in: 0...2, using: &random) * 100))
        }
        self.pools = pools
        self.needs = needs
        // What the first pool always keeps must leave room for the largest.
        let memory = UInt64.random(in: 60...150, using: &random) + needs[0].memoryMiB
        ledger = Ledger(
            total: Resources(memoryMiB: memory, cpuMilli: 500),
            maxStarts: .random(in: 1...4, using: &random))
        guard seed % 2 == 0, let function = pools[count - 1].function else { return }
        // What is left is enough for the largest and for what the first pool keeps.
        let left = (needs.map(\.memoryMiB).max() ?? 0) + needs[0].memoryMiB
        let room = Resources(memoryMiB: memory > left ? memory - left : 0, cpuMilli: 0)
        let (kept, refused) = ledger.event { $0.reserve(room, for: function) }.result
        #expect(kept == room && refused.isEmpty)
        reserve = room
    }

    mutating func step() {
        now += UInt64.random(in: 1...200, using: &random)
        switch Int.random(in: 0..<20, using: &random) {
        case 0...6: call(Int.random(in: 0..<pools.count, using: &random))
        case 7...10: endCall()
        case 11...13: endStart()
        case 14...15: endRemoval()
        case 16: die()
        case 17: giveUp()
        case 18: tick()
        default: freeze()
        }
    }

    // MARK: - Events

    private mutating func call(_ pool: Int) {
        let waiter = Waiter()
        switch pools[pool].event({ $0.lease(waiter, of: waiter, now: at(now)) }) {
        case .slot(let owner), .frozen(let owner):
            (owner as? Container)?.calls += 1
            accepted += 1
        case .wait(let start):
            accepted += 1
            waiters.append((pool, waiter))
            if start { request(pool) }
        case .hurry:
            accepted += 1
            waiters.append((pool, waiter))
            let raised = pools[pool]
            settle { $0.raise(raised) }
        case .full, .limited, .closed: break
        }
    }

    private mutating func endCall() {
        guard let container = (alive + leaving).filter({ $0.calls > 0 }).randomElement(using: &random) else { return }
        container.calls -= 1
        ended += 1
        let yields =
            ledger.isPressed == .urgent
            && ledger.mayYield(pools[container.pool].function, needs: needs[container.pool])
        act(
            pools[container.pool].event {
                $0.release(container.slot, serviceNanos: 50, yields: yields, now: at(now))
            }, container)
    }

    private mutating func endStart() {
        guard let index = starting.indices.randomElement(using: &random) else { return }
        let claim = starting.remove(at: index)
        guard let pool = pools.firstIndex(where: { $0 === claim.pool }) else { return }
        if pools[pool].event({ $0.abandonsStart() }) { return settle { $0.removed(claim) } }
        guard Int.random(in: 0..<5, using: &random) > 0 else {
            settle { $0.removed(claim) }
            let hand = pools[pool].event { $0.startFailed(now: at(now)) }
            fail(hand.calls)
            if hand.start { request(pool) }
            return
        }
        settle { $0.started(claim) }
        let container = Container(pool: pool, claim: claim)
        alive.append(container)
        act(pools[pool].event { $0.started(container.slot, coldNanos: 100, now: at(now)) }, container)
    }

    private mutating func endRemoval() {
        guard let index = leaving.indices.filter({ leaving[$0].calls == 0 }).randomElement(using: &random) else {
            return
        }
        let container = leaving.remove(at: index)
        settle { $0.removed(container.claim) }
    }

    private mutating func die() {
        guard let container = alive.randomElement(using: &random) else { return }
        act(pools[container.pool].event { $0.retire(container.slot, now: at(now)) }, container)
        // Its calls are answered with that.
        for _ in 0..<container.calls {
            container.calls -= 1
            ended += 1
            act(pools[container.pool].event { $0.release(container.slot, serviceNanos: 0, now: at(now)) }, container)
        }
    }

    private mutating func giveUp() {
        guard let (pool, waiter) = waiters.randomElement(using: &random),
            pools[pool].event({ $0.cancel(waiter) })
        else { return }
        waiters.removeAll { $0.waiter === waiter }
        ended += 1
        dropSurplus(pool)
    }

    private mutating func tick() {
        for pool in pools.indices {
            let (stop, start) = pools[pool].event { $0.tick(now: at(now)) }
            remove(stop)
            if start { request(pool) }
            for _ in 0..<pools[pool].event({ $0.startMinimum(now: at(now)) }) { request(pool) }
            dropSurplus(pool)
        }
    }

    private mutating func freeze() {
        for pool in pools {
            for (slot, _) in pool.event({ $0.idle(for: 300, now: at(now)) }) { _ = pool.event { $0.frozen(slot) } }
        }
    }

    // MARK: - What the dispatcher does then

    private mutating func act(_ hand: PoolMachine.Hand, _ container: Container) {
        serve(hand.calls, in: container)
        if hand.start { request(container.pool) }
        if hand.stop {
            remove([container])
        } else if hand.calls.isEmpty, ledger.isPressed != .none {
            makeRoom()
        }
    }

    private mutating func serve(_ calls: [AnyObject], in container: Container) {
        for case let waiter as Waiter in calls {
            waiters.removeAll { $0.waiter === waiter }
            container.calls += 1
        }
    }

    private mutating func fail(_ calls: [AnyObject]) {
        for case let waiter as Waiter in calls { waiters.removeAll { $0.waiter === waiter } }
        ended += calls.count
    }

    private mutating func request(_ pool: Int) {
        let claim = Claim(
            needs: needs[pool], pool: pools[pool], start: pool,
            isUrgent: pools[pool].event { $0.ready == 0 && $0.waiting > 0 })
        settle {
            guard case .accepted = $0.request(claim) else {
                Issue.record("it fits")
                return
            }
        }
    }

    private mutating func remove(_ owners: [AnyObject]) {
        for case let container as Container in owners {
            alive.removeAll { $0 === container }
            leaving.append(container)
            let pool = pools[container.pool]
            let hasNoneLeft = pool.event { $0.ready == 0 && $0.isStarting }
            settle { machine in
                machine.leaving(container.claim)
                if hasNoneLeft { machine.raise(pool) }
            }
        }
    }

    private mutating func dropSurplus(_ pool: Int) {
        let surplus = pools[pool].event { $0.surplusStarts }
        guard surplus > 0 else { return }
        let (withdrawn, granted) = ledger.event { $0.withdraw(pools[pool], atMost: Int(surplus)) }
        starting += granted
        for _ in withdrawn where pools[pool].event({ $0.startWithdrawn(now: at(now)) }) { request(pool) }
        if ledger.isPressed != .none { makeRoom() }
    }

    private mutating func settle(_ body: (inout LedgerMachine) -> Void) {
        starting += ledger.event(body).granted
        if ledger.isPressed != .none { makeRoom() }
    }

    private mutating func makeRoom() {
        while let claim = ledger.shortage?.claim {
            let candidates = candidates(but: claim)
            var evicted: [AnyObject] = []
            for (index, count) in ledger.choose(candidates, now: at(now)) {
                evicted += candidates[index].pool.event { $0.evict(count) }
            }
            guard !evicted.isEmpty else { return }
            for case let container as Container in evicted {
                #expect(container.calls == 0, "a busy one was evicted")
            }
            remove(evicted)
        }
    }

    private func candidates(but claim: Claim) -> [Evictor.Candidate] {
        pools.indices.filter { pools[$0] !== claim.pool }.compactMap { pool in
            pools[pool].event { $0.evictable(pools[pool], needs: needs[pool]) }
        }
    }

    // MARK: - What always holds

    func check() {
        let figures = ledger.figures
        #expect(figures.held.memoryMiB <= ledger.total.memoryMiB && figures.held.cpuMilli <= ledger.total.cpuMilli)
        var sum = Resources.none
        for claim in starting + (alive + leaving).map(\.claim) { sum += claim.needs }
        var own = Resources.none
        for claim in starting + (alive + leaving).map(\.claim) where claim.pool.function == pools.last?.function {
            own += claim.needs
        }
        #expect(
            figures.held.memoryMiB + reserve.lacking(with: own).memoryMiB <= ledger.total.memoryMiB,
            "others have none of what is kept")
        #expect(sum == figures.held, "what is held is what containers and starts have")
        #expect(figures.starting == starting.count)
        #expect(accepted - ended == waiters.count + (alive + leaving).reduce(0) { $0 + $1.calls })
        for (index, pool) in pools.enumerated() {
            let counts = pool.event { $0.counts }
            #expect(counts.waiting == waiters.count { $0.pool == index })
            // A call that waits has a slot or a start to wait for.
            #expect(counts.waiting == 0 || counts.ready + counts.leaving + counts.starting > 0)
        }
        // Nobody is left waiting for room that idle containers of others could give.
        if let (claim, missing) = ledger.shortage {
            var room = Resources.none
            for candidate in ledger.event({ $0.evictable(candidates(but: claim), for: claim) }).result {
                for _ in candidate.lastUsed { room += candidate.needs }
            }
            #expect(missing.lacking(with: room) != .none, "idle containers were overlooked")
        } else {
            #expect(ledger.isPressed == .none)
        }
    }

    /// Whatever is going on comes to its end, and every call is answered.
    mutating func finish() {
        var rounds = 0
        while !(waiters.isEmpty && starting.isEmpty && leaving.isEmpty && alive.allSatisfy { $0.calls == 0 }) {
            rounds += 1
            guard rounds < 20_000 else {
                Issue.record("\(waiters.count) calls wait for ever")
                return
            }
            now += 100
            switch rounds % 4 {
            case 0: endCall()
            case 1: endStart()
            case 2: endRemoval()
            default: tick()
            }
            check()
        }
        #expect(accepted == ended)
        #expect(ledger.figures.waiting == 0)
        remove(pools.flatMap { $0.event { $0.evict(.max) } })
        while !leaving.isEmpty { endRemoval() }
        for container in alive { settle { $0.removed(container.claim) } }
        #expect(ledger.figures == Ledger.Figures(held: .none, starting: 0, waiting: 0))
    }
}
