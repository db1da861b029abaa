import Model
import Testing
import Wire

@testable import Store

/// What holds for routes whose triggers name a version or an alias, and for the revisions and filters of routes.
@Suite struct RulesPinnedRouteTests {
    private let store: TestStore

    init() async throws {
        store = try TestStore()
        try await store.furnish()
        // Versions 1 and 2, and a working copy, each with a memory of its own.
        for memory in [UInt32(32), 64] {
            var spec = Sample.spec()
            spec.memoryMiB = memory
            try await store.deploy(spec: spec)
        }
        try await setMemory(96)
        try await store.send(CreateAliasRequest(app: "demo", function: "hello", name: "prod", version: 1))
    }

    private func setMemory(_ memory: UInt32) async throws {
        var patch = FunctionPatch()
        patch.memoryMiB = memory
        try await store.send(UpdateFunctionRequest(app: "demo", function: "hello", spec: patch))
    }

    private func pin(version: UInt32 = 0, alias: String = "", function: String = "hello") async throws {
        try await store.send(
            CreateTriggerRequest(
                app: "demo", name: "pin", source: "/pin", function: function, version: version, alias: alias))
    }

    private func route() throws -> Route { try store.store.route("/pin", of: "demo") }

    /// The route's memory, the same in both views.
    private func memory() throws -> UInt32 {
        let listed = try store.store.routes(ListRoutesRequest(app: "demo")).items
        let route = try route()
        #expect(listed == [route.encoded()])
        return route.memoryMiB
    }

    @Test func whatIsShownIsWhatCallsRun() async throws {
        try await pin(version: 1)
        #expect(try memory() == 32)
        try await store.send(UpdateTriggerRequest(app: "demo", trigger: "pin", version: 2))
        #expect(try memory() == 64)
        try await store.send(UpdateTriggerRequest(app: "demo", trigger: "pin", alias: "prod"))
        #expect(try memory() == 32)
        try await store.send(UpdateAliasRequest(app: "demo", function: "hello", alias: "prod", version: 2))
        #expect(try memory() == 64)
        try await store.send(UpdateTriggerRequest(app: "demo", trigger: "pin", alias: "latest"))
        #expect(try memory() == 64)
        try await store.send(PublishVersionRequest(app: "demo", function: "hello"))
        try await setMemory(128)
        #expect(try memory() == 96)
        try await store.send(UpdateTriggerRequest(app: "demo", trigger: "pin", version: 0))
        #expect(try memory() == 128)
    }

    @Test(arguments: [(UInt32(1), ""), (0, "prod"), (0, "latest")])
    func whatAVersionHasCannotBeChanged(_ version: UInt32, _ alias: String) async throws {
        try await pin(version: version, alias: alias)
        let old = try route()
        for change in [
            UpdateRouteRequest(app: "demo", path: "/pin", memoryMiB: 77),
            UpdateRouteRequest(app: "demo", path: "/pin", type: "async"),
            UpdateRouteRequest(app: "demo", path: "/pin", timeoutNanos: 1_000_000_000),
            UpdateRouteRequest(app: "demo", path: "/pin", headers: [HeaderValues(name: "x-b", values: [])]),
            UpdateRouteRequest(app: "demo", path: "/pin", config: ["A": ""], labels: ["l": "1"]),
        ] {
            try await store.expectRefused(
                change, .precondition, "route \"/pin\" runs a published version of demo/hello", "trigger demo/pin")
        }
        // Fields and revision come first; what the version has already is no change.
        try await store.expectRefused(UpdateRouteRequest(app: "demo", path: "/pin", memoryMiB: 0), .invalid)
        try await store.expectRefused(
            UpdateRouteRequest(app: "demo", path: "/pin", revision: old.meta.revision + 1, memoryMiB: 77), .conflict)
        let new = try await store.send(
            UpdateRouteRequest(app: "demo", path: "/pin", memoryMiB: old.memoryMiB, labels: ["l": "1"]))
        #expect(new.meta.labels == ["l": "1"] && new.memoryMiB == old.memoryMiB)
        #expect(try new.meta.revision == old.meta.revision + 1 && route().encoded() == new.encoded())
        #expect(try store.function().spec.memoryMiB == 96)
    }

    @Test func aliasThatChangesIsAChangeOfTheRoute() async throws {
        try await pin(alias: "prod")
        let old = try route().meta
        try await store.send(UpdateAliasRequest(app: "demo", function: "hello", alias: "prod", version: 2))
        let new = try route().meta
        #expect(new.revision == old.revision + 1 && new.updatedAt > old.updatedAt)
        try await store.expectRefused(
            UpdateRouteRequest(app: "demo", path: "/pin", revision: old.revision), .conflict)
        try await store.expectRefused(
            DeleteRouteRequest(app: "demo", path: "/pin", revision: old.revision), .conflict)
        try await store.send(DeleteRouteRequest(app: "demo", path: "/pin", revision: new.revision))
    }

    @Test func revisionGrowsWhateverTheTriggerRefersTo() async throws {
        try await store.deploy("demo", "young")
        try await pin()
        var seen = try route().meta.revision
        var changes: [UpdateTriggerRequest] = []
        for _ in 1...2 {
            changes += [
                UpdateTriggerRequest(app: "demo", trigger: "pin", function: "young"),
                UpdateTriggerRequest(app: "demo", trigger: "pin", version: 1),
                UpdateTriggerRequest(app: "demo", trigger: "pin", function: "hello"),
                UpdateTriggerRequest(app: "demo", trigger: "pin", alias: "prod"),
                UpdateTriggerRequest(app: "demo", trigger: "pin", version: 2),
                UpdateTriggerRequest(app: "demo", trigger: "pin", alias: "latest"),
            ]
        }
        for change in changes {
            let old = try store.store.read { (tables) throws(Failure) in
                try tables.named("pin", .trigger, in: try tables.named("demo", .app)).revision
            }
            let trigger = try await store.send(change)
            let revision = try route().meta.revision
            #expect(revision > seen && trigger.meta.revision > old, "\(change)")
            try await store.expectRefused(
                UpdateRouteRequest(app: "demo", path: "/pin", revision: seen, labels: ["l": "1"]), .conflict,
                "revision \(revision), not \(seen)")
            seen = revision
        }
        #expect(try await store.send(UpdateTriggerRequest(app: "demo", trigger: "pin")).meta.revision <= seen)
        #expect(try route().meta.revision == seen, "no change is none")
    }

    @Test func routesAreFoundByWhatTheyShow() async throws {
        try await pin(version: 1)
        try await store.send(
            CreateRouteRequest(app: "demo", path: "/a", image: "x/a:1", type: "async", format: "json"))
        try await store.send(CreateRouteRequest(app: "demo", path: "/b", image: "x/b:1"))
        var patch = FunctionPatch()
        patch.memoryMiB = 64
        try await store.send(UpdateFunctionRequest(app: "demo", function: "route-b", spec: patch))
        func found(_ filter: String) throws -> [String] {
            try store.store.routes(ListRoutesRequest(app: "demo", filter: filter)).items.map {
                try Route(decoding: $0, strict: true).path
            }
        }
        #expect(try found("path = \"/a\"") == ["/a"] && found("path:/") == ["/pin", "/a", "/b"])
        #expect(try found("image = \"x/b:1\"") == ["/b"] && found("image = \"\"") == ["/pin"])
        #expect(try found("type = async") == ["/a"] && found("type = sync") == ["/pin", "/b"])
        #expect(try found("format = json") == ["/a"] && found("format = ttrpc") == ["/pin"])
        #expect(try found("version = 1") == ["/pin"] && found("source = \"/b\"") == ["/b"])
        #expect(try found("name = route-a") == ["/a"] && found("api_version = 1").count == 3)
        // Not the trigger's alone, which did not change.
        let meta = try store.store.route("/b", of: "demo").meta
        #expect(try meta.revision == 2 && found("revision = 2") == ["/b"])
        #expect(try found("updated_at = \"\(meta.updatedAt)\"") == ["/b"])
        #expect(try found("id = \(meta.id)") == ["/b"] && found("created_at = \"\(meta.createdAt)\"") == ["/b"])
        let failure = await failure { try found("memory = 1") }
        #expect(failure.code == .invalid && failure.message.contains("path, image, type, format"))
    }

    @Test func headersHaveNoCase() async throws {
        try await store.send(
            CreateRouteRequest(
                app: "demo", path: "/pin", image: "x", headers: [HeaderValues(name: "X-A", values: ["1"])]))
        func set(_ name: String, _ values: [String]) async throws -> [String] {
            try await store.send(
                UpdateRouteRequest(app: "demo", path: "/pin", headers: [HeaderValues(name: name, values: values)])
            ).headers.map { "\($0.name)=\($0.values.joined(separator: ","))" }
        }
        #expect(try await set("x-a", ["2"]) == ["x-a=2"])
        #expect(try await set("X-B", ["3"]) == ["X-B=3", "x-a=2"])
        #expect(try await set("x-A", []) == ["X-B=3"])
        var patch = FunctionPatch()
        patch.headers = ["x-b": ["4", "5"]]
        let update = UpdateFunctionRequest(app: "demo", function: "route-pin", spec: patch)
        #expect(try await store.send(update).spec.headers == ["x-b": ["4", "5"]])
        patch.headers = ["X-B": []]
        let delete = UpdateFunctionRequest(app: "demo", function: "route-pin", spec: patch)
        #expect(try await store.send(delete).spec.headers.isEmpty)
        // Two in one request are a mistake.
        patch.headers = ["X-C": ["1"], "x-c": ["2"]]
        try await store.expectRefused(
            UpdateFunctionRequest(app: "demo", function: "route-pin", spec: patch), .invalid, "headers: ", "twice")
    }
}
