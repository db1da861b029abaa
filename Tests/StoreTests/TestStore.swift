import Model
import Testing
import Wire

@testable import Store

/// Where a test's rows are kept.
enum Backing: String, CaseIterable, Sendable {
    case memory
    case sqlite
}

/// A ``Store`` for one test. The same calls make the same ids and times in every run and on every backing.
final class TestStore: Sendable {
    private struct State {
        var store: Store
        var seed: UInt64 = 0
    }

    let backing: Backing
    let clock = ManualClock()
    /// Of the database.
    let path: String
    /// `nil`: the database is somebody else's, perhaps one who will be killed.
    private let scratch: Scratch?
    private let surroundings: Surroundings
    private let wrap: @Sendable (any StoreDriver) -> any StoreDriver
    private let state: Lock<State>

    /// - Parameters:
    ///   - path: of the database; `nil`: in a folder that goes with this.
    ///   - wrap: puts something between the store and its driver.
    init(
        _ backing: Backing = .memory, path: String? = nil, surroundings: Surroundings = TestStore.surroundings(),
        wrap: @escaping @Sendable (any StoreDriver) -> any StoreDriver = { $0 }
    ) throws {
        self.backing = backing
        let scratch = path == nil ? try Scratch() : nil
        self.scratch = scratch
        self.path = path ?? (scratch?.path ?? "") + "/fnrpc.db"
        self.surroundings = surroundings
        self.wrap = wrap
        let now = Timestamp(nanoseconds: 1)
        let driver: any StoreDriver =
            switch backing {
            case .memory: MemoryDriver(now: now)
            case .sqlite: try SQLiteDriver(path: self.path, now: now)
            }
        state = Lock(State(store: try Store(wrap(driver), surroundings: surroundings)))
    }

    deinit { try? store.close() }

    var store: Store { state.withLock { $0.store } }

    /// Closes the store and opens it again, with what its driver kept.
    func reopen(firstSequence: UInt64 = 1) throws {
        let old = store
        try old.close()
        let driver: any StoreDriver = backing == .memory ? old.driver : wrap(try SQLiteDriver(path: path))
        let new = try Store(driver, surroundings: surroundings, firstSequence: firstSequence)
        state.withLock { $0.store = new }
    }

    /// The next operation's time and seed.
    func context(apiVersion: UInt32? = nil) -> ChangeContext {
        let seed = state.withLock { state in
            state.seed += 1
            return state.seed
        }
        return ChangeContext(now: clock.now(), seed: seed, apiVersion: apiVersion)
    }

    /// ``Store/change(_:_:)`` with ``context(apiVersion:)``.
    @discardableResult
    func change<R: Sendable>(
        apiVersion: UInt32? = nil, _ operation: @escaping @Sendable (Transaction) throws(Failure) -> R
    ) async throws(Failure) -> R {
        try await store.change(context(apiVersion: apiVersion), operation)
    }

    /// Every row by its id.
    func rows() throws(Failure) -> [Row] { try store.read { $0.all.sorted { $0.id < $1.id } } }

    /// The built-in runtimes, packages 1 to 3, and an app `demo`.
    func furnish() async throws(Failure) {
        try await change { (transaction) throws(Failure) in
            try transaction.createBuiltInRuntimes()
            for number in 1...3 { _ = try transaction.addPackage(try Sample.package(number)) }
            _ = try transaction.createApp(CreateAppRequest(name: "demo"))
        }
    }

    /// A function that is published once, in an app that is made if it is absent.
    @discardableResult
    func deploy(
        _ app: String = "demo", _ function: String = "hello", package: Int = 1, spec: FunctionSpec = Sample.spec()
    ) async throws(Failure) -> DeployResponse {
        let request = try Sample.deployment(app, function, package: package, spec: spec)
        return try await change { (transaction) throws(Failure) in try transaction.deploy(request) }
    }

    /// Sealing is turning the bits around, all roots are good, and `python3` is Python 3.11.2.
    static func surroundings(gate: any CallGate = OpenGate(), dialects: Dialects = Dialects()) -> Surroundings {
        Surroundings(
            dialects: dialects, gate: gate, interpreters: [.python: "Python 3.11.2"],
            seal: { value, _ throws(Failure) in value.map { ~$0 } })
    }
}
