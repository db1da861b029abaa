import Model
import Testing

@testable import Drivers

@Suite struct ProcessorTimesTests {
    private func times(idle: UInt64, waiting: UInt64 = 0) -> ProcessorTimes? {
        ProcessorTimes(stat: "cpu  9 8 7 \(idle) \(waiting) 0 3 5 0 0\ncpu0 1 1 1 1 1 0 0 0 0 0\nintr 5 0\n")
    }

    @Test func idleIsWhatNobodyNeedsAndWhatWaitsForDisks() throws {
        #expect(try #require(times(idle: 100, waiting: 7)).idleNanos == 1_070_000_000)
    }

    @Test(arguments: ["", "cpu", "cpu 1 2 3", "cpu 1 2 3 4", "cpu 1 2 3 x 5", "cpu0 1 2 3 4 5", "intr 1 2 3 4 5 6"])
    func anythingElseIsNotUnderstood(text: String) { #expect(ProcessorTimes(stat: text) == nil) }

    /// 100 ms with 20 ms of one processor idle is a fifth.
    @Test func busyIsLessThanAFifthOfAProcessorIdle() throws {
        let before = try #require(times(idle: 100))
        #expect(try #require(times(idle: 101)).areBusy(since: before, nanos: 100_000_000))
        #expect(try !#require(times(idle: 102)).areBusy(since: before, nanos: 100_000_000))
        #expect(try #require(times(idle: 99)).areBusy(since: before, nanos: 100_000_000), "it may go back")
    }

    @Test func theMachineSaysIt() throws {
        let first = try #require(ProcessorTimes.now())
        let second = try #require(ProcessorTimes.now())
        #expect(second.idleNanos + 1_000_000_000 > first.idleNanos)
    }
}
