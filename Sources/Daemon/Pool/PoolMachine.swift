package import Model

/// The rules of one function's pool, as events that return what to do. Pure: time comes in, nothing goes out.
///
/// Slots are taken most recently used first, so that the rest can grow old and leave; waiters first come, first served.
/// A freed slot goes straight to the oldest waiter.
package struct PoolMachine {
    /// Bounds of one function.
    package struct Limits: Sendable {
        /// Most containers of one function that names no bound of its own.
        package static let machineSlots: UInt32 = 1024

        /// Calls at once in one slot.
        package var concurrency: UInt32
        /// Most containers at once, those that start or leave included; never 0.
        package let maxSlots: UInt32
        /// Containers that are there without any call, and stay however long they are idle.
        package let minSlots: UInt32
        package var maxWaiters: UInt32
        package var idleNanos: UInt64
        /// Every slot serves one call and is then thrown away (format `default`).
        package var isSingleUse: Bool
        /// Calls after which a slot is thrown away; 0: any number.
        package var maxCalls: UInt32 = 0
        /// Age from which on a slot takes no more calls, nanoseconds; 0: any.
        package var maxAgeNanos: UInt64 = 0
        /// A full slot gets one call more, which it runs next; with concurrency 1 only.
        package var queuesAhead = false
        /// Calls a second that are taken; 0: no limit.
        package let rateLimit: UInt32

        /// - Parameter maxSlots: 0: ``machineSlots``.
        package init(
            concurrency: UInt32, maxSlots: UInt32, minSlots: UInt32 = 0, maxWaiters: UInt32, idleNanos: UInt64,
            isSingleUse: Bool, rateLimit: UInt32 = 0
        ) {
            self.concurrency = concurrency
            self.maxSlots = maxSlots == 0 ? Self.machineSlots : maxSlots
            self.minSlots = minSlots
            self.maxWaiters = maxWaiters
            self.idleNanos = idleNanos
            self.isSingleUse = isSingleUse
            self.rateLimit = rateLimit
        }
    }

    /// The answer to a call that wants a slot.
    package enum Lease {
        /// Use this slot now; by its owner.
        case slot(AnyObject)
        /// As ``slot(_:)``, but it is frozen: thaw it first.
        case frozen(AnyObject)
        /// Wait; `start`: and make a container meanwhile.
        case wait(start: Bool)
        /// Wait for a container that was asked for before any call needed it: now it goes before others.
        case hurry
        /// The queue is full.
        case full
        /// Too many came in this second; when to come again, nanoseconds.
        case limited(UInt64)
        /// The pool takes no more calls.
        case closed(Closing)
    }

    /// Why a pool takes no more calls.
    package enum Closing: Sendable {
        /// The daemon ends; for good.
        case stopping
        /// It is being deleted; may be undone.
        case deleting
    }

    /// What follows when a slot becomes free or new.
    package struct Hand {
        /// Calls that get the slot now, oldest first; without a slot: calls that fail.
        package var calls: [AnyObject] = []
        /// Throw the slot away.
        package var stop = false
        /// Make a container.
        package var start = false
    }

    package let limits: Limits
    /// Slots with room, the most recently used last.
    var free: [Slot] = []
    /// All slots that take calls, busy or not.
    var slots: [Slot] = []
    /// Retired slots that calls are still in; they count as containers.
    var leaving: [Slot] = []
    var waiters = WaiterQueue()
    /// A slot was seen to run two calls at once that should have run one after the other.
    var isOutOfOrder = false
    /// Containers that were asked for and are not there yet.
    var starting: UInt32 = 0
    /// How many of those starts were asked for before the last ``detach(now:)``. Starts have no names: the next ones to
    /// end count as these.
    var startingOld: UInt32 = 0
    /// How many starts are wanted though no call waits; the last ones to end count as these.
    var startingKept: UInt32 = 0
    /// Starts that failed, and containers that died young, one soon after the other.
    var failures: UInt32 = 0
    /// Before this, no container is started that no call waits for.
    var keepsFrom = Instant(nanoseconds: 0)
    /// Calls that got a slot since the first of the containers that are here now.
    var served: UInt64 = 0
    /// When a call last came.
    var lastCall = Instant(nanoseconds: 0)
    /// Calls that are in a slot.
    private(set) var running = 0
    /// The daemon ends.
    var isStopping = false
    /// Deletions that refuse calls now.
    var refusals = 0
    /// Whether the least number of containers is kept.
    package var keepsMinimum = true
    /// Containers leave as soon as nobody needs them.
    var isDraining = false
    var rate: RateLimiter
    /// Of the refusals, those that leave a trace.
    var traces = RateLimiter(rate: Self.tracesPerSecond)
    /// Moving averages, nanoseconds; 0: not measured yet.
    var serviceNanos: UInt64 = 0
    private(set) var coldNanos: UInt64 = 0
    /// What was last seen of the machine's processors.
    private(set) var processors = Processors.free

    package init(limits: Limits) {
        self.limits = limits
        rate = RateLimiter(rate: limits.rateLimit)
    }

    /// Calls that wait.
    package var waiting: Int { waiters.count }
    /// Containers that are ready.
    package var ready: Int { slots.count }
    /// Whether a container was asked for and is not there yet.
    package var isStarting: Bool { starting > 0 }
    /// Nothing is ready, starting or waiting.
    package var isEmpty: Bool { containers == 0 && waiters.count == 0 }
    /// Whether a call would have to wait.
    package var isSaturated: Bool { free.isEmpty || waiters.count > 0 }
    /// Calls that run or wait.
    package var calls: Int { running + waiters.count }
    /// Why no call is taken; `nil`: calls are taken.
    var closing: Closing? { isStopping ? .stopping : refusals > 0 ? .deleting : nil }
    /// Containers of every state; never more than the limit.
    var containers: UInt32 { UInt32(slots.count + leaving.count) + starting }

    /// A call wants a slot.
    package mutating func lease(_ waiter: Waiter, of call: AnyObject, now: Instant) -> Lease {
        if let closing { return .closed(closing) }
        if let wait = rate.take(now: now) { return .limited(wait) }
        lastCall = now
        if waiters.count == 0, let lease = takeFree(now: now) { return lease }
        guard hasRoomToWait else { return .full }
        waiters.append(waiter, of: call)
        let start = wantsStart(now: now)
        return !start && waiting == 1 && slots.isEmpty && startingKept > 0 ? .hurry : .wait(start: start)
    }

    /// A call has left its slot.
    ///
    /// - Parameters:
    ///   - serviceNanos: how long it took.
    ///   - yields: a function without any container waits for room: this slot leaves if it was there for long enough.
    package mutating func release(
        _ slot: Slot, serviceNanos nanos: UInt64, yields: Bool = false, now: Instant
    ) -> Hand {
        slot.calls -= 1
        running -= 1
        // 0: the call never ran here, so it says nothing about the service time.
        if nanos > 0 { measure(nanos) }
        guard slot.state != .retired else {
            guard slot.calls == 0 else { return Hand() }
            slot.owner = nil
            leaving.removeAll { $0 === slot }
            return Hand(stop: true, start: wantsStart(now: now) || (slot.isExpired && wantsReplacement(now: now)))
        }
        if isTooOld(slot, now: now) || (yields && mayYield(slot, now: now)) {
            retire(slot)
            let isOver = slot.calls == 0
            let replaces = isOver && slot.isExpired
            return Hand(stop: isOver, start: wantsStart(now: now) || (replaces && wantsReplacement(now: now)))
        }
        if limits.isSingleUse || isStopping {
            retire(slot)
            return Hand(stop: slot.calls == 0, start: wantsStart(now: now) || wantsReplacement(now: now))
        }
        if slot.state == .full {
            if slot.calls < limits.concurrency {
                slot.state = .idle
                free.append(slot)
            }
        } else if let index = free.lastIndex(where: { $0 === slot }), index != free.count - 1 {
            free.remove(at: index)
            free.append(slot)
        }
        slot.lastUsed = now
        // Who is to yield has to become empty.
        return handOut(slot, sendsAhead: !yields, now: now)
    }

    /// A container is ready.
    package mutating func started(_ slot: Slot, coldNanos nanos: UInt64, now: Instant) -> Hand {
        let isOld = startEnded()
        coldNanos = coldNanos == 0 ? nanos : coldNanos - coldNanos / 4 + nanos / 4
        if isStopping {
            retire(slot)
            return Hand(stop: true)
        }
        slot.lastUsed = now
        slot.readyAt = now
        if slots.isEmpty && leaving.isEmpty { served = 0 }
        slots.append(slot)
        free.append(slot)
        return handOut(slot, thenRetires: isOld, now: now)
    }

    /// A container did not come up. Without another slot its failure is that of every waiter; where each call has a
    /// container of its own, that of the oldest.
    package mutating func startFailed(now: Instant) -> Hand {
        startEnded()
        noteFailure(now: now)
        if limits.isSingleUse {
            let failed = waiters.count > Int(starting) ? waiters.popFirst() : nil
            return Hand(calls: failed.map { [$0] } ?? [], start: wantsStart(now: now))
        }
        if slots.isEmpty && starting == 0 { return Hand(calls: waiters.removeAll()) }
        return Hand(start: wantsStart(now: now))
    }

    /// There is no room on the machine for a container, and will not be: its failure is that of every waiter that no other
    /// one can serve.
    package mutating func startRefused(now: Instant) -> [AnyObject] {
        startEnded()
        noteFailure(now: now)
        return slots.isEmpty && starting == 0 ? waiters.removeAll() : []
    }

    /// A start is about to be made that may have waited long for its turn.
    ///
    /// - Returns: `true` if nobody needs its container any more: then it is not to be made, and counts no more.
    package mutating func abandonsStart() -> Bool {
        let isUnwanted =
            isStopping || (waiters.count == 0 && (isDraining || startingOld > 0)) || surplusStarts > 0
        if isUnwanted { _ = startEnded() }
        return isUnwanted
    }

    /// A slot takes no more calls: it died, or a call in it ran out of time.
    ///
    /// - Returns: `stop` when no call is left in it.
    package mutating func retire(_ slot: Slot, now: Instant) -> Hand {
        guard slot.state != .retired else { return Hand() }
        if now.nanoseconds(since: slot.readyAt) < Self.youthNanos { noteFailure(now: now) }
        retire(slot)
        return Hand(stop: slot.calls == 0, start: wantsStart(now: now))
    }

    /// A waiter gives up; `false` if it was handed a slot already.
    package mutating func cancel(_ waiter: Waiter) -> Bool {
        waiters.remove(waiter)
    }

    /// Time passes: slots that nobody used for long, and a start that has become worth its price.
    ///
    /// - Parameter processors: what is seen of them now.
    /// - Returns: the owners of the slots to throw away.
    package mutating func tick(now: Instant, processors: Processors = .free) -> (stop: [AnyObject], start: Bool) {
        self.processors = processors
        let expired = expire(now: now)
        let old = free.filter { $0.calls == 0 && now.nanoseconds(since: $0.lastUsed) >= limits.idleNanos }
        let stop = expired + retireIdle(old.prefix(spareSlots))
        return (stop, wantsStart(now: now, besideOthers: true))
    }

    /// No more calls: gives those that wait.
    package mutating func close() -> [AnyObject] {
        isStopping = true
        return waiters.removeAll()
    }

    // MARK: -

    /// One start is over; whether it counts as one from before the last ``detach(now:)``.
    @discardableResult
    mutating func startEnded() -> Bool {
        starting -= 1
        startingKept = min(startingKept, starting)
        guard startingOld > 0 else { return false }
        startingOld -= 1
        return true
    }

    /// Gives the slot to those that wait; then it leaves if nobody else may have it.
    private mutating func handOut(
        _ slot: Slot, thenRetires: Bool = false, sendsAhead: Bool = true, now: Instant
    ) -> Hand {
        var hand = Hand()
        // Who is in it now came behind another one.
        var isUnary = slot.calls > 0
        while slot.state == .idle {
            if limits.queuesAhead { isUnary = waiters.first?.mayGoAhead ?? false }
            guard let call = waiters.popFirst() else { break }
            take(slot, now: now)
            hand.calls.append(call)
        }
        if isUnary, sendsAhead, let call = takeAhead(slot) {
            take(slot, now: now)
            hand.calls.append(call)
        }
        if slot.state != .retired, thenRetires || (isDraining && slot.calls == 0) {
            retire(slot)
            hand.stop = slot.calls == 0
        }
        hand.start = wantsStart(now: now)
        return hand
    }

    /// A slot with room, the most recently used one.
    mutating func takeFree(now: Instant) -> Lease? {
        guard let slot = free.last, let owner = slot.owner else { return nil }
        let isFrozen = slot.isFrozen
        take(slot, now: now)
        return isFrozen ? .frozen(owner) : .slot(owner)
    }

    private mutating func take(_ slot: Slot, now: Instant) {
        slot.calls += 1
        running += 1
        served &+= 1
        slot.lastUsed = now
        slot.isFrozen = false
        if limits.maxCalls > 0 {
            slot.served += 1
            if slot.served >= limits.maxCalls {
                slot.isExpired = true
                return retire(slot)
            }
        }
        guard slot.calls >= limits.concurrency else { return }
        slot.state = .full
        if free.last === slot { free.removeLast() } else { free.removeAll { $0 === slot } }
    }

    /// It takes no more calls, and is forgotten as soon as none is left in it.
    mutating func retire(_ slot: Slot) {
        slot.state = .retired
        if slot.calls > 0 { leaving.append(slot) } else { slot.owner = nil }
        slots.removeAll { $0 === slot }
        free.removeAll { $0 === slot }
    }

    /// Retires slots without calls; gives their owners, to throw away.
    mutating func retireIdle(_ idle: some Sequence<Slot>) -> [AnyObject] {
        idle.compactMap { slot in
            let owner = slot.owner
            retire(slot)
            return owner
        }
    }
}
