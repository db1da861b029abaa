import Model
import Testing
import Wire

@testable import Store

/// What holds for published versions, and for the working copy beside them.
@Suite struct RulesVersionTests {
    private let gate = RecordingGate()
    private let store: TestStore

    init() async throws {
        store = try TestStore(surroundings: TestStore.surroundings(gate: gate))
        try await store.furnish()
    }

    private func publish(requireChange: Bool = false) async throws -> UInt32 {
        try await store.send(
            PublishVersionRequest(app: "demo", function: "hello", requireChange: requireChange)
        ).number
    }

    private func delete(_ number: UInt32) async throws {
        try await store.send(DeleteVersionRequest(app: "demo", function: "hello", number: number))
    }

    private func setMemory(_ memory: UInt32) async throws {
        var patch = FunctionPatch()
        patch.memoryMiB = memory
        try await store.send(UpdateFunctionRequest(app: "demo", function: "hello", spec: patch))
    }

    private func restore(_ number: UInt32) async throws {
        try await store.send(RestoreVersionRequest(app: "demo", function: "hello", number: number))
    }

    private func version(_ number: UInt32) throws -> Version {
        try store.store.entity({ (tables) throws(Failure) in
            try tables.version(number, of: try tables.function("demo", "hello"))
        })
    }

    /// The working copy's version, the latest, and the highest ever.
    private func numbers() throws -> [UInt32] {
        let function = try store.function()
        return [function.workingVersion, function.latestVersion, function.lastVersionNumber]
    }

    @Test func numbersCountFromOneAndAreNeverUsedAgain() async throws {
        try await store.deploy()
        #expect(try await publish() == 2)
        #expect(try await publish() == 3)
        try await delete(3)
        #expect(try await publish() == 4)
        try await delete(4)
        try await delete(2)
        try await delete(1)
        #expect(try numbers() == [0, 0, 4])
        try store.reopen()
        #expect(try await publish() == 5)
        #expect(try numbers() == [5, 5, 5])
        // Another function counts for itself.
        #expect(try await store.deploy("demo", "other").version.number == 1)
    }

    @Test func parallelPublishesGiveConsecutiveNumbers() async throws {
        try await store.deploy()
        let numbers = try await withThrowingTaskGroup(of: UInt32.self) { group in
            for _ in 0..<20 { group.addTask { try await publish() } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(numbers == Set(2...21))
    }

    @Test func workingAndLatestVersionInEverySequence() async throws {
        try await store.deploy()
        #expect(try numbers() == [1, 1, 1])
        try await setMemory(64)
        #expect(try numbers() == [0, 1, 1], "an update publishes nothing")
        _ = try await publish()
        #expect(try numbers() == [2, 2, 2])
        try await restore(1)
        #expect(try numbers() == [1, 2, 2])
        try await setMemory(64)
        #expect(try numbers() == [2, 2, 2], "by hand to what version 2 is")
        try await restore(1)
        try await delete(2)
        #expect(try numbers() == [1, 1, 2])
        try await delete(1)
        #expect(try numbers() == [0, 0, 2])
        try await store.deploy()
        #expect(try numbers() == [3, 3, 3])
        // Of versions that are equal it is the highest.
        _ = try await publish()
        #expect(try numbers() == [4, 4, 4])
        try await restore(3)
        #expect(try numbers() == [4, 4, 4])
        try await delete(4)
        #expect(try numbers() == [3, 3, 4])
        try await store.deploy(package: 2)
        #expect(try numbers() == [5, 5, 5])
        try await restore(3)
        try await delete(3)
        #expect(try numbers() == [0, 5, 5], "what it equalled is gone")
    }

    @Test func everythingIsFrozen() async throws {
        let first = try await store.deploy()
        let old = first.version
        #expect(old.spec == Sample.spec() && old.package == first.function.package && old.packageBytes == 1000)
        #expect(old.runtime.interpreter == "Python 3.11.2" && old.functionID == first.function.meta.id)
        var spec = FunctionSpec(runtime: .binary, entry: "other", format: .default)
        spec.config = ["Z": "9"]
        try await store.deploy("demo", "hello", package: 2, spec: spec)
        #expect(try version(1) == old)
        try await restore(1)
        let function = try store.function()
        #expect(function.spec == old.spec && function.package == old.package && function.runtime == old.runtime)
        #expect(try version(1) == old)
    }

    @Test func publishTakesDescriptionLabelsAndExtra() async throws {
        try await store.deploy()
        let description = String(repeating: "d", count: 255)
        let version = try await store.send(
            PublishVersionRequest(
                app: "demo", function: "hello", description: description, labels: ["l": "1"], extra: ["x": "1"]))
        #expect(
            version.description == description && version.meta.labels == ["l": "1"] && version.meta.extra == ["x": "1"])
        let failure = try await store.refusal(
            PublishVersionRequest(
                app: "demo", function: "hello", description: description + "d", labels: ["": "1"], extra: ["x": "{"]))
        #expect(failure.code == .invalid && failure.message.hasPrefix("description: 256 bytes"))
        #expect(failure.further.count == 2)
    }

    @Test func requireChangeComparesWithTheHighest() async throws {
        try await store.deploy()
        let same = PublishVersionRequest(app: "demo", function: "hello", requireChange: true)
        try await store.expectRefused(same, .precondition, "has not changed since version 1")
        // A description of its own is no change.
        var described = same
        described.description = "new"
        try await store.expectRefused(described, .precondition)
        try await setMemory(64)
        #expect(try await publish(requireChange: true) == 2)
        // Back to what is not the highest is a change.
        try await restore(1)
        #expect(try await publish(requireChange: true) == 3)
        // Restoring the older one of two equal versions is none.
        try await restore(1)
        try await store.expectRefused(same, .precondition, "version 3")
        for number in 1...3 { try await delete(UInt32(number)) }
        #expect(try await publish(requireChange: true) == 4)
    }

    /// What a function can tell apart is a change, also where Unicode takes both texts for the same.
    @Test func anotherSpellingOfATextIsAChange() async throws {
        try await store.deploy()
        for (number, text) in ["caf\u{E9}", "cafe\u{301}", "caf\u{E9}"].enumerated() {
            var patch = FunctionPatch()
            patch.config = ["A": text]
            let function = try await store.send(UpdateFunctionRequest(app: "demo", function: "hello", spec: patch))
            // The third is the first again.
            #expect(function.workingVersion == (number == 2 ? 2 : 0))
            if number < 2 { #expect(try await publish(requireChange: true) == UInt32(number + 2)) }
        }
        for (number, text) in ["caf\u{E9}", "cafe\u{301}"].enumerated() {
            let published = try version(UInt32(number + 2))
            #expect(published.spec.config["A"].map { Array($0.utf8) } == Array(text.utf8))
        }
    }

    @Test func versionsOfAFunctionAreLimited() async throws {
        var surroundings = TestStore.surroundings()
        surroundings.maxVersions = 3
        let store = try TestStore(surroundings: surroundings)
        try await store.furnish()
        for _ in 1...3 { try await store.deploy() }
        let failure = try await store.refusal(PublishVersionRequest(app: "demo", function: "hello"))
        #expect(failure.code == .busy && failure.quota == "max-versions" && failure.message.contains("3 versions"))
        // A deploy that cannot publish changes no working copy either.
        try await store.expectRefused(Sample.deployment("demo", "hello", package: 2), .busy, "max-versions")
        try await store.send(DeleteVersionRequest(app: "demo", function: "hello", number: 2))
        #expect(try await store.deploy().version.number == 4)
        #expect(try await store.deploy("demo", "other").version.number == 1)
    }

    @Test func whatIsMissingIsNamed() async throws {
        try await store.expectRefused(PublishVersionRequest(app: "no", function: "no"), .notFound, "app \"no\"")
        try await store.expectRefused(PublishVersionRequest(app: "demo", function: "no"), .notFound, "function \"no\"")
        try await store.send(
            CreateFunctionRequest(
                app: "demo", function: "hello", spec: Sample.spec(), packageDigest: Sample.digest(1).description))
        try await store.expectRefused(
            RestoreVersionRequest(app: "demo", function: "hello", number: 1), .notFound, "it has no versions")
        try await store.deploy()
        for number in [2, UInt32.max] {
            try await store.expectRefused(
                RestoreVersionRequest(app: "demo", function: "hello", number: number), .notFound,
                "version \(number) of demo/hello was not found; the highest is 1")
            try await store.expectRefused(
                DeleteVersionRequest(app: "demo", function: "hello", number: number), .notFound)
            try await store.expectRefused(
                UpdateVersionRequest(app: "demo", function: "hello", number: number), .notFound)
        }
        try await store.expectRefused(
            DeleteVersionRequest(app: "demo", function: "hello", number: 0), .invalid, "version: 0")
    }

    @Test func onlyTheDescriptionChanges() async throws {
        let old = try await store.deploy().version
        let request = UpdateVersionRequest(
            app: "demo", function: "hello", number: 1, revision: 1, description: "better")
        let new = try await store.send(request)
        var expected = old
        (expected.description, expected.meta.revision, expected.meta.updatedAt) = ("better", 2, new.meta.updatedAt)
        #expect(new == expected && new.meta.updatedAt > old.meta.updatedAt)
        #expect(try version(1) == new)
        try await store.expectRefused(request, .conflict, "revision: ")
        // Absent leaves it, empty empties it.
        #expect(try await store.send(UpdateVersionRequest(app: "demo", function: "hello", number: 1)) == new)
        let empty = UpdateVersionRequest(app: "demo", function: "hello", number: 1, description: "")
        #expect(try await store.send(empty).description.isEmpty)
        try await store.expectRefused(
            UpdateVersionRequest(
                app: "demo", function: "hello", number: 1, description: String(repeating: "d", count: 256)), .invalid,
            "description: 256")
    }

    @Test func deletionNamesEveryUser() async throws {
        try await store.deploy()
        try await store.send(CreateAliasRequest(app: "demo", function: "hello", name: "prod", version: 1))
        try await store.send(CreateAliasRequest(app: "demo", function: "hello", name: "next", version: 1))
        try await store.send(
            CreateTriggerRequest(app: "demo", name: "web", source: "/a", function: "hello", version: 1))
        let delete = DeleteVersionRequest(app: "demo", function: "hello", number: 1)
        try await store.expectRefused(
            delete, .precondition, "version demo/hello@1 is used by", "alias demo/hello@prod", "alias demo/hello@next",
            "trigger demo/web")
        // Force waits for calls and skips no other check.
        var force = delete
        force.force = true
        try await store.expectRefused(force, .precondition, "trigger demo/web")
        #expect(gate.attempts == 0, "calls must not be stopped for a deletion that is refused anyway")
        try await store.send(DeleteTriggerRequest(app: "demo", trigger: "web"))
        try await store.send(DeleteAliasRequest(app: "demo", function: "hello", alias: "next"))
        try await store.expectRefused(delete, .precondition, "is used by alias demo/hello@prod;")
        try await store.send(DeleteAliasRequest(app: "demo", function: "hello", alias: "prod"))
        let deletion = try await store.send(delete)
        #expect(deletion.done && deletion.entities.map(\.name) == ["demo/hello@1"])
    }

    @Test func errorNamesTwentyUsersAndCountsTheRest() async throws {
        try await store.deploy()
        for number in 10...31 {
            try await store.send(CreateAliasRequest(app: "demo", function: "hello", name: "a\(number)", version: 1))
            let shown = min(number - 9, 20)
            let failure = try await store.refusal(DeleteVersionRequest(app: "demo", function: "hello", number: 1))
            #expect(failure.message.split(separator: "alias demo/hello@a").count == shown + 1)
            #expect(failure.message.contains(" and \(number - 29) more") == (number > 29))
        }
    }

    @Test func runningCallsForbidDeletion() async throws {
        let function = try await store.deploy().function
        gate.run(2, of: .version(1, of: function.meta.id))
        let request = DeleteVersionRequest(app: "demo", function: "hello", number: 1)
        try await store.expectRefused(request, .precondition, "version demo/hello@1 has 2 running or waiting calls")
        #expect(gate.closed.isEmpty)
        gate.run(0, of: .version(1, of: function.meta.id))
        // Neither the revision nor a user stops calls.
        try await store.expectRefused(
            DeleteVersionRequest(app: "demo", function: "hello", number: 1, revision: 5), .conflict)
        #expect(gate.closed.isEmpty && gate.attempts == 1)
        try await store.send(request)
        #expect(gate.everClosed == [.version(1, of: function.meta.id)] && gate.closed.isEmpty)
    }

    @Test(arguments: [false, true]) func usersAndRunningCallsAreNamedTogether(_ isPreview: Bool) async throws {
        try await store.deploy()
        try await store.send(CreateAliasRequest(app: "demo", function: "hello", name: "prod", version: 1))
        let function = try store.function()
        gate.run(2, of: .version(1, of: function.meta.id))
        gate.run(3, of: .function(function.meta.id))
        gate.run(4, of: .app(function.appID))
        func expect(_ request: some OperationRequest, _ text: String) async throws {
            let failure = await failure { isPreview ? try await store.preview(request) : try await store.send(request) }
            #expect(failure.code == .precondition && failure.message.contains(text), "\(failure)")
        }
        try await expect(
            DeleteVersionRequest(app: "demo", function: "hello", number: 1),
            "is used by alias demo/hello@prod, and has 2 running or waiting calls; delete or change")
        try await expect(
            DeleteFunctionRequest(app: "demo", function: "hello"),
            "is used by alias demo/hello@prod, and has 3 running or waiting calls; delete or change")
        // Somebody outside of the app, too.
        var spec = Sample.spec()
        spec.onSuccess = "demo/hello"
        try await store.deploy("other", "far", spec: spec)
        try await expect(DeleteAppRequest(app: "demo", force: true), ", and has 4 running or waiting calls; ")
        #expect(gate.attempts == 0, "nobody's calls were refused")
    }

    @Test func imagesArePublishedByTheirDigests() async throws {
        let digest = try Sample.digest(1)
        func deploy(_ image: String) throws -> DeployRequest {
            var spec = FunctionSpec(runtime: .none, entry: "", format: .httpStream)
            spec.image = image
            return DeployRequest(app: "demo", function: "img", spec: spec)
        }
        let image = "registry:5000/x/hello"
        #expect(try await store.send(deploy("\(image):3@\(digest)")).version.number == 1)
        for tag in ["", ":latest", "@", "@sha256:0", "@\(digest)0", "@\(digest)@\(digest)", ":\(digest)"] {
            try await store.expectRefused(
                deploy(image + tag), .precondition, "image: \"\(image)", "of function demo/img", "NAME@sha256:")
        }
        // A working copy may have a tag, and waits to be published.
        var patch = FunctionPatch()
        patch.image = image + ":latest"
        try await store.send(UpdateFunctionRequest(app: "demo", function: "img", spec: patch))
        let publish = PublishVersionRequest(app: "demo", function: "img")
        try await store.expectRefused(publish, .precondition, "image: ")
        patch.image = image + "@\(digest)"
        try await store.send(UpdateFunctionRequest(app: "demo", function: "img", spec: patch))
        #expect(try await store.send(publish).spec.image == image + "@\(digest)")
    }

    @Test func packageGoesWithItsLastReference() async throws {
        func has(_ number: Int) throws -> Bool {
            let key = try Sample.digest(number).description
            return try store.store.read { $0.find(.package, in: nil, key: key) != nil }
        }
        try await store.deploy()
        try await store.deploy("demo", "other")
        try await store.deploy("demo", "hello", package: 2)
        try await store.send(DeleteFunctionRequest(app: "demo", function: "other"))
        #expect(try has(1), "version 1 of hello has it")
        try await delete(1)
        #expect(try !has(1) && has(2))
        // The working copy alone keeps one, too.
        try await delete(2)
        #expect(try has(2))
        let digest = try Sample.digest(3).description
        try await store.send(UpdateFunctionRequest(app: "demo", function: "hello", packageDigest: digest))
        #expect(try !has(2) && has(3))
        _ = try await publish()
        try await store.send(DeleteFunctionRequest(app: "demo", function: "hello"))
        #expect(try !has(3))
    }

    @Test func restoringDropsThePackageThatNothingElseHas() async throws {
        try await store.deploy()
        let digest = try Sample.digest(2).description
        try await store.send(UpdateFunctionRequest(app: "demo", function: "hello", packageDigest: digest))
        try await restore(1)
        let packages = try store.rows().filter { $0.kind == .package }.map(\.key)
        #expect(packages == [try Sample.digest(1).description, try Sample.digest(3).description])
    }

    @Test func functionGoesWithItsVersions() async throws {
        let function = try await store.deploy().function
        try await store.deploy()
        try await store.send(CreateAliasRequest(app: "demo", function: "hello", name: "prod", version: 1))
        try await store.send(CreateTriggerRequest(app: "demo", name: "web", source: "/a", function: "hello"))
        let delete = DeleteFunctionRequest(app: "demo", function: "hello", force: true)
        try await store.expectRefused(
            delete, .precondition, "function demo/hello is used by", "alias demo/hello@prod", "trigger demo/web")
        try await store.send(DeleteTriggerRequest(app: "demo", trigger: "web"))
        try await store.expectRefused(delete, .precondition, "is used by alias demo/hello@prod;")
        try await store.send(DeleteAliasRequest(app: "demo", function: "hello", alias: "prod"))
        gate.run(1, of: .function(function.meta.id))
        try await store.expectRefused(delete, .precondition, "function demo/hello has 1 running or waiting call;")
        gate.run(0, of: .function(function.meta.id))
        let before = gate.attempts
        let preview = try await store.preview(DeleteFunctionRequest(app: "demo", function: "hello", preview: true))
        #expect(preview.entities.map(\.name) == ["demo/hello@1", "demo/hello@2", "demo/hello"])
        #expect(gate.attempts == before)
        #expect(try store.count(.version) == 2)
        let deletion = try await store.send(delete)
        #expect(deletion.entities.map(\.id) == preview.entities.map(\.id))
        #expect(try store.count(.version) == 0)
        #expect(gate.everClosed == [.function(function.meta.id)] && gate.closed.isEmpty)
        // Its name is free, and counts from 1 again: it is another function.
        #expect(try await store.deploy(package: 2).version.number == 1)
    }
}
