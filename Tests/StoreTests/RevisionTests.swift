import Model
import Testing
import Wire

@testable import Store

/// Deployments, restorations and publications that say which revision of the function they mean.
@Suite struct RevisionTests {
    private func furnished(_ backing: Backing) async throws -> (TestStore, UInt64) {
        let test = try TestStore(backing)
        try await test.furnish()
        try await test.deploy()
        return (test, try await test.deploy("demo", "hello", package: 2).function.meta.revision)
    }

    @Test(arguments: Backing.allCases) func whatSomebodyElseChangedIsRefused(_ backing: Backing) async throws {
        let (test, revision) = try await furnished(backing)
        for wrong in [revision - 1, revision + 1] {
            let text = "revision: function \"demo/hello\" has revision \(revision), not \(wrong)"
            var deployment = try Sample.deployment("demo", "hello", package: 3)
            deployment.revision = wrong
            try await test.expectRefused(deployment, .conflict, text)
            try await test.expectRefused(
                RestoreVersionRequest(app: "demo", function: "hello", number: 1, revision: wrong), .conflict, text)
            try await test.expectRefused(
                PublishVersionRequest(app: "demo", function: "hello", revision: wrong), .conflict, text)
        }
    }

    @Test(arguments: Backing.allCases) func thePresentOneAndNoneAreTaken(_ backing: Backing) async throws {
        var (test, revision) = try await furnished(backing)
        func present() throws -> UInt64 {
            try test.store.read { (tables) throws(Failure) in try tables.function("demo", "hello") }.revision
        }
        var deployment = try Sample.deployment("demo", "hello", package: 3)
        deployment.revision = revision
        revision = try await test.send(deployment).function.meta.revision
        let restored = try await test.send(
            RestoreVersionRequest(app: "demo", function: "hello", number: 1, revision: revision))
        #expect(restored.meta.revision == revision + 1 && restored.workingVersion == 1)
        try await test.send(PublishVersionRequest(app: "demo", function: "hello", revision: try present()))
        #expect(try present() == revision + 2)
        try await test.send(RestoreVersionRequest(app: "demo", function: "hello", number: 2))
        try await test.send(PublishVersionRequest(app: "demo", function: "hello"))
        deployment.revision = 0
        try await test.send(deployment)
    }

    /// Who expects a function does not want another one made.
    @Test(arguments: Backing.allCases) func aFunctionThatIsNotThereHasNone(_ backing: Backing) async throws {
        let (test, _) = try await furnished(backing)
        var deployment = try Sample.deployment("fresh", "new")
        deployment.revision = 1
        try await test.expectRefused(deployment, .conflict, "revision: function \"fresh/new\" is not there")
    }

    /// The daemon's own keys come back as they were read, and stay the function's alone.
    @Test func aDeploymentMaySendTheDaemonsKeysBack() async throws {
        let (test, _) = try await furnished(.memory)
        let key = Extra.reservedPrefix + "3.syslog_url"
        try await test.change { tx throws(Failure) in
            let row = try tx.tables.function("demo", "hello")
            var function: Function = try tx.entity(row)
            function.meta.extra = [key: "\"kept\"", "own": "1"]
            try tx.update(row, to: function)
        }
        var deployment = try Sample.deployment("demo", "hello", package: 3)
        deployment.extra = [key: "\"kept\"", "own": "2"]
        let made = try await test.send(deployment)
        #expect(made.function.meta.extra == [key: "\"kept\"", "own": "2"] && made.version.meta.extra == ["own": "2"])
        deployment.extra = [key: "\"other\""]
        try await test.expectRefused(deployment, .invalid, "extra: the key \"\(key)\" is the daemon's")
        // A function that is new has none to send back.
        var fresh = try Sample.deployment("demo", "fresh", package: 3)
        fresh.extra = [key: "\"kept\""]
        try await test.expectRefused(fresh, .invalid, "extra: the key \"\(key)\" is the daemon's")
    }
}
