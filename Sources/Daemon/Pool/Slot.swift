internal import Model

/// A container as the pool sees it.
// SAFETY: every field is guarded by the lock of the pool that the slot belongs to.
package final class Slot: @unchecked Sendable {
    /// What the slot stands for; the pool never looks into it. Held until the slot has left.
    var owner: AnyObject?
    var calls: UInt32 = 0
    var state = State.idle
    var lastUsed = Instant(nanoseconds: 0)
    /// When it became ready for calls.
    var readyAt = Instant(nanoseconds: 0)
    /// Calls that it got; counted only where their number is limited.
    var served: UInt32 = 0
    /// It leaves because of its age, or of the number of its calls.
    var isExpired = false
    /// It has no call, and its container must be thawed for the next one.
    var isFrozen = false

    enum State { case idle, full, retired }

    package init(owner: AnyObject) {
        self.owner = owner
    }
}

/// A call's place in the queue.
// SAFETY: every field is guarded by the lock of the pool that it waits in.
package final class Waiter: @unchecked Sendable {
    /// The call, while it waits; the pool never looks into it.
    var owner: AnyObject?
    /// Whether it may be in a slot behind another call.
    let mayGoAhead: Bool

    package init(mayGoAhead: Bool = true) { self.mayGoAhead = mayGoAhead }
}
