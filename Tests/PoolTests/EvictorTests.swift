import Model
import Testing

@testable import Pool

@Suite struct EvictorTests {
    private func candidate(
        memory: UInt64 = 10, cpu: UInt64 = 0, calls: UInt64 = 1, cold: UInt64 = 10_000_000, _ lastUsed: UInt64...
    ) -> Evictor.Candidate {
        Evictor.Candidate(
            pool: FunctionPool(limits: limits()), needs: Resources(memoryMiB: memory, cpuMilli: cpu), calls: calls,
            coldNanos: cold, lastUsed: lastUsed.map(at))
    }

    private func chosen(
        _ evictor: inout Evictor, _ candidates: [Evictor.Candidate], missing: UInt64, cpu: UInt64 = 0,
        now: UInt64 = 1000
    ) -> [Int: Int] {
        let chosen = evictor.choose(
            candidates, missing: Resources(memoryMiB: missing, cpuMilli: cpu), now: at(now))
        return Dictionary(uniqueKeysWithValues: chosen.map { ($0.index, $0.count) })
    }

    /// Calls, the price of a start, and memory decide, each if the others are equal.
    @Test func theCheapestGoes() {
        var evictor = Evictor()
        #expect(chosen(&evictor, [candidate(calls: 9, 1), candidate(calls: 2, 1)], missing: 1) == [1: 1])
        evictor = Evictor()
        #expect(chosen(&evictor, [candidate(cold: 9, 1), candidate(cold: 900_000_000, 1)], missing: 1) == [0: 1])
        evictor = Evictor()
        #expect(chosen(&evictor, [candidate(memory: 10, 1), candidate(memory: 500, 1)], missing: 1) == [1: 1])
    }

    @Test func nobodyGoesForNothing() {
        var evictor = Evictor()
        let candidates = [candidate(1, 2), candidate(memory: 5, 3)]
        #expect(chosen(&evictor, candidates, missing: 26).isEmpty)
        #expect(evictor.clock == 0)
        #expect(chosen(&evictor, candidates, missing: 25) == [0: 2, 1: 1])
        #expect(evictor.clock > 0)
    }

    @Test func onlyThoseGoThatHaveWhatIsMissing() {
        var evictor = Evictor()
        let candidates = [candidate(memory: 100, calls: 1, 1), candidate(memory: 1, cpu: 500, calls: 900, 1)]
        #expect(chosen(&evictor, candidates, missing: 0, cpu: 200) == [1: 1])
    }

    /// What was worth much and is not used any more goes at last: the clock passes it.
    @Test func worthAgesWithTheClock() {
        var evictor = Evictor()
        let once = candidate(calls: 20, 0)
        var rounds = 0
        while rounds < 100 {
            rounds += 1
            let time = UInt64(rounds) * 10
            // A new one each time, of little worth.
            let fresh = candidate(calls: 1, time)
            if chosen(&evictor, [once, fresh], missing: 1, now: time) == [0: 1] { break }
        }
        #expect((15...25).contains(rounds), "\(rounds) evictions of others came first")
    }

    @Test func clockRemembersAsMuchAsItMay() {
        var evictor = Evictor()
        for round in 1...UInt64(3 * Evictor.maxSteps) {
            #expect(chosen(&evictor, [candidate(round)], missing: 1, now: round) == [0: 1])
        }
        let clock = evictor.clock
        #expect(clock > Double(Evictor.maxSteps))
        // Used before everything that it remembers, but not before all time.
        let old = candidate(calls: 100, 0)
        let new = candidate(calls: 1, UInt64(4 * Evictor.maxSteps))
        #expect(chosen(&evictor, [old, new], missing: 1, now: 5 * UInt64(Evictor.maxSteps)) == [0: 1])
    }
}
