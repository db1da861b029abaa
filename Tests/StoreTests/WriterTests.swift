import Dispatch
import Model
import Testing
import Wire

@testable import Store

/// Operations that meet in one writer.
@Suite struct WriterTests {
    /// A store whose first commit after ``furnish()`` stands at a barrier, and what was committed.
    private struct Held {
        let test: TestStore
        let barrier = Barrier()
        let commits = Lock<[[Change]]>([])
        let isArmed = Lock(false)

        init(_ backing: Backing = .memory, refusing: @escaping @Sendable (Change) -> Bool = { _ in false }) async throws
        {
            let (barrier, commits, isArmed) = (barrier, commits, isArmed)
            test = try TestStore(backing) { driver in
                WrappedDriver(driver) { changes, commit throws(Failure) in
                    if isArmed.withLock({ $0 }) { barrier.pass() }
                    if changes.contains(where: refusing) { throw Failure(.internalError, "the disk says no") }
                    try commit()
                    commits.withLock { $0.append(changes) }
                }
            }
            try await test.furnish()
            commits.withLock { $0 = [] }
            isArmed.withLock { $0 = true }
        }

        func createApp(_ name: String) async throws(Failure) -> App {
            try await test.change { tx throws(Failure) in try tx.createApp(CreateAppRequest(name: name)) }
        }

        /// Waits until so many operations wait.
        func isWaiting(_ count: Int) async {
            while test.store.writer.waiting < count { await Task.yield() }
        }

        /// Starts an operation and waits until its commit stands.
        func block() async -> Task<Result<App, Failure>, Never> {
            let task = Task { () -> Result<App, Failure> in
                do throws(Failure) { return .success(try await createApp("first")) } catch { return .failure(error) }
            }
            await barrier.arrival()
            return task
        }
    }

    /// More than may wait: the rest is refused at once, what waits goes to the disk in few transactions.
    @Test func whatWaitsIsBoundedAndCommittedTogether() async throws {
        let held = try await Held()
        let first = await held.block()
        let surplus = 100
        var (names, refusals): (Set<String>, [Failure]) = ([], [])
        await withTaskGroup(of: Result<App, Failure>.self) { group in
            for number in 0..<Writer.maxQueue + surplus {
                group.addTask {
                    do throws(Failure) { return .success(try await held.createApp("app\(number)")) } catch {
                        return .failure(error)
                    }
                }
            }
            for await result in group {
                switch result {
                case .success(let app): names.insert(app.name.text)
                case .failure(let refusal): refusals.append(refusal)
                }
                if names.isEmpty && refusals.count == surplus {
                    // All others are in the queue, and nobody was answered before the disk.
                    #expect(held.commits.withLock { $0.isEmpty })
                    held.barrier.open()
                }
            }
        }
        #expect(try await first.value.get().name.text == "first")
        #expect(refusals.count == surplus && names.count == Writer.maxQueue)
        for refusal in refusals {
            #expect(refusal.code == .busy && refusal.quota == "pending-changes" && refusal.retryNanos == 100_000_000)
        }
        let sizes = held.commits.withLock { $0.map(\.count) }
        #expect(sizes == [1] + Array(repeating: Writer.maxBatch, count: Writer.maxQueue / Writer.maxBatch))
        #expect(try held.test.store.read { $0.children(.app, of: nil).count } == Writer.maxQueue + 2)
    }

    /// The last reference to what owns a store may be let go by an operation, on the writer's thread.
    @Test(arguments: Backing.allCases)
    func aStoreCanBeClosedOnTheWritersThread(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        test.store.observe { [store = test.store] _ in try? store.close() }
        _ = try await test.change { tx throws(Failure) in try tx.createApp(CreateAppRequest(name: "demo")) }
        let refusal = await failure {
            try await test.change { tx throws(Failure) in try tx.createApp(CreateAppRequest(name: "late")) }
        }
        #expect(refusal.code == .unavailable)
    }

    /// Callers who wait for each of their answers still share transactions.
    @Test func eightCallersShareCommits() async throws {
        let held = try await Held(.sqlite)
        held.barrier.open()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<8 {
                group.addTask {
                    for number in 0..<40 { _ = try await held.createApp("c\(caller)-\(number)") }
                }
            }
            try await group.waitForAll()
        }
        let commits = held.commits.withLock { $0.count }
        #expect(commits < 320 && commits >= 40, "\(commits)")
        let rows = try held.test.rows()
        try held.test.reopen()
        #expect((try held.test.rows() == rows) == true && rows.count { $0.kind == .app } == 321)
    }

    /// One alone never waits for others; nobody waits longer than the last commit took, nor over the limits.
    @Test func whomATransactionWaitsFor() {
        let alone = Writer.Gather(answered: 1, waiting: 0, commitNanos: 5)
        #expect(alone.count == 1 && alone.nanos == 5)
        #expect(Writer.Gather(answered: 0, waiting: 0, commitNanos: 0).count == 1)
        #expect(Writer.Gather(answered: 3, waiting: 5, commitNanos: .max).count == 8)
        #expect(Writer.Gather(answered: 3, waiting: 5, commitNanos: .max).nanos == Writer.Gather.maxNanos)
        #expect(Writer.Gather(answered: 15, waiting: 1, commitNanos: 1).count == Writer.Gather.maxCount)
        #expect(Writer.Gather(answered: 16, waiting: 1, commitNanos: 1).count == Writer.Gather.maxCount)
    }

    /// The disk takes all but one of those that came together.
    @Test(arguments: Backing.allCases)
    func whatTheDiskRefusesIsRefusedAlone(_ backing: Backing) async throws {
        let held = try await Held(backing) { $0.row.key == "bad" }
        let first = await held.block()
        // The second of the same name is refused for a row that never becomes one, unless it is tried again.
        let names = ["a", "bad", "b", "bad", "c"]
        let tasks = names.map { name in Task { try await held.createApp(name) } }
        let preview = Task {
            try await held.test.store.preview(held.test.context()) { tx throws(Failure) in
                try tx.createApp(CreateAppRequest(name: "question"))
            }
        }
        await held.isWaiting(names.count + 1)
        held.barrier.open()
        _ = try await first.value.get()
        for (name, task) in zip(names, tasks) {
            switch await task.result {
            case .success(let app): #expect(name != "bad" && app.name.text == name)
            case .failure(let error):
                #expect(name == "bad" && (error as? Failure)?.code == .internalError, "\(name): \(error)")
            }
        }
        #expect(try await preview.value.1.count == 1)
        let apps = try held.test.store.read { $0.children(.app, of: nil).map(\.key) }
        #expect(apps == ["a", "b", "c", "demo", "first"])
        let rows = try held.test.rows()
        try held.test.reopen()
        #expect((try held.test.rows() == rows) == true)
        // The events have no holes.
        let events = try await held.test.store.driver.events(after: 0, limit: 1000)
        #expect(events.map(\.sequence) == (1...UInt64(events.count)).map { $0 })
        #expect(held.test.store.lastSequence == UInt64(events.count))
    }

    @Test func nobodySeesWhatIsNotCommitted() async throws {
        let held = try await Held()
        let (store, sequence) = (held.test.store, held.test.store.lastSequence)
        let told = Lock<[String]>([])
        store.observe { changes in
            // Durable, and readable by everybody, before the caller has its answer.
            let isThere = (try? store.read { $0.find(.app, in: nil, key: "first") }) != nil
            told.withLock { $0 += changes.map { "\($0.name) \(isThere) \(held.commits.withLock { $0.count })" } }
        }
        let answered = Lock(false)
        let task = Task {
            _ = try await held.createApp("first")
            #expect(told.withLock { $0 } == ["first true 1"])
            answered.withLock { $0 = true }
        }
        await held.barrier.arrival()
        #expect(try store.read { $0.find(.app, in: nil, key: "first") } == nil)
        #expect(store.lastSequence == sequence)
        #expect(try await store.driver.events(after: sequence, limit: 10).isEmpty)
        #expect(told.withLock { $0.isEmpty } && !answered.withLock { $0 })
        held.barrier.open()
        try await task.value
        #expect(store.lastSequence == sequence + 1)
    }

    /// Of those that wait, none is lost when the store closes; nobody is taken after.
    @Test func closingAnswersEverybody() async throws {
        let held = try await Held(.sqlite)
        let first = await held.block()
        let tasks = (0..<20).map { number in Task { try await held.createApp("app\(number)") } }
        await held.isWaiting(20)
        let store = held.test.store
        DispatchQueue.global().async { held.barrier.open() }
        try store.close()
        _ = try await first.value.get()
        for task in tasks { _ = try await task.value }
        let late = await failure { try await held.createApp("late") }
        #expect(late.code == .unavailable && late.message.contains("stopping; nothing was changed"))
        try store.close()
        try held.test.reopen()
        #expect(try held.test.store.read { $0.children(.app, of: nil).count } == 22)
    }

    @Test(arguments: Backing.allCases)
    func numbersAreGivenOnce(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        try await test.furnish()
        try await test.deploy()
        let publish = PublishVersionRequest(app: "demo", function: "hello")
        let numbers = try await withThrowingTaskGroup(of: UInt32.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await test.change { tx throws(Failure) in try tx.publishVersion(publish).number }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(numbers.sorted() == Array(2...21))
        try await test.change { tx throws(Failure) in
            try tx.deleteVersion(DeleteVersionRequest(app: "demo", function: "hello", number: 21))
        }
        try test.reopen()
        let function = try await test.change { tx throws(Failure) -> Function in
            try tx.entity(try tx.tables.function("demo", "hello"))
        }
        #expect(function.latestVersion == 20 && function.lastVersionNumber == 21)
        #expect(try await test.change { tx throws(Failure) in try tx.publishVersion(publish).number } == 22)
    }

    /// Operations of one transaction have their own times, in the order of their events.
    @Test func everyEventHasTheTimeOfItsOperation() async throws {
        let held = try await Held()
        let sequence = held.test.store.lastSequence
        let first = await held.block()
        let tasks = (0..<3).map { number in
            Task { () -> Timestamp? in try? await held.createApp("next\(number)").meta.createdAt }
        }
        await held.isWaiting(3)
        held.barrier.open()
        var times = [try await first.value.get().meta.createdAt]
        for task in tasks { times.append(try #require(await task.value)) }
        let events = try await held.test.store.driver.events(after: sequence, limit: 100)
        #expect(held.commits.withLock { $0.map(\.count) } == [1, 3])
        #expect(Set(times).count == 4 && Set(events.map(\.at)) == Set(times), "\(events.map(\.at)), not \(times)")
    }
}
