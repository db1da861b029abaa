import Model
import Testing
import Wire

@testable import Store

/// A working copy's entry is in its package, wherever the two come together.
@Suite struct RulesEntryTests {
    private let store: TestStore

    init() async throws {
        var surroundings = TestStore.surroundings()
        let second = try Sample.digest(2)
        surroundings.packageHas = { package, files in
            files == ["f.sh"] || package == second && files == ["deep/m.py", "deep/m/__init__.py"]
        }
        store = try TestStore(surroundings: surroundings)
        try await store.furnish()
    }

    private func spec(_ entry: String, _ runtime: FunctionSpec.Runtime = .shell) -> FunctionSpec {
        FunctionSpec(runtime: runtime, entry: entry, format: .default)
    }

    @Test func deployAndCreateLookForIt() async throws {
        let gone = "entry: \"gone.sh\" needs gone.sh, which the package does not have"
        try await store.expectRefused(
            try Sample.deployment("demo", "hello", spec: spec("gone.sh")), .invalid, gone)
        let create = CreateFunctionRequest(
            app: "demo", function: "hello", spec: spec("deep.m.f", .python),
            packageDigest: try Sample.digest(1).description)
        try await store.expectRefused(create, .invalid, "entry: \"deep.m.f\" needs deep/m.py")
        try await store.deploy("demo", "hello", package: 2, spec: spec("deep.m.f", .python))
        // What has the wrong form is not looked for.
        try await store.expectRefused(
            try Sample.deployment("demo", "hello", spec: spec("../f.sh")), .invalid, "is not a file inside the package")
    }

    @Test func updatesLookForItInWhatTheyLeave() async throws {
        try await store.deploy("demo", "hello", package: 2, spec: spec("f.sh"))
        func update(_ change: (inout UpdateFunctionRequest) throws -> Void) rethrows -> UpdateFunctionRequest {
            var request = UpdateFunctionRequest(app: "demo", function: "hello")
            try change(&request)
            return request
        }
        try await store.expectRefused(update { $0.spec.entry = "gone" }, .invalid, "entry: \"gone\" needs gone")
        try await store.send(
            update {
                $0.spec.runtime = .python
                $0.spec.entry = "deep.m.f"
            })
        // The other package lacks it.
        try await store.expectRefused(
            try update { $0.packageDigest = try Sample.digest(1).description }, .invalid, "entry: \"deep.m.f\" needs")
        // A command line needs no entry.
        try await store.send(
            try update {
                $0.spec.entry = ""
                $0.spec.entrypoint = ["/bin/true"]
                $0.packageDigest = try Sample.digest(1).description
            })
    }
}
