package import Model
internal import Synchronization

/// Who holds how much of the machine: ``LedgerMachine`` behind a lock. Thread-safe.
package final class Ledger: Sendable {
    private let machine: Lock<LedgerMachine>
    private let pressure = Atomic<UInt8>(Pressure.none.rawValue)
    /// What all containers together may hold.
    package let total: Resources

    /// How much a start wants the room that others have.
    package enum Pressure: UInt8, Sendable {
        /// None waits for room.
        case none
        /// One waits.
        case short
        /// One waits whose function has no container at all.
        case urgent
    }

    /// Numbers of one moment.
    package struct Figures: Sendable, Equatable {
        /// What containers hold, those that start or are being removed included.
        package let held: Resources
        /// Starts that are being made.
        package let starting: Int
        /// Starts that wait for room or for their turn.
        package let waiting: Int
    }

    /// - Parameters:
    ///   - total: what all containers together may hold.
    ///   - maxStarts: the most starts at once.
    package init(total: Resources, maxStarts: Int) {
        self.total = total
        machine = Lock(LedgerMachine(total: total, maxStarts: maxStarts))
    }

    /// Whether a container that has become idle would be welcome; a look without a lock. It is raised before idle
    /// containers are looked for, so one that becomes idle too late to be found sees it.
    package var isPressed: Pressure { Pressure(rawValue: pressure.load(ordering: .sequentiallyConsistent)) ?? .none }

    package var figures: Figures {
        machine.withLock { Figures(held: $0.held, starting: $0.starting, waiting: $0.waiting) }
    }

    /// Runs an event.
    ///
    /// - Returns: its result; whose start is to be made now, by the caller, without any lock.
    package func event<R>(_ body: (inout LedgerMachine) -> R) -> (result: R, granted: [Claim]) {
        machine.withLock { machine in
            let result = body(&machine)
            let granted = machine.takeGranted()
            let pressure: Pressure =
                switch machine.shortage {
                case nil: .none
                case let shortage?: shortage.claim.isUrgent ? .urgent : .short
                }
            self.pressure.store(pressure.rawValue, ordering: .sequentiallyConsistent)
            return (result, granted)
        }
    }

    /// What is missing, and for whose claim; `nil`: nobody waits for room.
    package var shortage: (claim: Claim, missing: Resources)? { machine.withLock { $0.shortage } }

    /// Chooses idle containers to make room for the first claim that waits.
    ///
    /// - Returns: how many of each candidate, those first that were not used for longest; empty: none, because nobody
    ///   waits or all of them were not enough.
    package func choose(_ candidates: [Evictor.Candidate], now: Instant) -> [(index: Int, count: Int)] {
        machine.withLock { machine in
            guard let (claim, missing) = machine.shortage else { return [] }
            let candidates = machine.evictable(candidates, for: claim)
            return machine.evictor.choose(candidates, missing: missing, now: now)
        }
    }

    /// Whether a function's container helps others when it leaves: its room is not kept for that function.
    package func mayYield(_ function: Identifier?, needs: Resources) -> Bool {
        guard let function else { return true }
        return machine.withLock { needs.memoryMiB <= $0.spare(of: function).memoryMiB }
    }

    /// What is not kept for other functions.
    package func unreserved(beside function: Identifier?) -> Resources {
        machine.withLock { $0.unreserved(beside: function) }
    }
}
