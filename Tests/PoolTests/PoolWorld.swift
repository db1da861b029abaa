import Model
import Testing

@testable import Pool

/// A pool, its calls and its containers, in which everything that threads do happens in steps that can come in any order: a call is
/// handed a slot and begins in it later, a caller who leaves takes the call out of the queue and answers it later, a container is
/// found idle, frozen, and the pool is told later.
final class PoolWorld {
    /// What can happen next.
    enum Step: Hashable {
        case call
        /// The thread that was handed a call sends it into its slot.
        case begin(Int)
        case finish(Int)
        /// A caller leaves: out of the queue, starts that nobody needs then out of theirs, told to the pool, and then the answer.
        case withdraw(Int)
        case drop, dropped
        case answer(Int)
        /// A start that was asked for gets its turn; it ends.
        case make, come, fail
        /// A container's process ends; its loop sees that.
        case die(Int)
        case notice(Int)
        /// An idle container is found; it is frozen.
        case look, freeze
        case evict, tick, detach
    }

    /// How often what may happen, so that there is an end.
    struct Limits {
        var calls = 3
        var leaves = 1
        var deaths = 1
        var failures = 1
        var freezes = 1
        var evictions = 1
        var detaches = 0
    }

    private final class Container {
        lazy var slot = Slot(owner: self)
        var isDead = false
        /// The loop knows that it is dead.
        var isNoticed = false
        /// It was told to stop.
        var isStopped = false
        /// As the kernel has it.
        var isFrozen = false
    }

    private final class Call {
        enum Stage: Equatable { case waiting, running, over }
        let waiter = Waiter()
        var stage = Stage.waiting
        /// That it was handed, or runs in.
        var container: Container?
        var isLeaving = false
    }

    private(set) var pool: PoolMachine
    private var limits: Limits
    private var calls: [Call] = []
    private var containers: [Container] = []
    private var found: [(idle: PoolMachine.IdleSlot, container: Container)] = []
    /// Starts that wait for their turn, and those under way.
    private var asked = 0
    private var making = 0
    /// How often somebody is about to look for starts that nobody needs, and those that were taken out.
    private var drops = 0
    private var dropped = 0
    private let now = Instant(nanoseconds: 1)

    init(_ pool: PoolMachine.Limits, _ limits: Limits) {
        self.pool = PoolMachine(limits: pool)
        self.limits = limits
    }

    var steps: [Step] {
        var steps: [Step] = limits.calls > 0 ? [.call] : []
        for (index, call) in calls.enumerated() {
            if call.container != nil { steps.append(call.stage == .running ? .finish(index) : .begin(index)) }
            if call.isLeaving {
                steps.append(.answer(index))
            } else if call.stage != .over, limits.leaves > 0 {
                steps.append(.withdraw(index))
            }
        }
        if drops > 0 { steps.append(.drop) }
        if dropped > 0 { steps.append(.dropped) }
        if asked > 0 { steps.append(.make) }
        if making > 0 {
            steps.append(.come)
            if limits.failures > 0 { steps.append(.fail) }
        }
        for (index, container) in containers.enumerated() where !container.isStopped {
            if !container.isDead, limits.deaths > 0 { steps.append(.die(index)) }
            if container.isDead, !container.isNoticed { steps.append(.notice(index)) }
        }
        if limits.freezes > 0, found.isEmpty, !pool.idle(for: 0, now: now).isEmpty { steps.append(.look) }
        if !found.isEmpty { steps.append(.freeze) }
        if limits.evictions > 0, pool.ready > 0 { steps.append(.evict) }
        if limits.detaches > 0, pool.ready > 0 { steps.append(.detach) }
        if pool.waiting > 0 || pool.limits.minSlots > 0 { steps.append(.tick) }
        return steps
    }

    func take(_ step: Step) {
        switch step {
        case .call:
            limits.calls -= 1
            let call = Call()
            calls.append(call)
            place(call)
        case .begin(let index): begin(calls[index])
        case .finish(let index): end(calls[index], serviceNanos: 100)
        case .withdraw(let index):
            limits.leaves -= 1
            calls[index].isLeaving = true
            if pool.cancel(calls[index].waiter) { drops += 1 }
        case .drop:
            drops -= 1
            let surplus = min(Int(pool.surplusStarts), asked)
            asked -= surplus
            dropped += surplus
        case .dropped:
            dropped -= 1
            if pool.startWithdrawn(now: now) { asked += 1 }
        case .answer(let index): answer(calls[index])
        case .make:
            asked -= 1
            if !pool.abandonsStart() { making += 1 }
        case .come:
            making -= 1
            let container = Container()
            containers.append(container)
            act(pool.started(container.slot, coldNanos: 100, now: now), container)
        case .fail:
            limits.failures -= 1
            making -= 1
            act(pool.startFailed(now: now), nil)
        case .die(let index):
            limits.deaths -= 1
            containers[index].isDead = true
        case .notice(let index): notice(containers[index])
        case .look:
            limits.freezes -= 1
            found = pool.idle(for: 0, now: now).prefix(1).compactMap { idle, owner in
                (owner as? Container).map { (idle, $0) }
            }
        case .freeze:
            let (idle, container) = found.removeFirst()
            container.isFrozen = !container.isStopped && pool.frozen(idle)
        case .evict:
            limits.evictions -= 1
            stop(pool.evict(1))
        case .detach:
            limits.detaches -= 1
            let (owners, start) = pool.detach(now: now)
            stop(owners)
            if start { asked += 1 }
        case .tick:
            let (owners, start) = pool.tick(now: now)
            stop(owners)
            asked += (start ? 1 : 0) + Int(pool.startMinimum(now: now))
            if drops == 0, pool.surplusStarts > 0 { drops = 1 }
        }
    }

    // MARK: - What the dispatcher does

    private func place(_ call: Call) {
        switch pool.lease(call.waiter, of: call, now: now) {
        case .slot(let owner): call.container = owner as? Container
        case .frozen(let owner):
            guard let container = owner as? Container else { return }
            container.isFrozen = false
            guard container.isDead else {
                call.container = container
                return
            }
            // The thaw finds out.
            act(pool.retire(container.slot, now: now), container)
            act(pool.release(container.slot, serviceNanos: 0, now: now), container)
            place(call)
        case .wait(let start): asked += start ? 1 : 0
        case .hurry: break
        case .full, .limited, .closed: call.stage = .over
        }
    }

    private func begin(_ call: Call) {
        guard let container = call.container else { return }
        guard call.stage == .waiting else {
            // Answered while it waited: the slot is given on.
            call.container = nil
            return act(pool.release(container.slot, serviceNanos: 0, now: now), container)
        }
        call.stage = .running
        // A link that is lost refuses.
        if container.isNoticed { end(call, serviceNanos: 0) }
    }

    private func end(_ call: Call, serviceNanos: UInt64) {
        guard let container = call.container else { return }
        call.stage = .over
        call.container = nil
        act(pool.release(container.slot, serviceNanos: serviceNanos, now: now), container)
    }

    private func answer(_ call: Call) {
        call.isLeaving = false
        switch call.stage {
        case .waiting: call.stage = .over
        case .running:
            if let container = call.container { act(pool.retire(container.slot, now: now), container) }
            end(call, serviceNanos: 0)
        case .over: break
        }
    }

    private func notice(_ container: Container) {
        container.isNoticed = true
        act(pool.retire(container.slot, now: now), container)
        for call in calls where call.container === container && call.stage == .running { end(call, serviceNanos: 0) }
    }

    private func act(_ hand: PoolMachine.Hand, _ container: Container?) {
        for case let call as Call in hand.calls {
            // Without a container: a failed start was theirs as well.
            if container == nil { call.stage = .over } else { call.container = container }
        }
        if hand.start { asked += 1 }
        if hand.stop { container?.isStopped = true }
    }

    private func stop(_ owners: [AnyObject]) {
        for case let container as Container in owners { container.isStopped = true }
    }

    // MARK: - What always holds

    /// What is wrong now; `nil`: nothing.
    var fault: String? {
        let inSlots = calls.count { $0.container != nil }
        let promises: [(String, Bool)] = [
            ("what runs by the pool is what has a slot", pool.counts.running == inSlots),
            ("starts are counted", Int(pool.starting) == asked + making + dropped),
            ("never more containers than the most", pool.containers <= pool.limits.maxSlots),
            ("nobody waits while a slot has room", pool.waiting == 0 || pool.free.isEmpty),
            (
                "who waits has a slot or a start to wait for",
                pool.waiting == 0 || inSlots + asked + making + dropped > 0
            ),
            ("no call is in what is frozen", calls.allSatisfy { $0.container?.isFrozen != true }),
            ("no call is in what was stopped", calls.allSatisfy { $0.container?.isStopped != true }),
            (
                "what was not stopped takes calls, or has some",
                containers.allSatisfy { box in
                    box.isStopped || box.slot.state != .retired || calls.contains { $0.container === box }
                }
            ),
        ]
        return promises.first { !$0.1 }?.0
    }

    /// Everything that has begun goes on, and nothing new happens, until all is over.
    ///
    /// - Returns: what never ends; `nil`: nothing.
    func comeToAnEnd() -> String? {
        limits = Limits(calls: 0, leaves: 0, deaths: 0, failures: 0, freezes: 0, evictions: 0, detaches: 0)
        for _ in 0..<200 {
            guard let step = steps.first(where: { $0 != .tick }) else { break }
            take(step)
            if let fault { return "\(fault), after \(step)" }
        }
        if calls.contains(where: { $0.stage != .over || $0.container != nil }) { return "a call never ends" }
        return pool.starting > 0 || pool.waiting > 0 ? "a start or a waiter is left" : nil
    }

    /// Equal for worlds that cannot be told apart by what follows.
    var fingerprint: [Int] {
        func place(_ container: Container?) -> Int {
            container.map { wanted in containers.firstIndex { $0 === wanted } ?? -1 } ?? -2
        }
        func place(_ slot: Slot) -> Int { containers.firstIndex { $0.slot === slot } ?? -1 }
        var print = [
            limits.calls, limits.leaves, limits.deaths, limits.failures, limits.freezes, limits.evictions,
            limits.detaches, asked, making, drops, dropped, Int(pool.starting), Int(pool.startingOld),
            Int(pool.startingKept),
            Int(pool.failures), pool.serviceNanos > 0 ? 1 : 0,
        ]
        for call in calls {
            let isQueued = call.waiter.owner == nil ? 0 : 1
            print += [call.stage == .waiting ? 0 : call.stage == .running ? 1 : 2, place(call.container), isQueued]
            print.append(call.isLeaving ? 1 : 0)
        }
        for container in containers {
            let slot = container.slot
            let flags = [
                container.isDead, container.isNoticed, container.isStopped, container.isFrozen, slot.isFrozen,
            ]
            print +=
                flags.map { $0 ? 1 : 0 } + [Int(slot.calls), slot.state == .idle ? 0 : slot.state == .full ? 1 : 2]
        }
        return print + pool.free.map(place) + [-9] + found.map { place($0.container) }
    }
}
