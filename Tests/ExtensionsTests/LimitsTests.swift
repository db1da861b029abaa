import Model
import Testing

@testable import Extensions

@Suite struct LimitsTests {
    @Test func oneLineAMinuteSaysHowManyWereLeftOut() {
        var limit = LineLimit()
        let start = Instant(nanoseconds: 5)
        #expect(limit.admit("down", now: start) == "down")
        let last = start.advanced(byNanoseconds: LineLimit.periodNanos - 1)
        #expect(limit.admit("down", now: last) == nil)
        #expect(limit.admit("down", now: last) == nil)
        let next = start.advanced(byNanoseconds: LineLimit.periodNanos)
        #expect(limit.admit("down", now: next) == "down (and 2 times more since the last such line)")
        #expect(limit.admit("up", now: next.advanced(byNanoseconds: LineLimit.periodNanos)) == "up")
    }

    @Test func waitsDoubleUntilAConnectionLasted() {
        var backoff = Backoff()
        let waits = (0..<8).map { _ in backoff.next(after: Backoff.longest - 1) }
        #expect(waits == [20, 40, 80, 160, 320, 640, 1000, 1000])
        #expect(backoff.next(after: Backoff.longest) == 20)
        #expect(backoff.next(after: 0) == 40)
    }

    @Test func anInterestHoldsWhatWasPutIntoIt() {
        let interest = Interest(before: [.appCreate, .call], after: [.triggerDelete])
        for type in EventType.allCases {
            #expect(interest.contains(type, .before) == [.appCreate, .call].contains(type))
            #expect(interest.contains(type, .after) == (type == .triggerDelete))
            #expect(Interest.everything.contains(type, .before) && Interest.everything.contains(type, .after))
            #expect(!Interest().contains(type, .before) && !Interest().contains(type, .after))
        }
    }
}
