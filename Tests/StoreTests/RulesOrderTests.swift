import Model
import Testing
import Wire

@testable import Store

/// The order of checks: what a request names comes before its fields, and both before the revision.
@Suite struct RulesOrderTests {
    private let store: TestStore

    init() async throws {
        store = try TestStore()
        try await store.furnish()
        try await store.deploy()
        try await store.send(CreateAliasRequest(app: "demo", function: "hello", name: "prod", version: 1))
    }

    @Test func versionsOfAnAliasComeFirst() async throws {
        for (version, second) in [(UInt32(9), UInt32(0)), (1, 9), (0, 9)] {
            try await store.expectRefused(
                CreateAliasRequest(
                    app: "demo", function: "hello", name: "latest", version: version, secondVersion: second,
                    secondWeight: 99_999),
                .notFound, "version 9 of demo/hello")
            try await store.expectRefused(
                UpdateAliasRequest(
                    app: "demo", function: "hello", alias: "prod", revision: 7, name: "other", version: version,
                    secondVersion: second, stickyKey: " "),
                .notFound, "version 9 of demo/hello")
        }
        try await store.expectRefused(
            UpdateAliasRequest(app: "demo", function: "hello", alias: "prod", secondVersion: 9, stickyKey: " "),
            .notFound, "version 9 of demo/hello")
    }

    /// Each names something that is not there, and has a bad field, a stale revision and a new name beside it.
    private static let missing: [(String, @Sendable (inout FunctionPatch) -> Void)] = [
        ("secret \"none\"", { $0.secrets = ["none"] }),
        ("secret \"none\"", { $0.secrets = ["a/b", "none"] }),
        ("runtime \"none\"", { $0.runtime = FunctionSpec.Runtime(rawValue: "none") }),
        ("on_success: function \"none\"", { $0.onSuccess = "demo/none" }),
        ("on_failure: app \"none\"", { ($0.onSuccess, $0.onFailure) = ("x", "none/none") }),
    ]

    @Test(arguments: missing.indices) func whatAFunctionNeedsComesFirst(_ index: Int) async throws {
        let (text, change) = Self.missing[index]
        var patch = FunctionPatch()
        change(&patch)
        let update = UpdateFunctionRequest(app: "demo", function: "hello", revision: 9, name: "other", spec: patch)
        try await store.expectRefused(update, .notFound, text)
        patch.memoryMiB = 1
        var bad = update
        (bad.spec, bad.clear, bad.packageDigest) = (patch, ["nonsense"], "sha256:0")
        try await store.expectRefused(bad, .notFound, text)
        let spec = patch.applied(to: FunctionSpec(runtime: .shell, entry: "", format: .default))
        for (app, function) in [("demo", "a/b"), ("demo", "hello")] {
            try await store.expectRefused(
                CreateFunctionRequest(app: app, function: function, spec: spec, packageDigest: "x", labels: ["": "x"]),
                .notFound, text)
            try await store.expectRefused(
                DeployRequest(app: app, function: function, spec: spec, packageDigest: "x", revision: 9), .notFound,
                text)
        }
    }

    @Test func packagesAreNamedToo() async throws {
        let digest = try Sample.digest(9).description
        var patch = FunctionPatch()
        patch.memoryMiB = 1
        try await store.expectRefused(
            UpdateFunctionRequest(app: "demo", function: "hello", revision: 9, spec: patch, packageDigest: digest),
            .notFound, "package \(digest) is not stored")
        try await store.expectRefused(
            UpdateFunctionRequest(app: "demo", function: "hello", revision: 9, packageDigest: "x"), .invalid,
            "package_digest: \"x\"")
        // Malformed names are mistakes like others, each told once and in its place.
        let malformed = FunctionSpec(runtime: .none, entry: "", format: .default)
        let failure = try await store.refusal(
            CreateFunctionRequest(app: "demo", function: "a/b", spec: malformed, packageDigest: "x"))
        let fields = ([failure.message] + failure.further).map { String($0.prefix { $0 != ":" }) }
        #expect(fields == ["function", "runtime", "entry", "package_digest"])
    }

    @Test func aMissingSpecIsAMistakeOfAFieldAndNotOfTheRequest() async throws {
        let none = try CreateFunctionRequest(
            decoding: CreateFunctionRequest(app: "none", function: "a/b").encoded(), strict: true)
        try await store.expectRefused(none, .notFound, "app \"none\"")
        for app in ["demo", "fresh"] {
            let deploy = try DeployRequest(
                decoding: DeployRequest(app: app, function: "a/b", labels: ["": "x"]).encoded(), strict: true)
            let failure = try await store.refusal(deploy)
            let fields = ([failure.message] + failure.further).map { String($0.prefix { $0 != ":" }) }
            #expect(failure.code == .invalid && fields == ["function", "spec", "labels"])
        }
        try await store.expectRefused(CreateFunctionRequest(app: "demo", function: "new"), .invalid, "spec: missing")
    }

    @Test func aTriggerStaysInItsApp() async throws {
        let trigger = try await store.send(
            CreateTriggerRequest(app: "demo", name: "web", source: "/a", function: "hello"))
        try await store.deploy("elsewhere", "hello")
        let id = trigger.meta.id.description
        try await store.expectRefused(
            UpdateTriggerRequest(app: "elsewhere", trigger: id, source: "a", function: "none"), .conflict,
            "app: trigger demo/web cannot move to app \"elsewhere\"")
        try await store.expectRefused(UpdateTriggerRequest(app: "none", trigger: id), .notFound, "app \"none\"")
        // Another app may have a trigger of this name, and here is none.
        try await store.expectRefused(UpdateTriggerRequest(app: "elsewhere", trigger: "web"), .notFound)
        for other in [trigger.functionID.description, Sample.id(9).description] {
            try await store.expectRefused(UpdateTriggerRequest(app: "elsewhere", trigger: other), .notFound)
        }
        try await store.expectRefused(DeleteTriggerRequest(app: "elsewhere", trigger: id), .notFound)
        #expect(try await store.send(UpdateTriggerRequest(app: "demo", trigger: id)) == trigger)
    }
}
