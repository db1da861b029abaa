package import Model

/// What an administrator does with a function's containers.
extension PoolMachine {
    /// Containers and calls at one moment.
    package struct Counts: Sendable, Equatable {
        /// Containers that take calls: those that are idle and those that are busy.
        package let ready: Int
        /// Of these, without a call.
        package let idle: Int
        /// Of these, frozen.
        package let frozen: Int
        /// Of these, with at least one call.
        package let busy: Int
        /// Containers that were asked for and are not ready.
        package let starting: Int
        /// Containers that take no more calls, and still have some.
        package let leaving: Int
        /// Calls in containers.
        package let running: Int
        /// Calls without one.
        package let waiting: Int
    }

    /// A container that is there.
    package struct Member {
        package enum State { case idle, frozen, busy, leaving }

        package let owner: AnyObject
        package let state: State
        /// Calls in it.
        package let calls: UInt32
        /// When a call last came or went; without one, when it was ready.
        package let lastUsed: Instant
    }

    /// The answer to ``scaleUp(_:)``.
    package enum ScaleUp: Equatable {
        /// All of them count as starting: start them.
        case start
        /// Nothing changed: only so many more are allowed.
        case over(allowed: UInt32)
        /// Nothing changed: nobody will need them.
        case ending
    }

    package var counts: Counts {
        let idle = slots.count { $0.calls == 0 }
        return Counts(
            ready: slots.count, idle: idle, frozen: frozen, busy: slots.count - idle, starting: Int(starting),
            leaving: leaving.count, running: running, waiting: waiting)
    }

    /// Every container but those that start, the oldest first.
    package var members: [Member] {
        (slots + leaving).compactMap { slot in
            guard let owner = slot.owner else { return nil }
            let idle: Member.State = slot.isFrozen ? .frozen : .idle
            let state = slot.state == .retired ? .leaving : slot.calls == 0 ? idle : .busy
            return Member(owner: owner, state: state, calls: slot.calls, lastUsed: slot.lastUsed)
        }
    }

    /// Every container of now is to leave: an idle one at once, a busy one when its calls are over. One that is starting
    /// serves as many of those that wait as it can take at once, if any, and then leaves as well. Calls wait on and get
    /// new ones.
    ///
    /// - Returns: the owners of the slots to throw away; whether to make a container.
    package mutating func detach(now: Instant) -> (stop: [AnyObject], start: Bool) {
        startingOld = starting
        for slot in slots where slot.calls > 0 { retire(slot) }
        return (retireIdle(slots), wantsStart(now: now))
    }

    /// The function was replaced or deleted: from now on, for good, a container leaves as soon as no call needs it. Calls
    /// that wait, or come late, are still served, by new containers if need be.
    ///
    /// - Returns: the owners of the slots to throw away.
    package mutating func drain() -> [AnyObject] {
        isDraining = true
        return retireIdle(slots.filter { $0.calls == 0 })
    }

    /// Takes no more calls if none runs or waits; else changes nothing.
    ///
    /// - Returns: the calls that run or wait.
    package mutating func closeForDeletion() -> Int {
        if calls == 0 { beginRefusing() }
        return calls
    }

    /// Takes no more calls, for one deletion more or several; those that run or wait go on.
    package mutating func beginRefusing(_ deletions: Int = 1) { refusals += deletions }

    /// Undoes one ``closeForDeletion()`` that closed, or one deletion of ``beginRefusing(_:)``: calls are taken again when
    /// no deletion refuses them any more and the daemon does not stop.
    package mutating func reopen() { refusals = max(refusals - 1, 0) }

    /// More containers, though nobody waits. Unused, they leave as all others do.
    package mutating func scaleUp(_ count: UInt32) -> ScaleUp {
        guard closing == nil, !isDraining else { return .ending }
        let allowed = limits.maxSlots - containers
        guard count <= allowed else { return .over(allowed: allowed) }
        starting += count
        startingKept += count
        return .start
    }

    /// Up to so many idle containers less, those first that were not used for longest; the least number stays, and one always.
    ///
    /// - Returns: the owners of the slots to throw away.
    package mutating func scaleDown(_ count: UInt32) -> [AnyObject] {
        let spare = min(Int(count), max(slots.count - 1, 0), spareSlots)
        return retireIdle(free.filter { $0.calls == 0 }.prefix(spare))
    }
}
