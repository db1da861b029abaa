package import Model

/// Containers that leave though they are neither old nor unused, because others need the room or their time is over.
extension PoolMachine {
    /// How long a container is kept from leaving in favour of others while calls still wait for it, in cold starts: so
    /// functions that take turns spend a tenth of their time on starts at most.
    private static let tenureStarts: UInt64 = 10

    /// Whether nothing was called for so long, and nothing is here that could be lost.
    package func isUnused(for nanos: UInt64, now: Instant) -> Bool {
        !needsUpkeep && calls == 0 && now.nanoseconds(since: lastCall) >= nanos
    }

    // MARK: - Eviction

    /// What the choice of containers that leave is made from.
    ///
    /// - Parameter needs: what each of them holds.
    /// - Returns: `nil` if none may leave.
    package func evictable(_ pool: FunctionPool, needs: Resources) -> Evictor.Candidate? {
        let idle = free.filter { $0.calls == 0 }.prefix(spareSlots).map(\.lastUsed)
        guard !idle.isEmpty else { return nil }
        return Evictor.Candidate(pool: pool, needs: needs, calls: served, coldNanos: coldNanos, lastUsed: idle)
    }

    /// Up to so many idle containers leave, those first that were not used for longest; the least number stays.
    ///
    /// - Returns: the owners of the slots to throw away.
    package mutating func evict(_ count: Int) -> [AnyObject] {
        retireIdle(free.filter { $0.calls == 0 }.prefix(min(count, spareSlots)))
    }

    /// Whether a container that has just become free may go to others though calls wait for it.
    func mayYield(_ slot: Slot, now: Instant) -> Bool {
        slot.calls == 0 && spareSlots > 0
            && now.nanoseconds(since: slot.readyAt)
                >= coldNanos.multipliedReportingOverflow(by: Self.tenureStarts)
                .partialValue
    }

    // MARK: - Starts that nobody needs

    /// Starts that were made for calls, none of which waits any more.
    package var surplusStarts: UInt32 { waiting == 0 ? starting - startingKept : 0 }

    /// A start that waited for room is not made any more.
    ///
    /// - Returns: whether to make another one: a call has come meanwhile.
    package mutating func startWithdrawn(now: Instant) -> Bool {
        startEnded()
        return wantsStart(now: now)
    }

    // MARK: - Number of calls, and age

    /// Whether a slot is beyond the greatest age; notes it if so.
    func isTooOld(_ slot: Slot, now: Instant) -> Bool {
        guard limits.maxAgeNanos > 0, now.nanoseconds(since: slot.readyAt) >= limits.maxAgeNanos else { return false }
        slot.isExpired = true
        return true
    }

    /// Retires slots beyond the greatest age; those that have calls leave when these are over.
    mutating func expire(now: Instant) -> [AnyObject] {
        guard limits.maxAgeNanos > 0 else { return [] }
        let old = slots.filter { isTooOld($0, now: now) }
        for slot in old where slot.calls > 0 { retire(slot) }
        return retireIdle(old.filter { $0.state != .retired })
    }
}
