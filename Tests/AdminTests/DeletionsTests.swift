import Calls
import Catalog
import Loop
import Model
import Pool
import Telemetry
import Testing
import Wire

@testable import Admin
@testable import Drivers
@testable import Server
@testable import Store

/// Starts nothing: the calls of these tests wait.
private struct NoDriver: Driver {
    func start(_ spec: SandboxSpec) throws(Failure) -> Sandbox { throw Failure(.unavailable, "there is no driver") }
    func check(_ root: RuntimeRoot) throws(Failure) {}
    func removeLeftovers() {}
    var info: DriverInfo {
        DriverInfo(runtime: "none", cgroupLayout: .v1, userNamespaces: false, interpreters: [:])
    }
}

/// A store with a catalog and a gate, as the daemon has them.
private final class Bench: Sendable {
    let store: Store
    let catalog: Catalog
    let deletions: Deletions
    private let dispatcher: Dispatcher
    private let loop = EventLoop()

    /// An app "demo" with a function "f", whose working copy equals its version 1.
    init() async throws {
        let gate = CallsGate()
        let store = try Store(MemoryDriver(), surroundings: Surroundings(gate: gate))
        let catalog = Catalog(source: StoreSource(store: store))
        let counters = Counters()
        dispatcher = Dispatcher(
            catalog: catalog, driver: NoDriver(), counters: counters,
            recorder: Recorder(counters: counters, write: { _ in }, onError: { _, _ in }), loops: [loop],
            budget: ByteBudget(limit: 1 << 20), startThreads: 1, initNanos: 1, packagePath: { _ in .success("/") },
            secrets: { _ in .success([]) }, log: { _ in })
        gate.attach(catalog, dispatcher)
        store.observe { catalog.learn($0) }
        (self.store, self.catalog, deletions) = (store, catalog, Deletions(store: store, gate: gate))
        try await store.change { (transaction) throws(Failure) in try transaction.createBuiltInRuntimes() }
        try await deploy()
    }

    deinit {
        dispatcher.stop()
        loop.stop()
    }

    @discardableResult
    func deploy() async throws -> Function {
        var spec = FunctionSpec(runtime: .none, entry: "", format: .httpStream)
        spec.image = "registry/image@sha256:" + String(repeating: "1", count: 64)
        let request = DeployRequest(app: "demo", function: "f", spec: spec)
        return try await store.change { (transaction) throws(Failure) in try transaction.deploy(request) }.function
    }

    /// Removes an app as nobody may: its calls are not asked.
    func remove(app: String) async throws {
        try await store.change { (transaction) throws(Failure) in
            for row in transaction.descendants(of: try transaction.tables.named(app, .app)) { transaction.delete(row) }
        }
    }

    func runnable(version: UInt32 = 0) throws -> Runnable {
        let id = try store.read { (tables) throws(Failure) in try tables.function("demo", "f").id }
        let choice: VersionChoice = version == 0 ? .working : .version(version)
        guard case .runnable(let found) = catalog.find(function: id, choice, split: { _ in 0 }) else {
            throw Failure(.notFound, "version \(version)")
        }
        return found
    }

    /// A call that waits until it is cancelled; `nil`: it is refused.
    func call(version: UInt32 = 0) throws -> Waiting? {
        let (runnable, waiter) = (try runnable(version: version), Waiter())
        let lease = runnable.pool.event { $0.lease(waiter, of: waiter, now: Instant(nanoseconds: 1)) }
        if case .closed = lease { return nil }
        return Waiting(runnable: runnable, waiter: waiter)
    }

    struct Waiting {
        let runnable: Runnable
        let waiter: Waiter

        func end() { _ = runnable.pool.event { $0.cancel(waiter) } }
    }

    /// Looks until calls are refused.
    func awaitRefusal(version: UInt32 = 0) async throws {
        while let call = try call(version: version) {
            call.end()
            // Others need the processors meanwhile.
            try await Task.sleep(for: .milliseconds(1))
        }
    }
}

private func context() -> ChangeContext { ChangeContext(now: .now()) }

@Suite(.timeLimit(.minutes(5))) struct DeletionsTests {
    private func code(_ task: Task<Deletion, any Error>) async -> Failure.Code? {
        do { _ = try await task.value } catch { return (error as? Failure)?.code }
        return nil
    }

    enum Kind: CaseIterable { case app, function, version }

    private func delete(_ kind: Kind, _ bench: Bench) -> Task<Deletion, any Error> {
        let deletions = bench.deletions
        return Task {
            switch kind {
            case .app: try await deletions.app(DeleteAppRequest(app: "demo", force: true), context)
            case .function:
                try await deletions.function(DeleteFunctionRequest(app: "demo", function: "f", force: true), context)
            case .version:
                try await deletions.version(
                    DeleteVersionRequest(app: "demo", function: "f", number: 1, force: true), context)
            }
        }
    }

    @Test(arguments: Kind.allCases) func whatGetsTheNameMeanwhileStays(_ kind: Kind) async throws {
        let bench = try await Bench()
        let version: UInt32 = kind == .version ? 1 : 0
        let call = try #require(try bench.call(version: version))
        let deletion = delete(kind, bench)
        try await bench.awaitRefusal(version: version)
        // Gone, and there again by the same names.
        try await bench.remove(app: "demo")
        let next = try await bench.deploy()
        call.end()
        #expect(await code(deletion) == .notFound)
        let there = try bench.store.read { (tables) throws(Failure) in
            try tables.version(1, of: try tables.function("demo", "f")).parent
        }
        #expect(there == next.meta.id)
        let late = try #require(try bench.call(version: version), "it takes calls")
        late.end()
    }

    @Test(arguments: Kind.allCases) func forceWaitsAndDeletes(_ kind: Kind) async throws {
        let bench = try await Bench()
        let version: UInt32 = kind == .version ? 1 : 0
        let call = try #require(try bench.call(version: version))
        let deletion = delete(kind, bench)
        try await bench.awaitRefusal(version: version)
        call.end()
        let done = try await deletion.value
        #expect(done.done && done.count == (kind == .app ? 3 : kind == .function ? 2 : 1))
        #expect(throws: Failure.self) { try bench.runnable(version: version) }
    }

    /// A refused deletion leaves the gate of the one that waits as it is, and so does a forced one that is cancelled.
    @Test func refusedDeletionsOpenNoOtherOnesGate() async throws {
        let bench = try await Bench()
        // Version 1 is closed by a deletion that waits; the working copy has a call of its own.
        let (one, other) = (try #require(try bench.call(version: 1)), try #require(try bench.call()))
        let waiting = delete(.version, bench)
        try await bench.awaitRefusal(version: 1)
        for _ in 0..<3 {
            await #expect(throws: Failure.self) {
                try await bench.deletions.function(DeleteFunctionRequest(app: "demo", function: "f"), context)
            }
            #expect(try bench.call(version: 1) == nil)
        }
        let second = delete(.version, bench)
        let third = delete(.function, bench)
        try await bench.awaitRefusal()
        third.cancel()
        #expect(await code(third) == .timeout)
        let free = try #require(try bench.call(), "the function takes calls again")
        free.end()
        #expect(try bench.call(version: 1) == nil)
        one.end()
        let results = [await code(waiting), await code(second)]
        #expect(results.contains(nil) && results.contains(.notFound), "\(results)")
        other.end()
    }

    /// Who uses a version and who calls it are told at once, and nobody's calls are refused for it.
    @Test(arguments: [false, true]) func usersAndCallsAreNamedTogether(_ force: Bool) async throws {
        let bench = try await Bench()
        try await bench.store.change { (transaction) throws(Failure) in
            _ = try transaction.createAlias(
                CreateAliasRequest(app: "demo", function: "f", name: "prod", version: 1))
        }
        let calls = [try #require(try bench.call(version: 1)), try #require(try bench.call(version: 1))]
        let other = try #require(try bench.call())
        for request in [
            { () async throws -> Void in
                _ = try await bench.deletions.version(
                    DeleteVersionRequest(app: "demo", function: "f", number: 1, force: force), context)
            },
            {
                _ = try await bench.deletions.function(
                    DeleteFunctionRequest(app: "demo", function: "f", force: force), context)
            },
        ] {
            let failure = await #expect(throws: Failure.self) { try await request() }
            #expect(failure?.code == .precondition)
            #expect(failure?.message.contains("is used by alias demo/f@prod, and has ") == true)
        }
        let text = await #expect(throws: Failure.self) {
            try await bench.deletions.version(DeleteVersionRequest(app: "demo", function: "f", number: 1), context)
        }
        #expect(text?.message.contains("2 running or waiting calls;") == true, "\(text as Any)")
        let more = try #require(try bench.call(version: 1), "it still takes calls")
        for call in calls + [other, more] { call.end() }
    }

    /// Two deletions in one batch: what the second is refused for does not open what the first has closed.
    @Test func oneBatchRefusesOneAndDoesTheOther() async throws {
        let bench = try await Bench()
        let call = try #require(try bench.call())
        let refused = Lock<Failure?>(nil)
        let isClosed = Lock(false)
        try await bench.store.change { (transaction) throws(Failure) in
            _ = try transaction.deleteVersion(DeleteVersionRequest(app: "demo", function: "f", number: 1))
            do throws(Failure) {
                _ = try transaction.deleteFunction(DeleteFunctionRequest(app: "demo", function: "f"))
            } catch { refused.withLock { $0 = error } }
            let late = try? bench.call(version: 1)
            isClosed.withLock { $0 = late == nil }
        }
        #expect(refused.withLock { $0?.code } == .precondition && isClosed.withLock { $0 })
        #expect(throws: Failure.self) { try bench.runnable(version: 1) }
        let more = try #require(try bench.call(), "the working copy takes calls")
        more.end()
        call.end()
    }
}
