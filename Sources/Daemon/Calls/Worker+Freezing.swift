internal import Catalog
internal import Drivers
internal import Loop
internal import Pool
internal import Synchronization

/// A container that nobody uses is frozen, and thawed by the next call.
extension Worker {
    /// Freezes it if it is still idle. Blocks for some microseconds; on the thread for freezing only.
    func freeze(_ idle: PoolMachine.IdleSlot) {
        let pool = runnable.pool
        guard pool.event({ $0.isStill(idle) }),
            let freezer = freezer.load() ?? sandbox.makeFreezer().map({ self.freezer.storeIfNil($0) }),
            freezer.freeze()
        else { return }
        // A call that came meanwhile knows nothing of it.
        if !pool.event({ $0.frozen(idle) }) { freezer.thaw() }
    }

    /// Lets it go on. On any thread, a loop too: the write takes some 6 microseconds and waits for nothing in the container.
    func thaw() { freezer.load()?.thaw() }

    /// Lets it go on for a call that the pool has given its frozen slot; on any thread.
    ///
    /// - Returns: `false` if it has ended meanwhile, which the loop may not have seen yet: the slot is given back, and the
    ///   call, which nobody has seen, belongs elsewhere.
    func thawForCall() -> Bool {
        guard !sandbox.hasEnded else {
            refuse()
            return false
        }
        dispatcher.counters.thaws.increment()
        thaw()
        return true
    }
}

extension Dispatcher {
    /// Freezes the containers of a function that were idle for long enough, on a thread of its own.
    func freezeIdle(of runnable: Runnable) {
        guard freezeNanos > 0 else { return }
        for (slot, owner) in runnable.pool.event({ $0.idle(for: freezeNanos, now: .now()) }) {
            guard let worker = owner as? Worker else { continue }
            freezers.post { worker.freeze(slot) }
        }
    }
}
