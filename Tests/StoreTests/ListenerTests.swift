import Extensions
import Model
import Testing
import Wire

@testable import Store

/// Listeners around the store: asked about exactly what happens, told in the order of the commits.
///
/// One after the other: two listeners that stand would take both threads that tasks have on a small machine.
@Suite(.serialized) struct ListenerTests {
    /// Notes what it hears. Thread-safe.
    private final class Notes: EntityListener {
        struct State {
            var asked: [String] = []
            var told: [String] = []
            /// What would be stored.
            var news: [(any ListenedEntity)?] = []
            var room = Int.max
            var waiting: [CheckedContinuation<Void, Never>] = []
        }
        let interest = Interest.everything
        let state = Lock(State())
        /// Where it stands when it is told.
        let barrier: Barrier?
        /// Where it stands when it is asked.
        let asks: Barrier?

        /// - Parameter room: of how many changes it takes note before ``makeRoom()``.
        init(_ barrier: Barrier? = nil, asks: Barrier? = nil, room: Int = .max) {
            self.barrier = barrier
            self.asks = asks
            state.withLock { $0.room = room }
        }

        var news: [(any ListenedEntity)?] { state.withLock { $0.news } }

        var asked: [String] { state.withLock { $0.asked } }
        var told: [String] { state.withLock { $0.told } }

        func before(_ event: EntityEvent) async throws(Failure) {
            let line = "\(event.type.rawValue) \(event.name)"
            state.withLock { state in
                state.asked.append(line)
                state.news.append(event.new)
            }
            asks?.pass()
        }

        func room() async {
            await withCheckedContinuation { continuation in
                let hasRoom = state.withLock { state in
                    guard state.room == 0 else { return true }
                    state.waiting.append(continuation)
                    return false
                }
                if hasRoom { continuation.resume() }
            }
        }

        /// Takes note of one more.
        func makeRoom() {
            let waiting = state.withLock { state in
                state.room += 1
                defer { state.waiting = [] }
                return state.waiting
            }
            for continuation in waiting { continuation.resume() }
        }

        func after(_ event: EntityEvent) {
            barrier?.pass()
            let line = "\(event.type.rawValue) \(event.name) \(event.new?.meta.revision ?? 0)"
            state.withLock { state in
                state.told.append(line)
                state.room -= 1
            }
        }

        /// Waits until it was told so often.
        func untilTold(_ count: Int) async { while told.count < count { await Task.yield() } }
    }

    /// Whatever shows an app asks first, and tells then.
    @Test func everyLookAtAnAppIsAskedAbout() async throws {
        let test = try TestStore()
        try await test.furnish()
        let notes = Notes()
        test.store.listen(ListenerRegistry(entities: [notes]))
        let app = try await test.store.app("demo")
        let id = app.meta.id.description
        let raw = try await test.store.raw(GetRawRequest(kind: "app", id: id))
        #expect(raw.name == "demo" && app.name.text == "demo")
        #expect(notes.asked == ["app.get demo", "app.get \(id)"])
        #expect(notes.told == ["app.get demo 1", "app.get demo 1"])
        // Of others nobody wants to hear, nor of what is not there.
        let runtime = try #require(try test.rows().first { $0.kind == .runtime })
        _ = try await test.store.raw(GetRawRequest(id: runtime.id.description))
        await #expect(throws: Failure.self) { try await test.store.app("gone") }
        #expect(notes.asked.count == 3 && notes.told.count == 2)
    }

    /// Who refuses to have an app shown is obeyed.
    @Test func aRefusedLookShowsNothing() async throws {
        struct Closed: EntityListener {
            let interest = Interest(before: [.appGet])
            func before(_ event: EntityEvent) async throws(Failure) { throw Failure(.notPermitted, "closed") }
        }
        let test = try TestStore()
        try await test.furnish()
        let id = try test.store.read { (tables) throws(Failure) in try tables.named("demo", .app).id }
        test.store.listen(ListenerRegistry(entities: [Closed()]))
        for refusal in [
            await failure { try await test.store.app("demo") },
            await failure { try await test.store.raw(GetRawRequest(id: id.description)) },
        ] {
            #expect(refusal.code == .notPermitted && refusal.message == "closed", "\(refusal)")
        }
    }

    /// Calls keep a function that the dry run, which disturbs no calls, let go.
    @Test(arguments: Backing.allCases) func aPurgeWhileCallsRunIsDone(_ backing: Backing) async throws {
        let gate = RecordingGate()
        let test = try TestStore(backing, surroundings: TestStore.surroundings(gate: gate))
        try await test.furnish()
        let request = try Sample.deployment("trial", "f", package: 2)
        let made = try await test.change(apiVersion: 2) { (tx) throws(Failure) in
            _ = try tx.createApp(CreateAppRequest(name: "gone"))
            return try tx.deploy(request)
        }
        gate.run(1, of: .function(made.function.meta.id))
        let notes = Notes()
        test.store.listen(ListenerRegistry(entities: [notes]))
        let done = try await test.change { (tx) throws(Failure) in
            try tx.purge(PurgeByApiVersionRequest(apiVersion: 2, confirm: true))
        }
        // The version had no calls of its own, so it goes, and the function learns of it.
        #expect(done.deletion?.count == 2 && done.refused.contains("function trial/f: calls run or wait"), "\(done)")
        // What the dry run did, and then what became of it.
        #expect(
            notes.asked.sorted() == [
                "app.delete gone", "app.delete trial", "function.delete f", "function.update f",
            ])
        await notes.untilTold(2)
        #expect(notes.told == ["app.delete gone 0", "function.update f 3"])
        #expect(gate.everClosed == [.version(1, of: made.function.meta.id)])
    }

    /// What listeners are told of one app is in the order of its revisions, whoever changed it.
    @Test(arguments: Backing.allCases) func eventsAreToldInTheOrderOfTheCommits(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        try await test.furnish()
        let notes = Notes()
        test.store.listen(ListenerRegistry(entities: [notes]))
        let count = 300
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                group.addTask {
                    // Those who meet too often are refused; they are tried again until they are through.
                    while (try? await test.change { tx throws(Failure) in
                        try tx.updateApp(UpdateAppRequest(app: "demo", config: ["N": "\(number)"]))
                    }) == nil {}
                }
            }
        }
        await notes.untilTold(count)
        #expect((notes.told == (0..<count).map { "app.update demo \($0 + 2)" }) == true)
    }

    /// A listener that takes its time holds no change up.
    @Test func theWriterWaitsForNoListener() async throws {
        let test = try TestStore()
        let notes = Notes(Barrier())
        test.store.listen(ListenerRegistry(entities: [notes]))
        for number in 0..<20 {
            try await test.change { tx throws(Failure) in try tx.createApp(CreateAppRequest(name: "a\(number)")) }
        }
        #expect(notes.told.isEmpty)
        notes.barrier?.open()
        await notes.untilTold(20)
        #expect(notes.told == (0..<20).map { "app.create a\($0) 1" })
    }

    /// At the bound the newest are not told, and the log says how many; then it goes on.
    @Test func whatWaitsIsBounded() async throws {
        let test = try TestStore()
        var changes: [Change] = []
        for number in 0..<7 {
            changes += try await test.store.preview { (tx) throws(Failure) in
                try tx.createApp(CreateAppRequest(name: "a\(number)"))
            }.1
        }
        let (notes, log) = (Notes(Barrier()), Lock<[String]>([]))
        let feed = ListenerFeed(Dialects(), notes, limit: 3) { line in log.withLock { $0.append(line) } }
        feed.append([changes[0]])
        await notes.barrier?.arrival()
        // One is being told; what comes together is taken whole.
        feed.append(Array(changes[1...3]))
        feed.append(Array(changes[4...5]))
        #expect(log.withLock { $0 }.isEmpty)
        notes.barrier?.open()
        await notes.untilTold(4)
        while log.withLock({ $0 }).isEmpty { await Task.yield() }
        #expect(
            log.withLock { $0 } == [
                "extension Notes was not told of 2 changes: 3 waited to be told already, the limit"
            ])
        // There is room again when all are told.
        feed.append([changes[6]])
        await notes.untilTold(5)
        #expect(notes.told == [0, 1, 2, 3, 6].map { "app.create a\($0) 1" })
    }

    /// A burst waits for who can take one change at a time, and nobody else waits for that one.
    @Test func aBurstWaitsForRoom() async throws {
        let test = try TestStore()
        let (slow, fast) = (Notes(room: 1), Notes())
        test.store.listen(ListenerRegistry(entities: [slow, fast]))
        let names = (0..<2000).map { "a\($0)" }
        try await test.change { (tx) throws(Failure) in
            for name in names { _ = try tx.createApp(CreateAppRequest(name: name)) }
        }
        await fast.untilTold(names.count)
        #expect(slow.told.count == 1)
        while slow.told.count < names.count {
            slow.makeRoom()
            await Task.yield()
        }
        #expect((slow.told == names.map { "app.create \($0) 1" }) == true)
    }

    /// While a listener thinks about a trigger, its function goes and another one of the same name comes.
    @Test(arguments: Backing.allCases) func whatWasApprovedIsWhatIsStored(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        try await test.furnish()
        let old = try await test.deploy().function.meta.id
        let notes = Notes(asks: Barrier())
        test.store.listen(ListenerRegistry(entities: [notes]))
        async let made = test.change { tx throws(Failure) in
            try tx.createTrigger(CreateTriggerRequest(app: "demo", name: "t", source: "/t", function: "hello"))
        }
        await notes.asks?.arrival()
        // The package of the first goes with it.
        let deployment = try Sample.deployment("demo", "hello", package: 2)
        let context = ChangeContext(now: .now())
        // Past the listener, who stands.
        let replaced = await test.store.submit(context, isDry: false) { (tx) throws(Failure) in
            _ = try tx.deleteFunction(DeleteFunctionRequest(app: "demo", function: "hello", force: true))
            return try tx.deploy(deployment)
        }
        notes.asks?.open()
        _ = try replaced.get()
        let trigger = try await made
        #expect(notes.asked.count == 2, "\(notes.asked)")
        #expect(trigger.functionID != old)
        #expect(notes.news.map { ($0 as? Trigger)?.functionID } == [old, trigger.functionID])
    }

    /// Rewrites and packages are nobody's business, and who listens to nothing costs nothing.
    @Test func onlyWhatIsListenedToIsTold() async throws {
        let test = try TestStore()
        let notes = Notes()
        test.store.listen(ListenerRegistry(entities: [notes]))
        try await test.furnish()
        try await test.deploy()
        try await test.store.migrate(MigrateEntitiesRequest(to: 2)) { _ in }
        try await test.change { tx throws(Failure) in try tx.createApp(CreateAppRequest(name: "last")) }
        await notes.untilTold(4)
        #expect(
            notes.told == [
                "app.create demo 1", "function.create hello 1", "function.update hello 2", "app.create last 1",
            ])
    }
}
