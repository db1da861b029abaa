import Extensions
import Model
import Testing

@testable import Calls

/// Calls while listeners are asked about them.
@Suite struct AskedCallTests {
    /// Answers when the test says so.
    private final class Patient: CallListener {
        typealias Answer = @Sendable (Result<CallProposal, Failure>) -> Void

        let asked = Lock<[(call: CallProposal, then: Answer)]>([])
        let interest = Interest(before: [.call])

        func before(_ call: CallProposal, then: @escaping Answer) { asked.withLock { $0.append((call, then)) } }
    }

    private func call(_ bench: DispatcherBench, streamID: UInt32 = 1) -> Bool {
        bench.deliver(streamID: streamID) { [dispatcher = bench.dispatcher] in dispatcher.invoke($0) }
    }

    @Test func thePackageStaysWhileListenersThink() throws {
        let listener = Patient()
        let bench = try DispatcherBench(listeners: ListenerRegistry(calls: [listener]))
        defer { bench.stop() }
        let dispatcher = bench.dispatcher
        #expect(!dispatcher.usesPackage(DispatcherBench.package))
        #expect(call(bench))
        #expect(call(bench, streamID: 3))
        let asked = listener.asked.withLock { $0 }
        try #require(asked.count == 2)
        #expect(dispatcher.usesPackage(DispatcherBench.package))
        asked[0].then(.failure(Failure(.notPermitted, "no")))
        _ = bench.onLoop {}
        #expect(dispatcher.usesPackage(DispatcherBench.package), "the other call still waits")
        asked[1].then(.failure(Failure(.notPermitted, "no")))
        _ = bench.onLoop {}
        #expect(!dispatcher.usesPackage(DispatcherBench.package))
    }

    @Test func aCallThatGoesOnIsInItsPoolBeforeItIsLetGo() throws {
        let listener = Patient()
        let bench = try DispatcherBench(listeners: ListenerRegistry(calls: [listener]))
        defer { bench.stop() }
        #expect(call(bench))
        let asked = try #require(listener.asked.withLock { $0.first })
        let isUsed = bench.onLoop { [dispatcher = bench.dispatcher] in
            asked.then(.success(asked.call))
            // Nothing else has had its turn on the loop that empties pools.
            return dispatcher.usesPackage(DispatcherBench.package)
        }
        #expect(isUsed == true)
    }
}
