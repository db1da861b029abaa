import Model
import Testing

@testable import Pool

@Suite struct LedgerTests {
    private let pool = FunctionPool(limits: limits())

    private func claim(
        _ memory: UInt64, cpu: UInt64 = 0, urgent: Bool = false, of pool: FunctionPool? = nil
    ) -> Claim {
        Claim(
            needs: Resources(memoryMiB: memory, cpuMilli: cpu), pool: pool ?? self.pool, start: memory, isUrgent: urgent
        )
    }

    private func ledger(_ memory: UInt64 = 100, cpu: UInt64 = 1000, starts: Int = 8) -> LedgerMachine {
        LedgerMachine(total: Resources(memoryMiB: memory, cpuMilli: cpu), maxStarts: starts)
    }

    /// The claims that an event grants, by their memory.
    private func granted(_ ledger: inout LedgerMachine) -> [UInt64] { ledger.takeGranted().map(\.needs.memoryMiB) }

    @Test func claimHoldsFromItsStartToItsRemoval() {
        var ledger = ledger()
        let claim = claim(60, cpu: 300)
        _ = ledger.request(claim)
        #expect(ledger.held == .none)
        #expect(granted(&ledger) == [60])
        ledger.started(claim)
        #expect(ledger.held == Resources(memoryMiB: 60, cpuMilli: 300))
        ledger.leaving(claim)
        ledger.leaving(claim)
        #expect(ledger.held == Resources(memoryMiB: 60, cpuMilli: 300))
        ledger.removed(claim)
        ledger.removed(claim)
        #expect(ledger.held == .none && ledger.starting == 0)
    }

    @Test(arguments: [(101, 0), (1, 1001)] as [(UInt64, UInt64)]) func moreThanTheMachineHasIsRefused(
        memory: UInt64, cpu: UInt64
    ) {
        var ledger = ledger()
        guard case .tooLarge = ledger.request(claim(memory, cpu: cpu)) else {
            Issue.record("it would wait for ever")
            return
        }
        guard case .accepted = ledger.request(claim(100, cpu: 1000)) else {
            Issue.record("the machine has exactly that")
            return
        }
        #expect(granted(&ledger) == [100])
    }

    @Test func nobodyOvertakesTheFirst() {
        var ledger = ledger()
        let first = claim(70)
        for claim in [first, claim(50), claim(20)] { _ = ledger.request(claim) }
        #expect(granted(&ledger) == [70])
        #expect(ledger.waiting == 2)
        ledger.removed(first)
        #expect(granted(&ledger) == [50, 20])
    }

    @Test func functionsWithoutAnyContainerGoFirst() {
        var ledger = ledger(starts: 1)
        for claim in [claim(1), claim(2), claim(3, urgent: true), claim(4, urgent: true)] { _ = ledger.request(claim) }
        let granted = ledger.takeGranted()
        #expect(granted.map(\.needs.memoryMiB) == [3])
        for claim in granted { ledger.started(claim) }
        #expect(self.granted(&ledger) == [4])
    }

    @Test func functionThatLosesItsLastContainerGoesFirstFromThenOn() {
        var ledger = ledger(starts: 1)
        let running = claim(1)
        let other = FunctionPool(limits: limits())
        for claim in [running, claim(2), claim(3, of: other), claim(4, of: other)] { _ = ledger.request(claim) }
        #expect(granted(&ledger) == [1])
        ledger.raise(other)
        ledger.removed(running)
        #expect(granted(&ledger) == [3])
    }

    @Test func startsAtOnceAreLimited() {
        var ledger = ledger(starts: 2)
        let claims = (1...4).map { claim($0) }
        for claim in claims { _ = ledger.request(claim) }
        #expect(granted(&ledger) == [1, 2])
        #expect(ledger.shortage == nil, "they wait for their turn, not for room")
        ledger.started(claims[0])
        #expect(granted(&ledger) == [3])
        ledger.removed(claims[1])
        #expect(granted(&ledger) == [4])
    }

    @Test func whatIsLeavingCountsAsRoomToCome() {
        var ledger = ledger()
        let (first, second) = (claim(60), claim(40))
        for claim in [first, second, claim(70)] { _ = ledger.request(claim) }
        #expect(granted(&ledger) == [60, 40])
        ledger.started(first)
        ledger.started(second)
        #expect(ledger.shortage?.missing == Resources(memoryMiB: 70, cpuMilli: 0))
        ledger.leaving(first)
        #expect(ledger.shortage?.missing == Resources(memoryMiB: 10, cpuMilli: 0))
        ledger.leaving(second)
        #expect(ledger.shortage == nil)
        #expect(granted(&ledger) == [])
        ledger.removed(first)
        ledger.removed(second)
        #expect(granted(&ledger) == [70])
    }

    @Test func withdrawnClaimsMakeWayForOthers() {
        var ledger = ledger()
        let other = FunctionPool(limits: limits())
        for claim in [claim(90), claim(80), claim(70), claim(10, of: other)] { _ = ledger.request(claim) }
        #expect(granted(&ledger) == [90])
        #expect(ledger.withdraw(pool, atMost: 1).map(\.needs.memoryMiB) == [70])
        #expect(granted(&ledger) == [])
        #expect(ledger.withdraw(pool, atMost: 5).map(\.needs.memoryMiB) == [80])
        #expect(granted(&ledger) == [10])
        #expect(ledger.withdraw(other, atMost: 5).isEmpty, "it does not wait any more")
    }

    @Test func closedLedgerGrantsNothing() {
        var ledger = ledger()
        for claim in [claim(90), claim(80), claim(70, urgent: true)] { _ = ledger.request(claim) }
        _ = ledger.takeGranted()
        #expect(ledger.close().count == 2)
        guard case .closed = ledger.request(claim(1)) else {
            Issue.record("it was accepted")
            return
        }
        #expect(granted(&ledger) == [])
    }

    @Test func pressureIsSeenWithoutALock() {
        let ledger = Ledger(total: Resources(memoryMiB: 100, cpuMilli: 0), maxStarts: 4)
        let first = claim(80)
        let granted = ledger.event { $0.request(first) }.granted
        #expect(granted.count == 1)
        _ = ledger.event { $0.started(first) }
        #expect(ledger.isPressed == .none)
        _ = ledger.event { $0.request(claim(50)) }
        #expect(ledger.isPressed == .short)
        _ = ledger.event { $0.request(claim(30, urgent: true)) }
        #expect(ledger.isPressed == .urgent)
        _ = ledger.event { $0.leaving(first) }
        #expect(ledger.isPressed == .none)
        let freed = ledger.event { $0.removed(first) }.granted
        #expect(freed.map(\.needs.memoryMiB) == [30, 50])
        #expect(ledger.figures == Ledger.Figures(held: Resources(memoryMiB: 80, cpuMilli: 0), starting: 2, waiting: 0))
    }
}
