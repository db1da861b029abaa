package import Model

/// A call that is in a busy slot already and runs there next, so that the slot never waits for one.
///
/// It is bound to that slot. So only calls that are short by measure go ahead, and one that did not begin when its slot was
/// lost comes back before all others.
extension PoolMachine {
    /// Longer calls gain nothing by it, nanoseconds.
    private static let mostAheadNanos: UInt64 = 1_000_000

    /// The call that goes ahead into a slot now, if one may.
    mutating func takeAhead(_ slot: Slot) -> AnyObject? {
        guard limits.queuesAhead, !isOutOfOrder, slot.state == .full, slot.calls == limits.concurrency,
            (1...Self.mostAheadNanos).contains(serviceNanos), waiters.first?.mayGoAhead == true
        else { return nil }
        return waiters.popFirst()
    }

    /// A call did not begin in its slot, which takes no more calls: it is first of all to get another one.
    package mutating func comeBack(_ waiter: Waiter, of call: AnyObject, now: Instant) -> Lease {
        if isStopping { return .closed(.stopping) }
        if waiters.count == 0, let lease = takeFree(now: now) { return lease }
        waiters.prepend(waiter, of: call)
        return .wait(start: wantsStart(now: now))
    }

    /// Two calls were seen to run at once in a slot: none goes ahead any more.
    ///
    /// - Returns: whether that is new.
    package mutating func stopQueueingAhead() -> Bool {
        defer { isOutOfOrder = true }
        return !isOutOfOrder
    }
}
