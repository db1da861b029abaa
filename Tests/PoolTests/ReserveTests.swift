import Model
import Testing

@testable import Pool

/// Room that is kept for functions.
@Suite struct ReserveTests {
    private let own = FunctionPool(limits: limits(), function: function(1))
    private let other = FunctionPool(limits: limits(), function: function(2))
    private let nobody = FunctionPool(limits: limits())

    private func memory(_ size: UInt64) -> Resources { Resources(memoryMiB: size, cpuMilli: 0) }

    private func claim(_ size: UInt64, _ pool: FunctionPool, urgent: Bool = false) -> Claim {
        Claim(needs: memory(size), pool: pool, start: size, isUrgent: urgent)
    }

    /// 100 MiB, of which some are kept for `own`.
    private func ledger(keeping room: UInt64, starts: Int = 8) throws -> LedgerMachine {
        var ledger = LedgerMachine(total: memory(100), maxStarts: starts)
        #expect(ledger.reserve(memory(room), for: function(1)).kept == memory(room))
        return ledger
    }

    private func request(_ claims: [Claim], _ ledger: inout LedgerMachine) -> [UInt64] {
        for claim in claims { _ = ledger.request(claim) }
        return ledger.takeGranted().map(\.needs.memoryMiB)
    }

    @Test func othersHaveTheRestToTheLastMiB() throws {
        var ledger = try ledger(keeping: 40)
        #expect(request([claim(59, other), claim(1, nobody), claim(1, other)], &ledger) == [59, 1])
        #expect(ledger.shortage?.missing == memory(1))
        // What is kept is there at once, before those who wait.
        #expect(request([claim(30, own), claim(10, own)], &ledger) == [30, 10])
        #expect(ledger.held == memory(100))
    }

    @Test func beyondItsReserveAFunctionIsAsAnyOther() throws {
        var ledger = try ledger(keeping: 40)
        let held = [claim(30, own), claim(60, other)]
        #expect(request(held, &ledger) == [30, 60])
        // 10 MiB are left to it, and it wants 30.
        #expect(request([claim(30, own), claim(5, other)], &ledger) == [])
        ledger.started(held[1])
        ledger.removed(held[1])
        #expect(ledger.takeGranted().map(\.needs.memoryMiB) == [30, 5])
    }

    @Test func whatItGivesBackIsKeptForItAgain() throws {
        var ledger = try ledger(keeping: 40)
        let held = claim(40, own)
        #expect(request([held, claim(60, other), claim(20, other)], &ledger) == [40, 60])
        ledger.started(held)
        #expect(ledger.shortage?.missing == memory(20))
        ledger.leaving(held)
        #expect(ledger.shortage?.missing == memory(20), "that will be no room for others")
        ledger.removed(held)
        #expect(ledger.takeGranted().isEmpty)
        #expect(ledger.reserve(.none, for: function(1)).kept == .none)
        #expect(ledger.takeGranted().map(\.needs.memoryMiB) == [20])
    }

    @Test func aReserveThatComesLateIsFilledAsRoomComesBack() throws {
        var ledger = LedgerMachine(total: memory(100), maxStarts: 8)
        let held = [claim(50, other), claim(50, other)]
        #expect(request(held, &ledger) == [50, 50])
        for claim in held { ledger.started(claim) }
        #expect(ledger.reserve(memory(40), for: function(1)).kept == memory(40))
        #expect(request([claim(50, other, urgent: true), claim(20, own)], &ledger) == [])
        #expect(ledger.shortage?.claim.pool === own, "it is first")
        ledger.removed(held[0])
        #expect(ledger.takeGranted().map(\.needs.memoryMiB) == [20], "20 more are kept, and 10 are left")
        ledger.removed(held[1])
        #expect(ledger.takeGranted().map(\.needs.memoryMiB) == [50])
    }

    @Test func whatCannotFitBesideItIsRefused() throws {
        var ledger = try ledger(keeping: 40)
        guard case .kept = ledger.request(claim(61, other)), case .tooLarge = ledger.request(claim(101, other)),
            case .accepted = ledger.request(claim(60, other)), case .accepted = ledger.request(claim(100, own))
        else {
            Issue.record("60 MiB are for everybody, 100 for the one that has the reserve")
            return
        }
        #expect(ledger.takeGranted().map(\.needs.memoryMiB) == [60])
        // The one that waits for 100 has to go when another reserve leaves less.
        let (kept, refused) = ledger.reserve(memory(60), for: function(2))
        #expect(kept == memory(60) && refused.map(\.needs.memoryMiB) == [100])
        #expect(ledger.waiting == 0)
    }

    @Test func reservesTogetherAreNoMoreThanTheMachine() throws {
        var ledger = try ledger(keeping: 40)
        #expect(ledger.reserve(memory(61), for: function(2)).kept == .none)
        #expect(ledger.unreserved(beside: nil) == memory(60))
        #expect(ledger.reserve(memory(60), for: function(2)).kept == memory(60))
        #expect(ledger.unreserved(beside: nil) == .none)
        #expect(
            ledger.reserve(memory(40), for: function(1)).kept == memory(40),
            "its own is none of the others'")
        #expect(ledger.reserve(memory(41), for: function(1)).kept == .none)
    }

    @Test func onlyWhatIsBeyondItLeavesForOthers() throws {
        let ledger = Ledger(total: memory(100), maxStarts: 8)
        _ = ledger.event { $0.reserve(memory(40), for: function(1)) }
        let claims = (0..<5).map { _ in claim(20, own) }
        for claim in claims { _ = ledger.event { $0.request(claim) } }
        for claim in claims { _ = ledger.event { $0.started(claim) } }
        #expect(ledger.mayYield(function(1), needs: memory(60)) && !ledger.mayYield(function(1), needs: memory(61)))
        _ = ledger.event { $0.request(claim(60, other, urgent: true)) }
        let idle = Evictor.Candidate(
            pool: own, needs: memory(20), calls: 1, coldNanos: 1, lastUsed: (0..<5).map { at($0) })
        #expect(ledger.choose([idle], now: at(9)).map(\.count) == [3])
        // With one of them going there is too little beyond the reserve: then nobody goes.
        _ = ledger.event { $0.leaving(claims[0]) }
        _ = ledger.event { $0.removed(claims[0]) }
        #expect(ledger.choose([idle], now: at(9)).map(\.count) == [2])
        #expect(!ledger.mayYield(function(1), needs: memory(41)) && ledger.mayYield(nil, needs: memory(41)))
    }

    @Test func refusedStartsFailWhoHasNoOtherContainer() {
        var alone = machine()
        _ = alone.call()
        _ = alone.call()
        #expect(alone.startRefused(now: at(0)).count == 2)
        #expect(alone.isEmpty)
        var beside = machine()
        let box = beside.grow(1)[0]
        _ = beside.call()
        _ = beside.scaleUp(1)
        _ = beside.call()
        #expect(beside.startRefused(now: at(0)).isEmpty)
        #expect(beside.starting == 0)
        #expect(beside.release(box.slot, serviceNanos: 1, now: at(1)).calls.count == 1)
    }
}
