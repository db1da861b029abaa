import Model
import Testing
import Wire

@testable import Store

@Suite struct MaintenancePurgeTests {
    private func names(_ response: PurgeByApiVersionResponse) -> [String] {
        (response.deletion?.entities ?? []).map { "\($0.kind) \($0.name)" }
    }

    @discardableResult
    private func purge(_ test: TestStore, _ request: PurgeByApiVersionRequest) async throws -> PurgeByApiVersionResponse
    {
        try await test.change { (transaction) throws(Failure) in try transaction.purge(request) }
    }

    /// `demo/hello` of version 1 and, in version 2, an app `trial` with a function, its version and an alias.
    private func furnished(_ gate: any CallGate = OpenGate()) async throws -> TestStore {
        let test = try TestStore(surroundings: TestStore.surroundings(gate: gate))
        try await test.furnish()
        try await test.deploy()
        let request = try Sample.deployment("trial", "f", package: 2)
        try await test.change(apiVersion: 2) { (transaction) throws(Failure) in
            _ = try transaction.deploy(request)
            _ = try transaction.createAlias(
                CreateAliasRequest(app: "trial", function: "f", name: "live", version: 1))
        }
        return test
    }

    @Test func countsByKindAndVersion() async throws {
        let test = try await furnished()
        let counts = try test.store.countByApiVersion(CountByApiVersionRequest()).counts
        func count(_ kind: String, _ version: UInt32) -> UInt64? {
            counts.first { $0.kind == kind && $0.apiVersion == version }?.entities
        }
        #expect(count("app", 1) == 1 && count("app", 2) == 1 && count("function", 2) == 1 && count("alias", 2) == 1)
        #expect(counts.reduce(0) { $0 + $1.entities } == UInt64(try test.rows().count))
        let aliases = try test.store.countByApiVersion(CountByApiVersionRequest(kind: "alias")).counts
        #expect(aliases.map(\.entities) == [1])
        let unknown = await failure { try test.store.countByApiVersion(CountByApiVersionRequest(kind: "job")) }
        #expect(unknown.code == .invalid && unknown.message.hasPrefix("kind: \"job\""))
    }

    @Test func aPurgeTakesATestVersionsEntitiesAndTheirPackage() async throws {
        let test = try await furnished()
        let before = try test.rows()
        let (plan, changes) = try await test.store.preview(test.context()) { (transaction) throws(Failure) in
            try transaction.purge(PurgeByApiVersionRequest(apiVersion: 2))
        }
        #expect(plan.deletion?.done == false && plan.deletion?.count == 4 && plan.refused.isEmpty)
        #expect(changes.count == 5)
        #expect((try test.rows() == before) == true)

        let sequence = test.store.lastSequence
        let done = try await purge(test, PurgeByApiVersionRequest(apiVersion: 2, confirm: true))
        #expect(names(done) == ["version trial/f@1", "alias trial/f@live", "function trial/f", "app trial"])
        #expect(done.deletion?.done == true && done.deletion?.count == 4 && done.refusedCount == 0)
        let rows = try test.rows()
        #expect(rows.allSatisfy { $0.apiVersion == 1 || $0.kind == .package })
        #expect(rows.contains { $0.kind == .package && $0.key == (try? Sample.digest(1).description) })
        #expect(!rows.contains { $0.kind == .package && $0.key == (try? Sample.digest(2).description) })
        let events = try await test.store.driver.events(after: sequence, limit: 100)
        #expect(events.map(\.action) == [.delete, .delete, .delete, .delete])
        #expect(events.map(\.name) == ["trial/f@1", "trial/f@live", "trial/f", "trial"])
    }

    @Test func whatIsNeededStaysAndSoDoesWhatItNeeds() async throws {
        let test = try await furnished()
        // A trigger of release 1 in the app of version 2, for its function.
        try await test.change(apiVersion: 1) { (transaction) throws(Failure) in
            _ = try transaction.createTrigger(
                CreateTriggerRequest(app: "trial", name: "t", source: "/t", function: "f", alias: "live"))
        }
        let done = try await purge(test, PurgeByApiVersionRequest(apiVersion: 2, confirm: true))
        #expect(names(done).isEmpty && done.refusedCount == 4)
        #expect(
            done.refused == [
                "alias trial/f@live: trigger trial/t uses it", "app trial: trigger trial/t belongs to it",
                "function trial/f: trigger trial/t uses it", "version trial/f@1: alias trial/f@live uses it",
            ])
        try await test.change { (transaction) throws(Failure) in
            _ = try transaction.deleteTrigger(DeleteTriggerRequest(app: "trial", trigger: "t"))
        }
        #expect(try await purge(test, PurgeByApiVersionRequest(apiVersion: 2, confirm: true)).deletion?.count == 4)
    }

    @Test func oneKindOnly() async throws {
        let test = try await furnished()
        let done = try await purge(test, PurgeByApiVersionRequest(apiVersion: 2, kind: "alias", confirm: true))
        #expect(names(done) == ["alias trial/f@live"] && done.refused.isEmpty)
        // The function stays and learns that its version is gone.
        let versions = try await purge(test, PurgeByApiVersionRequest(apiVersion: 2, kind: "version", confirm: true))
        #expect(names(versions) == ["version trial/f@1"])
        let function: Function = try test.store.entity { (tables) throws(Failure) in
            try tables.function("trial", "f")
        }
        #expect(function.latestVersion == 0 && function.workingVersion == 0 && function.lastVersionNumber == 1)
    }

    @Test(arguments: [1, 3, UInt32.max]) func releasesAreNeverPurged(version: UInt32) async throws {
        let test = try await furnished()
        let before = try test.rows()
        let refused = await failure {
            try await purge(test, PurgeByApiVersionRequest(apiVersion: version, confirm: true))
        }
        #expect(refused.code == .invalid && refused.message.hasPrefix("api_version: \(version) is a release"))
        let missing = await failure { try await purge(test, PurgeByApiVersionRequest(confirm: true)) }
        #expect(missing.code == .invalid && missing.message.hasPrefix("api_version: it is missing"))
        #expect((try test.rows() == before) == true)
    }

    @Test func runningCallsKeepTheirFunction() async throws {
        let gate = BusyGate()
        let test = try await furnished(gate)
        let other = try Sample.deployment("trial", "idle", package: 2)
        try await test.change(apiVersion: 2) { (transaction) throws(Failure) in _ = try transaction.deploy(other) }
        let busy = try test.store.read { (tables) throws(Failure) in try tables.function("trial", "f") }
        gate.setBusy(busy.id)
        let done = try await purge(test, PurgeByApiVersionRequest(apiVersion: 2, confirm: true))
        #expect(names(done) == ["version trial/idle@1", "alias trial/f@live", "function trial/idle"])
        #expect(
            done.refused == [
                "app trial: function trial/f belongs to it", "function trial/f: calls run or wait",
                "version trial/f@1: calls run or wait",
            ])
        #expect(
            try test.store.read { $0.find(.package, in: nil, key: (try? Sample.digest(2).description) ?? "") } != nil)
    }

    @Test func builtInRuntimesStay() async throws {
        let test = try TestStore()
        try await test.change(apiVersion: 2) { (transaction) throws(Failure) in
            try transaction.createBuiltInRuntimes()
        }
        let done = try await purge(test, PurgeByApiVersionRequest(apiVersion: 2, confirm: true))
        #expect(done.deletion?.count == 0 && done.refused.allSatisfy { $0.hasSuffix(": it is built in") })
        #expect(done.refused.count == FunctionSpec.Runtime.allCases.count)
    }

    @Test func namesInAnAnswerAreLimitedAndCountsAreNot() async throws {
        let test = try TestStore()
        let count = Transaction.maxDeletedShown + 1
        try await test.change(apiVersion: 0) { (transaction) throws(Failure) in
            for number in 0..<count { _ = try transaction.createApp(CreateAppRequest(name: "a\(number)")) }
        }
        let plan = try await test.store.preview(test.context()) { (transaction) throws(Failure) in
            try transaction.purge(PurgeByApiVersionRequest(apiVersion: 0))
        }.0
        #expect(plan.deletion?.count == UInt64(count) && plan.deletion?.entities.count == Transaction.maxDeletedShown)
    }

    @Test func rawRowsAreReadAsTheyAre() async throws {
        let test = try await furnished()
        for row in try test.rows() {
            let raw = try await test.store.raw(GetRawRequest(kind: row.kind.rawValue, id: row.id.description))
            #expect(raw.body == row.body && raw.apiVersion == row.apiVersion && raw.revision == row.revision)
        }
        let id = try #require(try test.rows().first { $0.kind == .app }).id
        let wrong = await failure { try await test.store.raw(GetRawRequest(kind: "token", id: id.description)) }
        #expect(wrong.code == .notFound)
        let noID = await failure { try await test.store.raw(GetRawRequest(id: "demo")) }
        #expect(noID.code == .invalid && noID.message.hasPrefix("id: \"demo\""))
    }
}

/// Calls of one function run.
private final class BusyGate: CallGate {
    private let busy = Lock<Identifier?>(nil)

    func setBusy(_ id: Identifier) { busy.withLock { $0 = id } }
    func close(_ target: GateTarget) -> Int { calls(of: target) }
    func calls(of target: GateTarget) -> Int {
        switch target {
        case .app: 0
        case .function(let id), .version(_, let id): busy.withLock { $0 == id ? 1 : 0 }
        }
    }
    func open(_ target: GateTarget) {}
}
