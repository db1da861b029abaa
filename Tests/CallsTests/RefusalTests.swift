import Catalog
import Extensions
import Loop
import Model
import Pool
import Telemetry
import Testing
import Wire

@testable import Calls

/// Calls of a function whose queue is full.
@Suite struct RefusalTests {
    /// Hears how calls ended.
    private final class Listener: CallListener {
        let heard = Lock<[CallRecord]>([])
        let interest = Interest(after: [.call])

        func after(_ record: CallRecord) { heard.withLock { $0.append(record) } }
    }

    private let records = Lock<[CallRecord]>([])

    private func bench(_ listeners: ListenerRegistry = ListenerRegistry()) throws -> DispatcherBench {
        try DispatcherBench(listeners: listeners) { [records] batch in
            records.withLock { $0 += batch.flatMap(\.calls) }
        }
    }

    /// What `demo/f1` runs; its queue is full.
    private func full(_ bench: DispatcherBench) throws -> Runnable {
        let (app, function) = (Array("demo".utf8), Array("f1".utf8))
        let found = app.withUnsafeBytes { app in
            function.withUnsafeBytes { bench.dispatcher.catalog.find(app: app, function: $0, .working) { _ in 0 } }
        }
        guard case .runnable(let runnable) = found else { throw Failure(.notFound, "\(found)") }
        for _ in 0..<runnable.version.spec.maxQueue {
            let waiter = Waiter()
            _ = runnable.pool.event { $0.lease(waiter, of: waiter, now: .now()) }
        }
        return runnable
    }

    /// Calls one after the other, and looks at every answer.
    private func call(_ bench: DispatcherBench, times: UInt32) async throws {
        for number in 0..<times {
            #expect(bench.deliver(streamID: 2 * number + 1) { bench.dispatcher.invoke($0) })
            let answer = try await bench.response()
            #expect(answer.code == Failure.Code.busy.status && answer.keys == ["fn-call-id", "fnrpc-version"])
        }
        await bench.dispatcher.recorder.flush()
    }

    /// The first hundred of a second have a record; all others cost next to nothing, and count all the same.
    @Test func aFloodIsCountedAndHardlyRecorded() async throws {
        let bench = try bench()
        defer { bench.stop() }
        let runnable = try full(bench)
        let begun = Instant.now()
        try await call(bench, times: 300)
        let most = 101 + Int(Instant.now().nanoseconds(since: begun) / 10_000_000)
        let records = records.withLock { $0 }
        #expect((100...most).contains(records.count), "at most \(most)")
        #expect(records.allSatisfy { $0.status == .error && $0.error.contains("its limit (max_queue)") })
        #expect(Set(records.map(\.meta.id)).count == records.count)
        let counters = bench.dispatcher.counters
        #expect(counters.callsStarted.load(ordering: .relaxed) == 300)
        #expect(counters.callsFinished.load(ordering: .relaxed) == 300)
        #expect(counters.calls.figures.ended[.error] == 300 && runnable.metrics.figures.ended[.error] == 300)
        #expect(counters.calls.figures.wait.histogram.count == 300)
        #expect(counters.calls.figures.refusal.histogram.count == 300)
        #expect(bench.invoke.metrics.ended[8] == 300)
        #expect(bench.session.openCount == 0 && bench.session.usage.calls == 300)
        #expect(bench.dispatcher.budget.used == 0)
    }

    /// Who wants to be told of every call is.
    @Test func listenersHearOfAll() async throws {
        let listener = Listener()
        let bench = try bench(ListenerRegistry(calls: [listener]))
        defer { bench.stop() }
        _ = try full(bench)
        try await call(bench, times: 150)
        #expect(records.withLock { $0.count } == 150 && listener.heard.withLock { $0.count } == 150)
        #expect(bench.dispatcher.counters.calls.figures.refusal.histogram.count == 0, "it was not at once")
    }
}
