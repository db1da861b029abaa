import Extensions
import Model
import Testing
import Wire

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

    private func call(_ bench: DispatcherBench, streamID: UInt32 = 1) throws -> Bool {
        let payload = InvokeBody().encoded(for: InvokeTarget(app: "demo", function: "f1"))
        // Service "a", method "b".
        let frame: [UInt8] = [0x0A, 1, 0x61, 0x12, 1, 0x62, 0x1A, UInt8(payload.count)] + payload
        return bench.onLoop {
            frame.withUnsafeBytes { bytes in
                guard let envelope = try? RequestEnvelope(scanning: bytes) else { return false }
                bench.dispatcher.invoke(bench.incoming(envelope, [.invoke], streamID: streamID))
                return true
            }
        } ?? false
    }

    @Test func thePackageStaysWhileListenersThink() throws {
        let listener = Patient()
        let bench = try DispatcherBench(listeners: ListenerRegistry(calls: [listener]))
        defer { bench.stop() }
        let dispatcher = bench.dispatcher
        #expect(!dispatcher.usesPackage(DispatcherBench.package))
        #expect(try call(bench))
        #expect(try call(bench, streamID: 3))
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
        #expect(try call(bench))
        let asked = try #require(listener.asked.withLock { $0.first })
        let isUsed = bench.onLoop { [dispatcher = bench.dispatcher] in
            asked.then(.success(asked.call))
            // Nothing else has had its turn on the loop that empties pools.
            return dispatcher.usesPackage(DispatcherBench.package)
        }
        #expect(isUsed == true)
    }
}
