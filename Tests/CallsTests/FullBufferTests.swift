import Glibc
import Loop
import Model
import Testing
import Wire

@testable import Calls

/// Streamed calls for which the daemon has no room.
@Suite struct FullBufferTests {
    /// Code and keys of metadata of the Response that the session has sent.
    private func response(_ bench: DispatcherBench) throws -> (code: Int32, keys: [String]) {
        var bytes = [UInt8](repeating: 0, count: 4096)
        var entry = pollfd(fd: bench.peer, events: Int16(POLLIN), revents: 0)
        try #require(poll(&entry, 1, 20_000) == 1)
        let count = read(bench.peer, &bytes, bytes.count)
        try #require(count > FrameHeader.size && bytes[8] == FrameHeader.response)
        return try bytes[FrameHeader.size..<count].withUnsafeBytes { bytes in
            let envelope = try ResponseEnvelope(scanning: bytes)
            return (envelope.code, envelope.metadata.map { $0.key })
        }
    }

    @Test func aStreamedCallThatIsRefusedIsACallAllTheSame() throws {
        let bench = try DispatcherBench()
        defer { bench.stop() }
        #expect(bench.dispatcher.budget.reserve(bench.dispatcher.budget.limit))
        #expect(bench.deliver { FunctionRelay.openBody($0) })
        let answer = try response(bench)
        #expect(answer.code == Failure.Code.busy.status)
        #expect(answer.keys == ["fn-call-id", "fnrpc-version"])
        // A stop waits until both are the same.
        let counters = bench.dispatcher.counters
        #expect(counters.callsStarted.load(ordering: .relaxed) == 1)
        #expect(counters.callsFinished.load(ordering: .relaxed) == 1)
        #expect(bench.session.openCount == 0)
    }
}
