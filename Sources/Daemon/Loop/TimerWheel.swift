package import Model

/// Something with a deadline.
package protocol Expiring: AnyObject {
    /// The time has come; runs on the wheel's loop, without its lock.
    func expired()
}

/// A place in a ``TimerWheel``; sits in at most one wheel at a time.
// SAFETY: these fields are guarded by the lock of the wheel that holds the entry.
package final class WheelEntry: @unchecked Sendable {
    fileprivate(set) var due = Instant(nanoseconds: 0)
    fileprivate(set) var next: WheelEntry?
    fileprivate(set) unowned(unsafe) var previous: WheelEntry?
    fileprivate(set) var slot = -1
    fileprivate(set) var owner: (any Expiring)?

    package init() {}
}

/// Many deadlines for the price of one timer: 512 slots of 16 ms; adding and removing cost a lock and a list link.
///
/// An entry fires up to 16 ms late, never early. Thread-safe. After Varghese and Lauck, "Hashed and hierarchical timing
/// wheels" (1987), the hashed kind.
// SAFETY: `timer` is loop-confined; everything else is in `state`.
package final class TimerWheel: @unchecked Sendable {
    /// Nanoseconds of a slot.
    package static let tickNanos: UInt64 = 16_000_000
    private static let slots = 512

    private let loop: EventLoop
    private let state = Lock(State())
    private var timer: LoopTimer?

    private struct State {
        var heads = [WheelEntry?](repeating: nil, count: TimerWheel.slots)
        var count = 0
        var lastTick: UInt64 = 0
        var isArmed = false
    }

    /// - Parameter loop: where entries fire.
    package init(loop: EventLoop) {
        self.loop = loop
    }

    /// Entries that wait.
    package var count: Int { state.withLock { $0.count } }

    /// Adds an entry.
    package func add(_ entry: WheelEntry, of owner: any Expiring, due: Instant) {
        let mustArm = state.withLock { state -> Bool in
            precondition(entry.slot < 0, "BUG: the entry sits in a wheel already")
            if state.count == 0 { state.lastTick = Instant.now().nanoseconds / Self.tickNanos }
            // One tick later than its own, so that it never fires early; and never in a slot that has passed.
            let tick = max(due.nanoseconds / Self.tickNanos + 1, state.lastTick + 1)
            let slot = Int(tick % UInt64(Self.slots))
            entry.due = due
            entry.owner = owner
            entry.slot = slot
            entry.next = state.heads[slot]
            entry.previous = nil
            state.heads[slot]?.previous = entry
            state.heads[slot] = entry
            state.count += 1
            defer { state.isArmed = true }
            return !state.isArmed
        }
        if mustArm { loop.run { [self] in arm() } }
    }

    /// Takes an entry out; `false` if it had fired or was never in.
    @discardableResult
    package func remove(_ entry: WheelEntry) -> Bool {
        state.withLock { Self.unlink(entry, &$0) }
    }

    /// Stops the timer; entries that wait never fire. On the loop.
    package func close() {
        timer?.close()
        timer = nil
    }

    private static func unlink(_ entry: WheelEntry, _ state: inout State) -> Bool {
        guard entry.slot >= 0 else { return false }
        if let previous = entry.previous { previous.next = entry.next } else { state.heads[entry.slot] = entry.next }
        entry.next?.previous = entry.previous
        entry.next = nil
        entry.previous = nil
        entry.slot = -1
        entry.owner = nil
        state.count -= 1
        return true
    }

    private func arm() {
        let timer = timer ?? LoopTimer(loop) { [unowned self] in self.tick() }
        self.timer = timer
        timer.start(milliseconds: Self.tickNanos / 1_000_000, every: Self.tickNanos / 1_000_000)
    }

    private func tick() {
        let now = Instant.now()
        let (expired, isEmpty) = state.withLock { state -> ([any Expiring], Bool) in
            var expired: [any Expiring] = []
            let current = now.nanoseconds / Self.tickNanos
            let first = max(state.lastTick + 1, current >= UInt64(Self.slots) ? current - UInt64(Self.slots) + 1 : 0)
            if first <= current {
                for tick in first...current {
                    var entry = state.heads[Int(tick % UInt64(Self.slots))]
                    while let candidate = entry {
                        entry = candidate.next
                        guard candidate.due <= now, let owner = candidate.owner else { continue }
                        if Self.unlink(candidate, &state) { expired.append(owner) }
                    }
                }
                state.lastTick = current
            }
            if state.count == 0 { state.isArmed = false }
            return (expired, state.count == 0)
        }
        if isEmpty { timer?.stop() }
        for entry in expired { entry.expired() }
        // An entry that was added between the unlock and the stop has armed nothing.
        if isEmpty && state.withLock({ $0.isArmed }) { arm() }
    }
}
