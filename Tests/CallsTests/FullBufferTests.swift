import Loop
import Model
import Testing
import Wire

@testable import Calls

/// Streamed calls for which the daemon has no room.
@Suite struct FullBufferTests {
    @Test func aStreamedCallThatIsRefusedIsACallAllTheSame() async throws {
        let bench = try DispatcherBench()
        defer { bench.stop() }
        #expect(bench.dispatcher.budget.reserve(bench.dispatcher.budget.limit))
        #expect(bench.deliver { FunctionRelay.openBody($0) })
        let answer = try await bench.response()
        #expect(answer.code == Failure.Code.busy.status)
        #expect(answer.keys == ["fn-call-id", "fnrpc-version"])
        // A stop waits until both are the same.
        let counters = bench.dispatcher.counters
        #expect(counters.callsStarted.load(ordering: .relaxed) == 1)
        #expect(counters.callsFinished.load(ordering: .relaxed) == 1)
        #expect(bench.session.openCount == 0)
    }
}
