import Model
import Testing
import Wire

@testable import Extensions

@Suite struct ListenerRegistryTests {
    /// Writes down what it hears, and refuses what it is told to.
    final class Recorder: EntityListener, CallListener, Sendable {
        let interest: Interest
        let name: String
        private let heard: Lock<[String]>
        private let refuses: Bool

        init(_ name: String, _ interest: Interest, _ heard: Lock<[String]>, refuses: Bool = false) {
            self.name = name
            self.interest = interest
            self.heard = heard
            self.refuses = refuses
        }

        func before(_ event: EntityEvent) async throws(Failure) {
            heard.withLock { $0.append("\(name) before \(event.type.rawValue) \(event.name)") }
            if refuses { throw Failure(.precondition, "\(name) says no") }
        }

        func after(_ event: EntityEvent) {
            heard.withLock { $0.append("\(name) after \(event.type.rawValue) \(event.name)") }
        }

        func before(_ call: CallProposal, then: @escaping @Sendable (Result<CallProposal, Failure>) -> Void) {
            heard.withLock { $0.append("\(name) call to \(call.function)") }
            var call = call
            call.function += name
            then(refuses ? .failure(Failure(.notPermitted, "\(name) says no")) : .success(call))
        }
    }

    @Test func listenersAreAskedInOrderUntilOneRefuses() async throws {
        let heard = Lock<[String]>([])
        let create = Interest(before: [.appCreate], after: [.appCreate])
        let registry = ListenerRegistry(entities: [
            Recorder("a", create, heard), Recorder("b", Interest(before: [.appDelete]), heard),
            Recorder("c", create, heard, refuses: true), Recorder("d", create, heard),
        ])
        let app = try makeApp("x")
        let failure = await #expect(throws: Failure.self) { try await registry.before(.appCreate, .create(app)) }
        #expect(failure?.message == "c says no")
        registry.after(.appCreate, .create(app))
        #expect(
            heard.withLock { $0 } == [
                "a before app.create x", "c before app.create x", "a after app.create x", "c after app.create x",
                "d after app.create x",
            ])
    }

    @Test func anEventThatNobodyWantsIsNotMade() async throws {
        let registry = ListenerRegistry(entities: [Recorder("a", Interest(before: [.appCreate]), Lock([]))])
        func event() -> EntityEvent {
            Issue.record("it was made")
            return .list
        }
        try await registry.before(.appList, event())
        registry.after(.appCreate, event())
        #expect(registry.wants(.appCreate, .before) && !registry.wants(.appCreate, .after))
        #expect(!registry.hasCallListeners && !registry.wants(.call, .before))
        #expect(!ListenerRegistry().wants(.appCreate, .before))
    }

    @Test func eachListenerSeesWhatTheOneBeforeMadeOfACall() {
        let heard = Lock<[String]>([])
        let call = Interest(before: [.call])
        let registry = ListenerRegistry(calls: [
            Recorder("-a", call, heard), Recorder("-b", Interest(after: [.call]), heard), Recorder("-c", call, heard),
        ])
        let result = Lock<CallProposal?>(nil)
        registry.before(makeCall()) { answer in result.withLock { $0 = try? answer.get() } }
        #expect(result.withLock { $0 }?.function == "pay-a-c")
        #expect(heard.withLock { $0 } == ["-a call to pay", "-c call to pay-a"])
        #expect(registry.hasCallListeners && registry.wants(.call, .after))
    }

    @Test func theFirstRefusalOfACallIsTheLastWord() {
        let heard = Lock<[String]>([])
        let call = Interest(before: [.call])
        let registry = ListenerRegistry(calls: [
            Recorder("-a", call, heard, refuses: true), Recorder("-b", call, heard),
        ])
        let text = Lock("")
        registry.before(makeCall()) { answer in
            if case .failure(let failure) = answer { text.withLock { $0 = failure.message } }
        }
        #expect(text.withLock { $0 } == "-a says no")
        #expect(heard.withLock { $0 } == ["-a call to pay"])
    }
}
