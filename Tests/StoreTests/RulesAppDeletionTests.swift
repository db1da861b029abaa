import Model
import Testing
import Wire

@testable import Store

/// What holds when an app goes with everything in it.
@Suite struct RulesAppDeletionTests {
    private let gate = RecordingGate()
    private let store: TestStore

    init() async throws {
        store = try TestStore(surroundings: TestStore.surroundings(gate: gate))
        try await store.furnish()
    }

    /// An app with two functions, three versions, an alias, two triggers, a secret, and what they refer to.
    private func fill() async throws {
        try await store.send(CreateSecretRequest(app: "demo", name: "key", value: [1]))
        var spec = Sample.spec()
        spec.secrets = ["key"]
        for _ in 1...2 { try await store.deploy(spec: spec) }
        try await store.deploy("demo", "two", package: 2)
        try await store.send(CreateAliasRequest(app: "demo", function: "hello", name: "prod", version: 1))
        try await store.send(
            CreateTriggerRequest(app: "demo", name: "web", source: "/a", function: "hello", alias: "prod"))
        try await store.send(
            CreateTriggerRequest(app: "demo", name: "old", source: "/b", function: "hello", version: 2))
    }

    @Test func emptyAppGoesWithoutForce() async throws {
        let deletion = try await store.send(DeleteAppRequest(app: "demo"))
        #expect(deletion.done && deletion.entities.map(\.name) == ["demo"])
        #expect(try store.count(.app) == 0)
        try await store.send(CreateAppRequest(name: "demo"))
    }

    @Test func fullAppNeedsForce() async throws {
        try await fill()
        try await store.expectRefused(
            DeleteAppRequest(app: "demo"), .precondition,
            "app \"demo\" is not empty: 1 alias, 2 functions, 1 secret, 2 triggers, 3 versions; use force")
        #expect(gate.attempts == 0)
        // The revision comes first.
        try await store.expectRefused(DeleteAppRequest(app: "demo", revision: 7), .conflict, "revision: ")
    }

    @Test func previewListsAllAndChangesNothing() async throws {
        try await fill()
        let app = try store.function().appID
        gate.run(5, of: .app(app))
        let (rows, sequence) = (try store.rows(), store.store.lastSequence)
        let preview = try await store.preview(DeleteAppRequest(app: "demo", preview: true))
        #expect(preview.entities.count == 10)
        #expect((try store.rows() == rows) == true)
        #expect(store.store.lastSequence == sequence && gate.attempts == 0)
        gate.run(0, of: .app(app))
        let deletion = try await store.send(DeleteAppRequest(app: "demo", force: true))
        #expect(deletion.done && deletion.entities.map(\.id) == preview.entities.map(\.id))
    }

    @Test func cascadeTakesChildrenFirstAndOnlyWhatIsInIt() async throws {
        try await store.deploy("keep", "hello", package: 2)
        try await store.deploy("keep", "three", package: 3)
        try await fill()
        let sequence = store.store.lastSequence
        let app = try store.function().appID
        let closed = Lock<[Set<GateTarget>]>([])
        store.store.observe { [gate] _ in closed.withLock { $0.append(gate.closed) } }
        let deletion = try await store.send(DeleteAppRequest(app: app.description, force: true))
        let order = deletion.entities.map(\.name)
        #expect(order.last == "demo" && Set(order).count == 10)
        for (child, parent) in [
            ("demo/hello@1", "demo/hello"), ("demo/hello@2", "demo/hello"), ("demo/hello@prod", "demo/hello"),
            ("demo/two@1", "demo/two"), ("demo/two", "demo"), ("demo/web", "demo"), ("demo/key", "demo"),
        ] {
            let (first, second) = (order.firstIndex(of: child), order.firstIndex(of: parent))
            #expect(try #require(first) < #require(second), "\(child) before \(parent)")
        }
        // One event for each, in that order; packages are nobody's business.
        let events = try await store.store.driver.events(after: sequence, limit: 100)
        #expect(events.map(\.name) == order && events.allSatisfy { $0.action == .delete })
        // Its calls are refused until all that may send calls know of it.
        #expect(closed.withLock { $0 } == [[.app(app)]] && gate.closed.isEmpty)
        // The package that only it had is gone, the shared one stays.
        #expect(
            try store.rows().filter { $0.kind == .package }.map(\.key)
                == [2, 3].map { try Sample.digest($0).description })
        #expect(try store.count(.app) == 1 && store.count(.function) == 2 && store.count(.version) == 2)
        for kind in [EntityKind.alias, .trigger, .secret] { #expect(try store.count(kind) == 0) }
        try store.reopen()
        #expect(try store.count(.app) == 1)
    }

    @Test func runningCallsForbidIt() async throws {
        try await fill()
        let app = try store.function().appID
        gate.run(4, of: .app(app))
        try await store.expectRefused(
            DeleteAppRequest(app: "demo", force: true), .precondition,
            "app \"demo\" has 4 running or waiting calls")
        #expect(gate.attempts == 1 && gate.everClosed.isEmpty)
        gate.run(0, of: .app(app))
        try await store.send(DeleteAppRequest(app: "demo", force: true))
        #expect(gate.everClosed == [.app(app)])
    }

    @Test func gateOpensWhenTheDiskRefuses() async throws {
        let fails = Lock(false)
        let gate = RecordingGate()
        let store = try TestStore(surroundings: TestStore.surroundings(gate: gate)) {
            WrappedDriver($0) { (_, commit) throws(Failure) in
                if fails.withLock({ $0 }) { throw Failure(.internalError, "the disk is full") }
                try commit()
            }
        }
        try await store.furnish()
        try await store.deploy()
        fails.withLock { $0 = true }
        let failure = try await store.refusal(DeleteAppRequest(app: "demo", force: true))
        #expect(failure.code == .internalError && gate.everClosed.count == 1 && gate.closed.isEmpty)
        fails.withLock { $0 = false }
        try await store.send(DeleteAppRequest(app: "demo", force: true))
        #expect(try store.count(.app) == 0 && gate.closed.isEmpty)
    }
}
