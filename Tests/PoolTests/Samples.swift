import Model

@testable import Pool

/// Stands for a call.
final class Thing {}

/// Stands for a container that owns its slot.
final class Box {
    lazy var slot = Slot(owner: self)
    /// It gets no more calls.
    var isDetached = false
}

func limits(
    concurrency: UInt32 = 1, maxSlots: UInt32 = 4, minSlots: UInt32 = 0, maxWaiters: UInt32 = 8, singleUse: Bool = false
) -> PoolMachine.Limits {
    PoolMachine.Limits(
        concurrency: concurrency, maxSlots: maxSlots, minSlots: minSlots, maxWaiters: maxWaiters, idleNanos: 1000,
        isSingleUse: singleUse)
}

func machine(
    concurrency: UInt32 = 1, maxSlots: UInt32 = 4, minSlots: UInt32 = 0, maxWaiters: UInt32 = 8, singleUse: Bool = false
) -> PoolMachine {
    PoolMachine(
        limits: limits(
            concurrency: concurrency, maxSlots: maxSlots, minSlots: minSlots, maxWaiters: maxWaiters,
            singleUse: singleUse))
}

/// The same one for the same number.
func function(_ number: UInt64) -> Identifier {
    var random = SeededRandom(state: number)
    return Identifier(now: Timestamp(nanoseconds: 0), using: &random)
}

func at(_ nanoseconds: UInt64) -> Instant { Instant(nanoseconds: nanoseconds) }

extension PoolMachine {
    /// Scales up and has every container come up, each a nanosecond after the other.
    mutating func grow(_ count: UInt32, now: UInt64 = 0) -> [Box] {
        guard scaleUp(count) == .start else { return [] }
        return (0..<UInt64(count)).map { index in
            let box = Box()
            _ = started(box.slot, coldNanos: 1, now: at(now + index))
            return box
        }
    }

    /// A call of its own; the container that it is in, if it does not wait.
    mutating func call(now: UInt64 = 0) -> Box? {
        let waiter = Waiter()
        guard case .slot(let owner) = lease(waiter, of: waiter, now: at(now)) else { return nil }
        return owner as? Box
    }
}

/// splitmix64; the same seed gives the same run.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
