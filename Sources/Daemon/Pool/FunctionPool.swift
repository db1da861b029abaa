package import Model

/// A container as the pool sees it.
// SAFETY: every field is guarded by the lock of the pool that the slot belongs to.
package final class Slot: @unchecked Sendable {
    /// What the slot stands for; the pool never looks into it. Held until the slot is retired.
    fileprivate(set) var owner: AnyObject?
    fileprivate(set) var calls: UInt32 = 0
    fileprivate(set) var state = State.idle
    fileprivate(set) var lastUsed = Instant(nanoseconds: 0)

    enum State { case idle, full, retired }

    package init(owner: AnyObject) {
        self.owner = owner
    }
}

/// A call's place in the queue.
// SAFETY: every field is guarded by the lock of the pool that it waits in.
package final class Waiter: @unchecked Sendable {
    /// The call, while it waits; the pool never looks into it.
    fileprivate(set) var owner: AnyObject?

    package init() {}
}

/// The rules of one function's pool, as events that return what to do. Pure: time comes in, nothing goes out.
///
/// Slots are taken most recently used first, so that the rest can grow old and leave; waiters first come, first served.
/// A freed slot goes straight to the oldest waiter.
package struct PoolMachine {
    /// Bounds of one function.
    package struct Limits: Sendable {
        /// Calls at once in one slot.
        package var concurrency: UInt32
        package var maxSlots: UInt32
        package var maxWaiters: UInt32
        package var idleNanos: UInt64
        /// Every slot serves one call and is then thrown away (format `default`).
        package var isSingleUse: Bool

        package init(
            concurrency: UInt32, maxSlots: UInt32, maxWaiters: UInt32, idleNanos: UInt64, isSingleUse: Bool
        ) {
            self.concurrency = concurrency
            self.maxSlots = maxSlots
            self.maxWaiters = maxWaiters
            self.idleNanos = idleNanos
            self.isSingleUse = isSingleUse
        }
    }

    /// The answer to a call that wants a slot.
    package enum Lease {
        /// Use this slot now; by its owner.
        case slot(AnyObject)
        /// Wait; `start`: and make a container meanwhile.
        case wait(start: Bool)
        /// The queue is full.
        case full
        /// The pool takes no more calls.
        case closed
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
    private var free: [Slot] = []
    /// All slots, busy or not.
    private var slots: [Slot] = []
    private var waiters = WaiterQueue()
    private(set) var starting: UInt32 = 0
    /// Retired slots that calls are still in; they count as containers.
    private var leaving: UInt32 = 0
    private var isClosed = false
    /// Moving averages, nanoseconds; 0: not measured yet.
    private var serviceNanos: UInt64 = 0
    private var coldNanos: UInt64 = 0

    package init(limits: Limits) {
        self.limits = limits
    }

    /// Calls that wait.
    package var waiting: Int { waiters.count }
    /// Containers that are ready.
    package var ready: Int { slots.count }
    /// Nothing is ready, starting or waiting.
    package var isEmpty: Bool { slots.isEmpty && starting == 0 && leaving == 0 && waiters.count == 0 }
    /// Slots that could take a call now.
    package var idle: Int { free.count }

    /// A call wants a slot.
    package mutating func lease(_ waiter: Waiter, of call: AnyObject, now: Instant) -> Lease {
        if isClosed { return .closed }
        if waiters.count == 0, let slot = free.last, let owner = slot.owner {
            take(slot, now: now)
            return .slot(owner)
        }
        // The call that makes a start possible waits for it, whatever the bound.
        let mayStart = UInt32(slots.count) + starting + leaving < limits.maxSlots
        guard waiters.count < Int(limits.maxWaiters) || (waiters.count == 0 && mayStart && starting == 0) else {
            return .full
        }
        waiters.append(waiter, of: call)
        return .wait(start: wantsStart(now: now))
    }

    /// A call has left its slot.
    ///
    /// - Parameter serviceNanos: how long it took.
    package mutating func release(_ slot: Slot, serviceNanos nanos: UInt64, now: Instant) -> Hand {
        guard slot.state != .retired else {
            slot.calls -= 1
            guard slot.calls == 0 else { return Hand() }
            leaving -= 1
            return Hand(stop: true, start: wantsStart(now: now))
        }
        // 0: the call never ran here, so it says nothing about the service time.
        if nanos > 0 { serviceNanos = serviceNanos == 0 ? nanos : serviceNanos - serviceNanos / 8 + nanos / 8 }
        slot.calls -= 1
        if limits.isSingleUse || isClosed {
            retire(slot)
            return Hand(stop: slot.calls == 0, start: wantsStart(now: now))
        }
        if slot.state == .full {
            slot.state = .idle
            free.append(slot)
        } else if let index = free.lastIndex(where: { $0 === slot }), index != free.count - 1 {
            free.remove(at: index)
            free.append(slot)
        }
        slot.lastUsed = now
        return handOut(slot, now: now)
    }

    /// A container is ready.
    package mutating func started(_ slot: Slot, coldNanos nanos: UInt64, now: Instant) -> Hand {
        starting -= 1
        coldNanos = coldNanos == 0 ? nanos : coldNanos - coldNanos / 4 + nanos / 4
        if isClosed {
            retire(slot)
            return Hand(stop: true)
        }
        slot.lastUsed = now
        slots.append(slot)
        free.append(slot)
        return handOut(slot, now: now)
    }

    /// A container did not come up. Without another slot its failure is that of every waiter; where each call has a
    /// container of its own, that of the oldest.
    package mutating func startFailed(now: Instant) -> Hand {
        starting -= 1
        if limits.isSingleUse {
            let failed = waiters.count > Int(starting) ? waiters.popFirst() : nil
            return Hand(calls: failed.map { [$0] } ?? [], start: wantsStart(now: now))
        }
        if slots.isEmpty && starting == 0 { return Hand(calls: waiters.removeAll()) }
        return Hand(start: wantsStart(now: now))
    }

    /// A slot takes no more calls: it died, or a call in it ran out of time.
    ///
    /// - Returns: `stop` when no call is left in it.
    package mutating func retire(_ slot: Slot, now: Instant) -> Hand {
        guard slot.state != .retired else { return Hand() }
        retire(slot)
        return Hand(stop: slot.calls == 0, start: wantsStart(now: now))
    }

    /// A waiter gives up; `false` if it was handed a slot already.
    package mutating func cancel(_ waiter: Waiter) -> Bool {
        waiters.remove(waiter)
    }

    /// Time passes: slots that nobody used for long, and a start that has become worth its price.
    ///
    /// - Returns: the owners of the slots to throw away.
    package mutating func tick(now: Instant) -> (stop: [AnyObject], start: Bool) {
        let old = free.filter { $0.calls == 0 && now.nanoseconds(since: $0.lastUsed) >= limits.idleNanos }
        let owners = old.compactMap(\.owner)
        for slot in old { retire(slot) }
        return (owners, wantsStart(now: now))
    }

    /// No more calls: gives those that wait.
    package mutating func close() -> [AnyObject] {
        isClosed = true
        return waiters.removeAll()
    }

    // MARK: -

    private mutating func handOut(_ slot: Slot, now: Instant) -> Hand {
        var hand = Hand()
        while slot.state == .idle, let call = waiters.popFirst() {
            take(slot, now: now)
            hand.calls.append(call)
        }
        hand.start = wantsStart(now: now)
        return hand
    }

    private mutating func take(_ slot: Slot, now: Instant) {
        slot.calls += 1
        slot.lastUsed = now
        guard slot.calls >= limits.concurrency else { return }
        slot.state = .full
        if free.last === slot { free.removeLast() } else { free.removeAll { $0 === slot } }
    }

    private mutating func retire(_ slot: Slot) {
        slot.state = .retired
        slot.owner = nil
        if slot.calls > 0 { leaving += 1 }
        slots.removeAll { $0 === slot }
        free.removeAll { $0 === slot }
    }

    /// Whether to start a container, and if so counts it as starting: only when waiting costs more than starting.
    private mutating func wantsStart(now: Instant) -> Bool {
        guard !isClosed, waiters.count > 0, UInt32(slots.count) + starting + leaving < limits.maxSlots else {
            return false
        }
        if limits.isSingleUse {
            guard Int(starting) < waiters.count else { return false }
        } else {
            guard starting == 0 else { return false }
            guard slots.isEmpty || expectedWait(now: now) > coldNanos else { return false }
        }
        starting += 1
        return true
    }

    /// How long the last waiter would wait: queue × service time ÷ capacity, nanoseconds. A call that still runs shows
    /// that the service time is at least its age.
    private func expectedWait(now: Instant) -> UInt64 {
        var service = serviceNanos
        for slot in slots where slot.calls > 0 { service = max(service, now.nanoseconds(since: slot.lastUsed)) }
        let capacity = UInt64(slots.count) * UInt64(limits.concurrency)
        return service.multipliedReportingOverflow(by: UInt64(waiters.count)).partialValue / max(capacity, 1)
    }
}

/// Waiters in order of arrival; one that gives up leaves a hole that is skipped, so that leaving is cheap.
struct WaiterQueue {
    private var ring: [Waiter?] = []
    private var head = 0
    private(set) var count = 0

    mutating func append(_ waiter: Waiter, of call: AnyObject) {
        precondition(waiter.owner == nil, "BUG: the call waits already")
        waiter.owner = call
        ring.append(waiter)
        count += 1
    }

    mutating func popFirst() -> AnyObject? {
        while head < ring.count {
            let candidate = ring[head]
            ring[head] = nil
            head += 1
            guard let waiter = candidate, let call = waiter.owner else { continue }
            waiter.owner = nil
            count -= 1
            compact()
            return call
        }
        compact()
        return nil
    }

    mutating func remove(_ waiter: Waiter) -> Bool {
        guard waiter.owner != nil else { return false }
        waiter.owner = nil
        count -= 1
        if count == 0 {
            ring.removeAll(keepingCapacity: true)
            head = 0
        } else if ring.count - head > 2 * count + 64 {
            // Holes of those that gave up must not pile up behind one that stays.
            ring = ring[head...].filter { $0?.owner != nil }
            head = 0
        }
        return true
    }

    mutating func removeAll() -> [AnyObject] {
        var all: [AnyObject] = []
        while let call = popFirst() { all.append(call) }
        return all
    }

    private mutating func compact() {
        if head == ring.count {
            ring.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 1024 && head * 2 > ring.count {
            ring.removeFirst(head)
            head = 0
        }
    }
}

/// A function's pool: ``PoolMachine`` behind its own lock, so functions never wait for each other. Thread-safe.
package final class FunctionPool: Sendable {
    private let machine: Lock<PoolMachine>
    /// What the pool was made with.
    package let limits: PoolMachine.Limits

    package init(limits: PoolMachine.Limits) {
        self.limits = limits
        machine = Lock(PoolMachine(limits: limits))
    }

    /// Runs an event; act on what it returns after this has returned, never inside.
    @inline(__always)
    package func event<R>(_ body: (inout PoolMachine) -> R) -> R {
        machine.withLock(body)
    }
}
