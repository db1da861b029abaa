import Model
import Testing
import Wire

@testable import Store

/// What holds for functions' working copies.
@Suite struct RulesFunctionTests {
    private let store: TestStore

    init() async throws {
        store = try TestStore()
        try await store.furnish()
    }

    private func request(
        _ name: String = "hello", app: String = "demo", package: Int = 1,
        _ change: (inout FunctionSpec) -> Void = { _ in }
    ) throws -> CreateFunctionRequest {
        var spec = FunctionSpec(runtime: .python, entry: "func.main", format: .ttrpc)
        change(&spec)
        return CreateFunctionRequest(
            app: app, function: name, spec: spec, packageDigest: try Sample.digest(package).description)
    }

    private func patch(_ change: (inout FunctionPatch) -> Void) -> UpdateFunctionRequest {
        var patch = FunctionPatch()
        change(&patch)
        return UpdateFunctionRequest(app: "demo", function: "hello", spec: patch)
    }

    @Test func newFunctionIsAWorkingCopyAlone() async throws {
        let spec = Sample.spec()
        let digest = try Sample.digest(1)
        let function = try await store.send(
            CreateFunctionRequest(
                app: "demo", function: "hello", spec: spec, packageDigest: digest.description, labels: ["l": "1"],
                extra: ["x": "1"]))
        #expect(function.spec == spec && function.package == digest && function.appName.text == "demo")
        #expect(function.meta.revision == 1 && function.meta.labels == ["l": "1"] && function.meta.extra == ["x": "1"])
        #expect(function.latestVersion == 0 && function.lastVersionNumber == 0 && function.workingVersion == 0)
        #expect(function.runtime == FrozenRuntime(interpreter: "Python 3.11.2"))
        #expect(try store.function() == function)
        #expect(try store.count(.version) == 0)
    }

    @Test func nameIsUniqueInItsApp() async throws {
        try await store.send(request())
        try await store.expectRefused(request(), .exists, "function \"demo/hello\" exists")
        try await store.send(CreateAppRequest(name: "other"))
        try await store.send(request(app: "other"))
    }

    @Test(arguments: badNames) func badNameIsRefused(name: String) async throws {
        try await store.expectRefused(request(name), .invalid, "function: ")
        try await store.expectRefused(request(app: name), .invalid, "app: ")
        try await store.expectRefused(
            DeployRequest(app: name, function: "f", spec: Sample.spec()), .invalid, "app: ")
        try await store.expectRefused(
            DeployRequest(app: "demo", function: name, spec: Sample.spec()), .invalid, "function: ")
        try await store.expectRefused(DeleteFunctionRequest(app: "demo", function: name), .invalid, "function: ")
    }

    @Test func nameInTheFormOfAnIDIsRefused() async throws {
        let id = Sample.id(77).description
        try await store.expectRefused(request(id), .invalid, "function: ", "form of an id")
        // A deploy reads it as an id, of nothing.
        try await store.expectRefused(try Sample.deployment("demo", id), .notFound, id)
        try await store.expectRefused(try Sample.deployment(id, "hello"), .notFound, id)
    }

    @Test func parentsComeFirst() async throws {
        // Everything else is wrong as well.
        let failure = try await store.refusal(
            CreateFunctionRequest(
                app: "none", function: "a/b", spec: FunctionSpec(runtime: .none, entry: "", format: .http)))
        #expect(failure.code == .notFound && failure.message == "app \"none\" was not found")
        for function in ["hello", Sample.id(5).description] {
            try await store.expectRefused(
                UpdateFunctionRequest(app: "none", function: function), .notFound, "app \"none\" was not found")
            try await store.expectRefused(
                DeleteFunctionRequest(app: "none", function: function), .notFound, "app \"none\" was not found")
            try await store.expectRefused(
                UpdateFunctionRequest(app: "demo", function: function), .notFound,
                "function \"\(function)\" was not found in app \"demo\"")
        }
    }

    @Test func idsAreAsGoodAsNames() async throws {
        let function = try await store.send(request())
        let (app, id) = (function.appID.description, function.meta.id.description)
        #expect(try await store.send(request("two", app: app)).appID == function.appID)
        var patch = FunctionPatch()
        patch.memoryMiB = 5
        let updated = try await store.send(UpdateFunctionRequest(app: app, function: id, spec: patch))
        #expect(updated.spec.memoryMiB == 5)
        #expect(try await store.send(Sample.deployment(app, id)).function.meta.id == function.meta.id)
        // In another app it is not there.
        try await store.send(CreateAppRequest(name: "other"))
        try await store.expectRefused(DeleteFunctionRequest(app: "other", function: id), .notFound, "in app \"other\"")
        #expect(try await store.send(DeleteFunctionRequest(app: app, function: id)).done)
    }

    @Test func whatItNeedsMustBeThere() async throws {
        try await store.expectRefused(request(package: 9), .notFound, "package sha256:", "upload it first")
        let runtime = try #require(FunctionSpec.Runtime(rawValue: "perl"))
        try await store.expectRefused(request { $0.runtime = runtime }, .notFound, "runtime \"perl\" was not found")
        try await store.expectRefused(
            request { $0.secrets = ["key"] }, .notFound, "secret \"key\" was not found in app \"demo\"")
        for digest in ["", "sha256:", "md5:00", try Sample.digest(1).description + "0"] {
            var bad = try request()
            bad.packageDigest = digest
            try await store.expectRefused(bad, .invalid, "package_digest: ")
        }
    }

    @Test func imageReplacesRuntimeAndPackage() async throws {
        var image = try request { ($0.runtime, $0.entry, $0.image) = (.none, "", "registry:5000/x/hello:1") }
        try await store.expectRefused(image, .invalid, "package_digest: ")
        image.packageDigest = ""
        let function = try await store.send(image)
        #expect(function.package == nil && function.spec.image == "registry:5000/x/hello:1")
        try await store.expectRefused(
            request("b") { $0.image = "x" }, .invalid, "image: ", "python", "exclude each other")
        try await store.expectRefused(request("b") { $0.runtime = .none }, .invalid, "runtime: missing")
    }

    @Test func imageMayNotHaveTheNameOfItsApp() async throws {
        func with(_ image: String, _ name: String) throws -> CreateFunctionRequest {
            var result = try request(name) { ($0.runtime, $0.image) = (.none, image) }
            result.packageDigest = ""
            return result
        }
        for image in ["demo", "demo:1", "demo@sha256:00", "demo:1@sha256:00"] {
            try await store.expectRefused(with(image, "b"), .invalid, "image: ", "name of its app \"demo\"")
            let deploy = DeployRequest(app: "demo", function: "b", spec: try with(image, "b").spec)
            try await store.expectRefused(deploy, .invalid, "name of its app")
        }
        // The app that the deploy would make counts, too, and goes again.
        try await store.expectRefused(
            DeployRequest(app: "fresh", function: "b", spec: try with("fresh:2", "b").spec), .invalid, "name of its app"
        )
        for (number, image) in ["demo2", "Demo", "x/demo", "demo/x", "demo:5000/x"].enumerated() {
            try await store.send(with(image, "f\(number)"))
        }
        var patch = FunctionPatch()
        patch.image = "demo:3"
        try await store.expectRefused(
            UpdateFunctionRequest(app: "demo", function: "f0", spec: patch), .invalid, "name of its app")
    }

    @Test(arguments: Self.edges) func numbersHaveLimits(edge: Edge) async throws {
        for (number, value) in edge.good.enumerated() {
            let function = try await store.send(request("f\(number)") { edge.set(&$0, value) })
            #expect(function.spec == (try store.function("f\(number)")).spec)
        }
        for value in edge.bad {
            let failure = try await store.refusal(request("bad") { edge.set(&$0, value) })
            #expect(failure.code == .invalid && failure.message.hasPrefix("\(edge.field): "), "\(failure)")
        }
    }

    struct Edge: Sendable, CustomTestStringConvertible {
        let field: String
        let good: [UInt64]
        let bad: [UInt64]
        let set: @Sendable (inout FunctionSpec, UInt64) -> Void
        var testDescription: String { field }
    }

    static let edges = [
        Edge(field: "memory", good: [4, 65_536], bad: [0, 3, 65_537]) { $0.memoryMiB = UInt32($1) },
        Edge(field: "timeout", good: [1_000_000, 3_600_000_000_000], bad: [0, 999_999, 3_600_000_000_001, .max]) {
            $0.timeoutNanos = $1
        },
        Edge(
            field: "idle_timeout", good: [1_000_000_000, 3_600_000_000_000], bad: [0, 999_999_999, 3_600_000_000_001]
        ) { $0.idleTimeoutNanos = $1 },
        Edge(field: "concurrency", good: [1, 1024], bad: [0, 1025]) { $0.concurrency = UInt32($1) },
        Edge(field: "max_containers", good: [0, 1, 1024], bad: [1025, 4_294_967_295]) { $0.maxContainers = UInt32($1) },
        Edge(field: "min_containers", good: [0, 1024], bad: [1025]) { spec, value in
            spec.maxContainers = 0
            spec.minContainers = UInt32(value)
        },
        Edge(field: "min_containers", good: [0, 7], bad: [8]) { spec, value in
            spec.maxContainers = 7
            spec.minContainers = UInt32(value)
        },
        Edge(field: "reserved_containers", good: [0, 1024], bad: [1025]) {
            ($0.reservedContainers, $0.maxContainers) = (UInt32($1), 0)
        },
        Edge(field: "reserved_containers", good: [0, 7], bad: [8]) {
            ($0.reservedContainers, $0.maxContainers) = (UInt32($1), 7)
        },
        Edge(field: "max_calls", good: [0, 1_000_000_000], bad: [1_000_000_001]) { $0.maxCalls = UInt32($1) },
        Edge(field: "max_age", good: [0, 1, 2_592_000_000_000_000], bad: [2_592_000_000_000_001]) {
            $0.maxAgeNanos = $1
        },
        Edge(field: "max_queue", good: [0, 65_536], bad: [65_537]) { $0.maxQueue = UInt32($1) },
        Edge(field: "pids", good: [16, 4096], bad: [0, 15, 4097]) { $0.pids = UInt32($1) },
        Edge(field: "tmp_size", good: [1, 16_384], bad: [0, 16_385]) { $0.tmpMiB = UInt32($1) },
        Edge(field: "cpu", good: [0, 1, 1_024_000], bad: [1_024_001]) { $0.cpuMilli = UInt32($1) },
        Edge(field: "entrypoint", good: [0, 64], bad: [65]) {
            $0.entrypoint = Array(repeating: "w", count: Int($1))
        },
        Edge(field: "config", good: [0, 100], bad: [101]) { spec, value in
            spec.config = Dictionary(uniqueKeysWithValues: (0..<value).map { ("K\($0)", "v") })
        },
        Edge(field: "annotations", good: [0, 100], bad: [101]) { spec, value in
            spec.annotations = Dictionary(uniqueKeysWithValues: (0..<value).map { ("k\($0)", "v") })
        },
        Edge(field: "headers", good: [0, 64], bad: [65]) { spec, value in
            spec.headers = Dictionary(uniqueKeysWithValues: (0..<value).map { ("X-\($0)", ["v"]) })
        },
    ]

    @Test func destinationsAreFunctions() async throws {
        for target in ["demo", "demo/", "/hello", "a/b/c", "a b/c", "demo/hello@0", "demo/hello@x"] {
            try await store.expectRefused(request { $0.onSuccess = target }, .invalid, "on_success: ")
            try await store.expectRefused(request { $0.onFailure = target }, .invalid, "on_failure: ")
        }
    }

    @Test func destinationsAreThereAndStay() async throws {
        let wanted = try request { ($0.onSuccess, $0.onFailure) = ("demo/a", "other/b@1") }
        try await store.expectRefused(wanted, .notFound, "on_success: function \"a\" was not found in app \"demo\"")
        try await store.deploy("demo", "a")
        try await store.expectRefused(wanted, .notFound, "on_failure: app \"other\" was not found")
        try await store.deploy("other", "b")
        let later = try request { $0.onFailure = "other/b@2" }
        try await store.expectRefused(later, .notFound, "on_failure: version 2 of other/b was not found")
        let made = try await store.send(wanted)
        #expect(made.spec.onSuccess == "demo/a" && made.spec.onFailure == "other/b@1")
        // What is named cannot go, and the error says who names it.
        let used = "is used by function demo/hello"
        try await store.expectRefused(DeleteFunctionRequest(app: "demo", function: "a"), .precondition, used)
        try await store.expectRefused(DeleteFunctionRequest(app: "other", function: "b"), .precondition, used)
        try await store.expectRefused(
            DeleteVersionRequest(app: "other", function: "b", number: 1), .precondition, used)
        try await store.send(patch { ($0.onSuccess, $0.onFailure) = ("demo/hello", "") })
        try await store.send(DeleteFunctionRequest(app: "other", function: "b"))
        try await store.send(DeleteFunctionRequest(app: "demo", function: "a"))
        // Itself is nobody else.
        try await store.send(DeleteFunctionRequest(app: "demo", function: "hello"))
    }

    @Test func publishedVersionsKeepTheirDestinations() async throws {
        try await store.deploy("demo", "a")
        try await store.send(request { $0.onSuccess = "demo/a" })
        try await store.send(PublishVersionRequest(app: "demo", function: "hello"))
        try await store.send(patch { $0.onSuccess = "" })
        try await store.expectRefused(
            DeleteFunctionRequest(app: "demo", function: "a"), .precondition, "is used by version demo/hello@1")
    }

    @Test func servicesAreUniqueInTheApp() async throws {
        try await store.send(request { $0.services = ["a.B", "a.C"] })
        try await store.expectRefused(
            request("two") { $0.services = ["a.C"] }, .exists, "services: \"a.C\" is taken by function \"demo/hello\"")
        try await store.send(CreateAppRequest(name: "other"))
        try await store.send(request(app: "other") { $0.services = ["a.C"] })
        // Once it is free, it may be taken, and the old owner cannot have it back.
        try await store.send(patch { $0.services = ["a.B"] })
        try await store.send(request("two") { $0.services = ["a.C"] })
        try await store.expectRefused(patch { $0.services = ["a.B", "a.C"] }, .exists, "demo/two")
        try await store.send(DeleteFunctionRequest(app: "demo", function: "two"))
        try await store.send(patch { $0.services = ["a.B", "a.C"] })
    }

    @Test func updateChangesOnlyWhatItNames() async throws {
        let old = try await store.deploy().function
        let new = try await store.send(
            UpdateFunctionRequest(
                app: "demo", function: "hello",
                spec: patch { patch in
                    patch.memoryMiB = 256
                    patch.config = ["A": "", "C": "3"]
                    patch.annotations = ["more": "y"]
                    patch.headers = ["X-B": [], "X-C": ["1"]]
                }.spec, labels: ["team": "", "l": "1"]))
        var spec = old.spec
        spec.memoryMiB = 256
        spec.config = ["B": "2", "C": "3"]
        spec.annotations = ["note": "x", "more": "y"]
        spec.headers = ["X-C": ["1"], "Cache-Control": ["no-store"]]
        #expect(new.spec == spec && new.meta.labels == ["l": "1"] && new.package == old.package)
        #expect(new.meta.revision == old.meta.revision + 1 && new.meta.updatedAt > old.meta.updatedAt)
        #expect(new.meta.createdAt == old.meta.createdAt)
        #expect(try store.function() == new)
    }

    @Test func absentAndZeroDiffer() async throws {
        try await store.deploy("demo", "x")
        try await store.send(request { ($0.cpuMilli, $0.onSuccess, $0.minContainers) = (500, "demo/x", 2) })
        let kept = try await store.send(patch { $0.memoryMiB = 64 })
        #expect(kept.spec.cpuMilli == 500 && kept.spec.maxContainers == 16 && kept.spec.maxQueue == 1024)
        #expect(kept.spec.onSuccess == "demo/x")
        let zero = try await store.send(
            patch {
                ($0.cpuMilli, $0.maxContainers, $0.minContainers, $0.maxQueue, $0.onSuccess) = (0, 0, 0, 0, "")
            })
        #expect(zero.spec.cpuMilli == 0 && zero.spec.maxContainers == 0 && zero.spec.maxQueue == 0)
        #expect(zero.spec.minContainers == 0 && zero.spec.onSuccess.isEmpty && zero.spec.memoryMiB == 64)
        // Where zero means nothing it is refused, not ignored.
        try await store.expectRefused(patch { $0.memoryMiB = 0 }, .invalid, "memory: 0")
        try await store.expectRefused(patch { $0.timeoutNanos = 0 }, .invalid, "timeout: ")
        try await store.expectRefused(patch { $0.tmpMiB = 0 }, .invalid, "tmp_size: 0")
        try await store.expectRefused(patch { $0.entry = "" }, .invalid, "entry: missing")
    }

    @Test func listsAreReplacedOrCleared() async throws {
        try await store.send(
            request { ($0.entrypoint, $0.services, $0.headers) = (["a", "b"], ["x.Y"], ["X": ["1"]]) })
        #expect(try await store.send(patch { $0.entrypoint = ["c"] }).spec.entrypoint == ["c"])
        let cleared = try await store.send(
            UpdateFunctionRequest(
                app: "demo", function: "hello", clear: ["entrypoint", "services", "headers", "secrets"]))
        #expect(cleared.spec.entrypoint.isEmpty && cleared.spec.services.isEmpty && cleared.spec.headers.isEmpty)
        for name in ["config", "", "entry"] {
            try await store.expectRefused(
                UpdateFunctionRequest(app: "demo", function: "hello", clear: [name]), .invalid, "clear: \"\(name)\"")
        }
    }

    @Test func updateWithoutAChangeChangesNothing() async throws {
        let function = try await store.deploy().function
        let digest = try #require(function.package).description
        for request in [
            UpdateFunctionRequest(app: "demo", function: "hello"),
            UpdateFunctionRequest(
                app: "demo", function: "hello", revision: function.meta.revision, name: "hello",
                spec: FunctionPatch(function.spec), packageDigest: digest, labels: ["team": "a", "none": ""]),
        ] {
            #expect(try await store.send(request) == function)
        }
        #expect(try store.function() == function)
    }

    @Test func nameNeverChangesAndRevisionIsChecked() async throws {
        try await store.send(request())
        try await store.expectRefused(
            UpdateFunctionRequest(app: "demo", function: "hello", revision: 9, name: "other"), .conflict,
            "never changes")
        try await store.expectRefused(
            UpdateFunctionRequest(app: "demo", function: "hello", revision: 2), .conflict, "revision: ")
        try await store.expectRefused(
            DeleteFunctionRequest(app: "demo", function: "hello", revision: 2), .conflict, "revision: ")
        // A bad field comes before both.
        var bad = patch { $0.pids = 1 }
        (bad.revision, bad.name) = (9, "other")
        try await store.expectRefused(bad, .invalid, "pids: ")
        try await store.send(DeleteFunctionRequest(app: "demo", function: "hello", revision: 1))
    }

    @Test func everythingWrongIsNamed() async throws {
        var bad = try request("a/b") { ($0.memoryMiB, $0.pids) = (0, 0) }
        (bad.packageDigest, bad.labels, bad.extra) = ("x", ["": "x"], ["k": "{"])
        let failure = try await store.refusal(bad)
        let fields = ([failure.message] + failure.further).map { String($0.prefix { $0 != ":" }) }
        #expect(fields == ["function", "memory", "pids", "package_digest", "labels", "extra"])
        let deploy = DeployRequest(
            app: "demo", function: "a/b", spec: bad.spec, packageDigest: "x",
            description: String(repeating: "d", count: 256), labels: bad.labels, extra: bad.extra)
        let other = try await store.refusal(deploy)
        let names = ([other.message] + other.further).map { String($0.prefix { $0 != ":" }) }
        #expect(names == ["function", "memory", "pids", "package_digest", "description", "labels", "extra"])
    }

    @Test func deployMakesWhatIsAbsent() async throws {
        let first = try await store.deploy("fresh", "hello")
        #expect(first.createdApp && first.createdFunction)
        #expect(first.version.number == 1 && first.function.latestVersion == 1 && first.function.workingVersion == 1)
        #expect(first.version.description == "as of today")
        let second = try await store.deploy("fresh", "hello", package: 2)
        #expect(!second.createdApp && !second.createdFunction && second.version.number == 2)
        #expect(second.function.meta.id == first.function.meta.id)
        let third = try await store.deploy("fresh", "two")
        #expect(!third.createdApp && third.createdFunction && third.version.number == 1)
        // One that fails leaves no app.
        try await store.expectRefused(Sample.deployment("gone", "hello", package: 9), .notFound, "package")
    }

    @Test func deployKeepsWhatOnlyTheDaemonMayWrite() async throws {
        let function = try await store.deploy().function
        let row = try #require(try store.store.read { $0[function.meta.id] })
        var marked = function
        marked.meta.extra = ["fnrpc.io/kept": "1", "mine": "1"]
        let stored = marked
        try await store.change { (transaction) throws(Failure) in try transaction.update(row, to: stored) }
        var again = try Sample.deployment("demo", "hello")
        again.extra = ["other": "2"]
        #expect(try await store.send(again).function.meta.extra == ["fnrpc.io/kept": "1", "other": "2"])
    }
}
