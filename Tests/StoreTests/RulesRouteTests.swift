import Model
import Testing
import Wire

@testable import Store

/// What holds for routes: a trigger and its function seen as one.
@Suite struct RulesRouteTests {
    private let gate = RecordingGate()
    private let store: TestStore

    init() async throws {
        store = try TestStore(surroundings: TestStore.surroundings(gate: gate))
        try await store.furnish()
    }

    private func create(_ path: String = "/greet/:name", image: String = "x/greet:1", app: String = "demo")
        -> CreateRouteRequest
    {
        CreateRouteRequest(app: app, path: path, image: image)
    }

    private func route(_ path: String, app: String = "demo") throws -> Route { try store.store.route(path, of: app) }

    @Test func newRouteHasEverythingThatWasGiven() async throws {
        let made = try await store.send(
            CreateRouteRequest(
                app: "demo", path: "/greet/:name", image: "x/greet:1", memoryMiB: 64, type: "async", format: "json",
                headers: [HeaderValues(name: "X-A", values: ["1", "2"])], timeoutNanos: 5_000_000_000,
                idleTimeoutNanos: 7_000_000_000, config: ["A": "1"], labels: ["l": "1"], extra: ["x": "1"]))
        for route in [made, try route("/greet/:name"), try route("/greet/:other")] {
            #expect(route.path == "/greet/:name" && route.image == "x/greet:1" && route.memoryMiB == 64)
            #expect(route.type == "async" && route.format == "json" && route.config == ["A": "1"])
            #expect(route.headers.map(\.name) == ["X-A"] && route.headers.first?.values == ["1", "2"])
            #expect(route.timeoutNanos == 5_000_000_000 && route.idleTimeoutNanos == 7_000_000_000)
            #expect(route.meta.labels == ["l": "1"] && route.meta.extra == ["x": "1"] && route.appName == "demo")
            #expect(route.meta.revision == 1 && route.meta.createdAt == route.meta.updatedAt)
        }
        let plain = try await store.send(create("/plain"))
        #expect(plain.memoryMiB == 128 && plain.type == "sync" && plain.format == "default")
        #expect(plain.timeoutNanos == 30_000_000_000 && plain.idleTimeoutNanos == 30_000_000_000)
    }

    @Test func appIsMadeIfAbsent() async throws {
        let route = try await store.send(create(app: "fresh"))
        #expect(route.appName == "fresh")
        try await store.send(create("/two", app: route.appID))
        try await store.expectRefused(create(image: "", app: "gone"), .invalid)
        try await store.expectRefused(create(app: Sample.id(9).description), .notFound)
        for name in badNames { try await store.expectRefused(create(app: name), .invalid, "app: ") }
        try await store.expectRefused(UpdateRouteRequest(app: "gone", path: "/a"), .notFound, "app \"gone\"")
    }

    @Test func imageMayNotHaveTheNameOfItsApp() async throws {
        try await store.expectRefused(create(image: "demo"), .invalid, "image: ", "name of its app")
        try await store.expectRefused(create(image: "fresh:3", app: "fresh"), .invalid, "name of its app")
        try await store.send(create())
        try await store.expectRefused(
            UpdateRouteRequest(app: "demo", path: "/greet/:name", image: "demo:2"), .invalid, "name of its app")
    }

    @Test func everythingWrongIsNamed() async throws {
        let failure = try await store.refusal(
            CreateRouteRequest(
                app: "demo", path: "greet", image: "x y", memoryMiB: 0, type: "later", format: "xml",
                headers: [HeaderValues(name: "A", values: ["1"]), HeaderValues(name: "A", values: ["2"])],
                timeoutNanos: 0, config: ["": "x"], labels: ["": "x"]))
        let fields = ([failure.message] + failure.further).map { String($0.prefix { $0 != ":" }) }
        #expect(fields == ["path", "type", "format", "headers", "memory", "timeout", "config", "image", "labels"])
        try await store.expectRefused(create(image: ""), .invalid, "image: missing")
        for path in ["", "a", "/a b", "/a\0", "/a/..", "/*/a"] {
            try await store.expectRefused(create(path), .invalid, "path: ")
        }
    }

    @Test func triggerAndFunctionAreTheOneTruth() async throws {
        let route = try await store.send(create())
        let function = try store.function(route.functionName)
        #expect(function.meta.id.description == route.functionID && function.spec.image == "x/greet:1")
        // Each sees what was done to the other.
        var patch = FunctionPatch()
        patch.memoryMiB = 99
        try await store.send(UpdateFunctionRequest(app: "demo", function: route.functionName, spec: patch))
        #expect(try self.route("/greet/:name").memoryMiB == 99)
        try await store.send(UpdateRouteRequest(app: "demo", path: "/greet/:name", memoryMiB: 77))
        #expect(try store.function(route.functionName).spec.memoryMiB == 77)
        try await store.send(UpdateTriggerRequest(app: "demo", trigger: route.triggerName, source: "/moved"))
        #expect(try self.route("/moved").functionID == route.functionID)
        try await store.expectRefused(DeleteRouteRequest(app: "demo", path: "/greet/:name"), .notFound, "route ")
        // A trigger that was made by hand is a route, too.
        try await store.deploy()
        try await store.send(CreateTriggerRequest(app: "demo", name: "web", source: "/web", function: "hello"))
        let web = try self.route("/web")
        #expect(web.triggerName == "web" && web.functionName == "hello" && web.image.isEmpty)
        try await store.send(UpdateRouteRequest(app: "demo", path: "/web", config: ["A": ""]))
        #expect(try store.function().spec.config == ["B": "2"] && store.function().package != nil)
        #expect(
            try await store.send(DeleteRouteRequest(app: "demo", path: "/web")).entities.map(\.name) == ["demo/web"])
        #expect(try store.function().name.text == "hello")
    }

    @Test func revisionCountsChangesOfBoth() async throws {
        let made = try await store.send(create())
        let path = "/greet/:name"
        let second = try await store.send(UpdateRouteRequest(app: "demo", path: path, revision: 1, memoryMiB: 64))
        #expect(second.meta.revision == 2 && second.meta.updatedAt > made.meta.updatedAt)
        try await store.expectRefused(
            UpdateRouteRequest(app: "demo", path: path, revision: 1, memoryMiB: 65), .conflict, "revision 2, not 1")
        var patch = FunctionPatch()
        patch.memoryMiB = 66
        try await store.send(UpdateFunctionRequest(app: "demo", function: made.functionName, spec: patch))
        try await store.expectRefused(UpdateRouteRequest(app: "demo", path: path, revision: 2), .conflict, "revision: ")
        try await store.expectRefused(DeleteRouteRequest(app: "demo", path: path, revision: 2), .conflict, "revision: ")
        try await store.send(UpdateTriggerRequest(app: "demo", trigger: made.triggerName, labels: ["l": "1"]))
        let third = try route(path)
        #expect(third.meta.revision == 4)
        #expect(try await store.send(UpdateRouteRequest(app: "demo", path: path)).meta == third.meta)
        try await store.send(DeleteRouteRequest(app: "demo", path: path, revision: 4))
    }

    @Test func updateChangesOnlyWhatItNames() async throws {
        var request = create()
        request.headers = [HeaderValues(name: "X-A", values: ["1"]), HeaderValues(name: "X-B", values: ["2"])]
        (request.config, request.type, request.format) = (["A": "1", "B": "2"], "async", "http")
        try await store.send(request)
        let path = "/greet/:name"
        let new = try await store.send(
            UpdateRouteRequest(
                app: "demo", path: path, image: "x/greet:2",
                headers: [HeaderValues(name: "X-A", values: []), HeaderValues(name: "X-C", values: ["3"])],
                config: ["A": "", "C": "3"], labels: ["l": "1"]))
        #expect(new.headers.map(\.name) == ["X-B", "X-C"] && new.config == ["B": "2", "C": "3"])
        #expect(
            new.type == "async" && new.format == "http" && new.image == "x/greet:2" && new.meta.labels == ["l": "1"])
        try await store.expectRefused(
            UpdateRouteRequest(app: "demo", path: path, newPath: "/other"), .conflict, "path: ", "never changes")
        try await store.send(UpdateRouteRequest(app: "demo", path: path, newPath: path))
        for bad in [
            UpdateRouteRequest(app: "demo", path: path, memoryMiB: 0),
            UpdateRouteRequest(app: "demo", path: path, image: ""),
            UpdateRouteRequest(app: "demo", path: path, type: "later"),
            UpdateRouteRequest(app: "demo", path: path, timeoutNanos: 3_600_000_000_001),
            UpdateRouteRequest(
                app: "demo", path: path,
                headers: [HeaderValues(name: "A", values: ["1"]), HeaderValues(name: "A", values: [])]),
        ] {
            try await store.expectRefused(bad, .invalid)
        }
        try await store.expectRefused(UpdateRouteRequest(app: "demo", path: "/none"), .notFound, "route \"/none\"")
    }

    @Test func anotherSpellingOfATextIsAChange() async throws {
        var request = create()
        request.config = ["A": "caf\u{E9}"]
        try await store.send(request)
        let new = try await store.send(
            UpdateRouteRequest(app: "demo", path: "/greet/:name", config: ["A": "cafe\u{301}"]))
        #expect(new.meta.revision == 2 && new.config["A"]?.utf8.count == 6)
    }

    @Test func headersKeepOneSpelling() async throws {
        var request = create()
        request.headers = [HeaderValues(name: "X-A", values: ["1"])]
        try await store.send(request)
        func update(_ headers: [HeaderValues]) -> UpdateRouteRequest {
            UpdateRouteRequest(app: "demo", path: "/greet/:name", headers: headers)
        }
        let new = try await store.send(update([HeaderValues(name: "x-a", values: ["2"])]))
        #expect(new.headers.map(\.name) == ["x-a"] && new.headers.map(\.values) == [["2"]])
        for values in [["3"], []] {
            try await store.expectRefused(
                update([HeaderValues(name: "X-A", values: ["2"]), HeaderValues(name: "x-A", values: values)]),
                .invalid, "headers: \"x-A\" is given twice")
        }
        #expect(try await store.send(update([HeaderValues(name: "X-A", values: [])])).headers.isEmpty)
    }

    @Test func deletionTakesItsOwnFunctionUnlessItIsUsed() async throws {
        let first = try await store.send(create("/one"))
        let deletion = try await store.send(DeleteRouteRequest(app: "demo", path: "/one"))
        #expect(deletion.done && Set(deletion.entities.map(\.id)) == [first.meta.id.description, first.functionID])
        #expect(try store.count(.function) == 0 && store.count(.trigger) == 0)

        let second = try await store.send(create("/two"))
        try await store.send(
            CreateTriggerRequest(app: "demo", name: "more", source: "/more", function: second.functionName))
        #expect(try await store.send(DeleteRouteRequest(app: "demo", path: "/two")).entities.map(\.kind) == ["trigger"])
        #expect(try store.function(second.functionName).name.text == second.functionName)

        let third = try await store.send(create("/three", image: "x/greet@\(try Sample.digest(1))"))
        try await store.send(PublishVersionRequest(app: "demo", function: third.functionName))
        try await store.send(CreateAliasRequest(app: "demo", function: third.functionName, name: "prod", version: 1))
        try await store.send(DeleteRouteRequest(app: "demo", path: "/three"))
        #expect(try store.count(.alias) == 1 && store.count(.version) == 1)
    }

    @Test func movedRouteOwnsNothing() async throws {
        try await store.deploy()
        let route = try await store.send(create("/one"))
        try await store.send(UpdateTriggerRequest(app: "demo", trigger: route.triggerName, function: "hello"))
        try await store.send(DeleteRouteRequest(app: "demo", path: "/one"))
        #expect(try store.function().name.text == "hello")
        #expect(try store.function(route.functionName).name.text == route.functionName)
    }

    @Test func runningCallsForbidDeletion() async throws {
        let route = try await store.send(create("/one"))
        let id = try #require(Identifier(route.functionID))
        gate.run(3, of: .function(id))
        let refusal = try await store.refusal(DeleteRouteRequest(app: "demo", path: "/one"))
        #expect(refusal.code == .precondition && refusal.message.contains("3 running or waiting calls; wait for them"))
        #expect(!refusal.message.contains("force"), "a route's deletion has none")
        #expect(try self.route("/one").meta.revision == 1 && gate.closed.isEmpty)
        gate.run(0, of: .function(id))
        try await store.send(DeleteRouteRequest(app: "demo", path: route.meta.id.description))
        #expect(gate.everClosed == [.function(id)] && gate.closed.isEmpty)
    }

    @Test func namesAreMadeFromThePathAndAreFree() async throws {
        var names: [String] = []
        for path in ["/", "/*", "/a/b", "/a-b", "/:a/b", "/%C3%A9", "/" + String(repeating: "x", count: 1000)] {
            let route = try await store.send(create(path))
            #expect(route.functionName == route.triggerName && route.functionName.utf8.count <= 255)
            names.append(route.functionName)
        }
        #expect(names.prefix(5) == ["route-root", "route-root-2", "route-a-b", "route-a-b-2", "route-a-b-3"])
        #expect(Set(names).count == names.count)
    }
}
