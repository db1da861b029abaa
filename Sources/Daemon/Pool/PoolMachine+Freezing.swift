package import Model

/// Idle containers that are stopped in their tracks until the next call.
///
/// A container is frozen first and the pool is told then: a call that comes between the two runs into a frozen
/// container, and whoever froze it learns of that at once, and thaws it. So nothing is locked meanwhile.
extension PoolMachine {
    /// A container that may be frozen, and how it was found.
    package struct IdleSlot: Sendable {
        let slot: Slot
        let lastUsed: Instant
    }

    /// Containers that had no call for so long and are not frozen.
    package func idle(for nanos: UInt64, now: Instant) -> [(slot: IdleSlot, owner: AnyObject)] {
        free.compactMap { slot in
            guard slot.calls == 0, !slot.isFrozen, now.nanoseconds(since: slot.lastUsed) >= nanos,
                let owner = slot.owner
            else { return nil }
            return (IdleSlot(slot: slot, lastUsed: slot.lastUsed), owner)
        }
    }

    /// Whether no call came since, and it has neither left nor been frozen.
    package func isStill(_ idle: IdleSlot) -> Bool {
        let slot = idle.slot
        return slot.state == .idle && slot.calls == 0 && slot.lastUsed == idle.lastUsed && !slot.isFrozen
    }

    /// A container was frozen.
    ///
    /// - Returns: `false` if a call came meanwhile, or it has left: thaw it at once.
    package mutating func frozen(_ idle: IdleSlot) -> Bool {
        guard isStill(idle) else { return false }
        idle.slot.isFrozen = true
        return true
    }

    /// Containers that are frozen.
    package var frozen: Int { slots.count(where: \.isFrozen) }
}
