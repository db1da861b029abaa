import Model
import Testing
import Wire

@testable import Store

/// What holds for triggers.
@Suite struct RulesTriggerTests {
    private let store: TestStore

    init() async throws {
        store = try TestStore()
        try await store.furnish()
        for _ in 1...2 { try await store.deploy() }
        try await store.deploy("demo", "other")
        try await store.send(CreateAliasRequest(app: "demo", function: "hello", name: "prod", version: 1))
    }

    private func create(_ source: String = "/a", _ name: String = "web", function: String = "hello")
        -> CreateTriggerRequest
    {
        CreateTriggerRequest(app: "demo", name: name, source: source, function: function)
    }

    @Test func newTriggerHasEverythingThatWasGiven() async throws {
        var request = create("/users/:id")
        (request.type, request.version, request.labels, request.extra) = ("http", 2, ["l": "1"], ["x": "1"])
        let trigger = try await store.send(request)
        #expect(trigger.source == "/users/:id" && trigger.version == 2 && trigger.aliasID == nil)
        #expect(trigger.type == .http && trigger.name.text == "web" && !trigger.ownsFunction)
        #expect(trigger.meta.labels == ["l": "1"] && trigger.meta.extra == ["x": "1"] && trigger.meta.revision == 1)
        #expect(try store.stored(trigger.meta.id) == trigger)
        #expect(trigger.functionID == (try store.function().meta.id))
        try await store.expectRefused(create("/b"), .exists, "trigger \"demo/web\" exists")
    }

    @Test func parentsComeFirst() async throws {
        var request = CreateTriggerRequest(
            app: "none", name: "a/b", type: "x", source: "", function: "none", version: 9, alias: "none")
        try await store.expectRefused(request, .notFound, "app \"none\" was not found")
        request.app = "demo"
        try await store.expectRefused(request, .notFound, "function \"none\" was not found in app \"demo\"")
        request.function = "hello"
        try await store.expectRefused(request, .invalid, "alias: \"none\" and version 9 exclude each other")
        request.version = 0
        try await store.expectRefused(request, .notFound, "alias \"none\" was not found in function \"demo/hello\"")
        (request.version, request.alias) = (9, "")
        try await store.expectRefused(request, .notFound, "version 9 of demo/hello was not found")
        request.version = 1
        request.labels = ["": "x"]
        let failure = try await store.refusal(request)
        let fields = ([failure.message] + failure.further).map { String($0.prefix { $0 != ":" }) }
        #expect(failure.code == .invalid && fields == ["name", "type", "source", "labels"])
        // A function of another app is none of this one.
        try await store.deploy("elsewhere", "far")
        try await store.expectRefused(create(function: "far"), .notFound, "in app \"demo\"")
        let far = try store.function("far", in: "elsewhere").meta.id.description
        try await store.expectRefused(create(function: far), .notFound, "in app \"demo\"")
    }

    @Test func namesAndTypesAreChecked() async throws {
        for name in badNames { try await store.expectRefused(create("/a", name), .invalid, "name: ") }
        try await store.expectRefused(create("/a", Sample.id(3).description), .invalid, "name: ", "form of an id")
        for type in ["HTTP", "schedule", "http "] {
            var request = create()
            request.type = type
            try await store.expectRefused(request, .invalid, "type: ")
        }
    }

    @Test(arguments: [
        "", "a", "a/b", "http://x/", "/a b", "/a\0", "/a\n", "/%00", "/%0a", "/%ff", "/%", "/%4", "/a//b", "//", "/./a",
        "/a/..", "/%2e%2e/a", "/a?b", "/a#b", "/*/a", "/a*", "/**", "/:", "/:1", "/:a-b", "/:a/:a", "/:a/:A", "/é",
        "/[a]",
        "/" + String(repeating: "a", count: 1024), String(repeating: "/a", count: 65),
    ]) func badSourceIsRefused(source: String) async throws {
        try await store.expectRefused(create(source), .invalid, "source: ")
        try await store.send(create())
        try await store.expectRefused(
            UpdateTriggerRequest(app: "demo", trigger: "web", source: source), .invalid, "source: ")
    }

    @Test func sourcesHaveLimits() async throws {
        let sources = [
            "/", "/*", "/a/", "/" + String(repeating: "a", count: 1023), String(repeating: "/a", count: 64),
            (0..<16).map { "/:p\($0)" }.joined(), "/:" + String(repeating: "n", count: 64),
        ]
        for (number, source) in sources.enumerated() {
            #expect(try await store.send(create(source, "t\(number)")).source == source)
        }
        try await store.expectRefused(create((0..<17).map { "/:p\($0)" }.joined()), .invalid, "16")
        try await store.expectRefused(create("/:" + String(repeating: "n", count: 65)), .invalid, "64")
    }

    @Test func sourceIsUniqueHoweverItIsWritten() async throws {
        for (number, (first, same)) in [
            ("/a", "/%61"), ("/u/:id", "/u/:name"), ("/u/:id/*", "/u/:x/*"), ("/%c3%a9", "/%C3%A9"), ("/~x", "/%7Ex"),
        ].enumerated() {
            try await store.send(create(first, "t\(number)"))
            for source in [first, same] {
                try await store.expectRefused(create(source), .exists, "source: ", "trigger \"demo/t\(number)\"")
                try await store.expectRefused(
                    CreateRouteRequest(app: "demo", path: source, image: "x"), .exists, "path: ", "demo/t\(number)")
            }
        }
        // These are other paths.
        for (number, source) in ["/A", "/a/", "/a/*", "/u/*", "/u/id", "/u/:id/"].enumerated() {
            try await store.send(create(source, "n\(number)"))
        }
        // Unique in an app only.
        try await store.deploy("elsewhere", "far")
        try await store.send(CreateTriggerRequest(app: "elsewhere", name: "web", source: "/a", function: "far"))
        // A source may become another one that is free, and its own in another spelling.
        try await store.expectRefused(
            UpdateTriggerRequest(app: "demo", trigger: "n0", source: "/%61"), .exists, "demo/t0")
        try await store.send(UpdateTriggerRequest(app: "demo", trigger: "t1", source: "/u/:other"))
        try await store.send(UpdateTriggerRequest(app: "demo", trigger: "t0", source: "/free"))
        try await store.send(UpdateTriggerRequest(app: "demo", trigger: "n0", source: "/a"))
        try await store.send(DeleteTriggerRequest(app: "demo", trigger: "n0"))
        try await store.send(create("/a"))
    }

    @Test func versionAndAliasReplaceEachOther() async throws {
        let alias = try store.store.read { (tables) throws(Failure) in
            try tables.named("prod", .alias, in: try tables.function("demo", "hello")).id
        }
        func update(_ version: UInt32?, _ alias: String?) async throws -> Trigger {
            try await store.send(UpdateTriggerRequest(app: "demo", trigger: "web", version: version, alias: alias))
        }
        try await store.send(create())
        #expect(try await update(1, nil).version == 1)
        var trigger = try await update(nil, "prod")
        #expect(trigger.version == 0 && trigger.aliasID == alias)
        trigger = try await update(nil, nil)
        #expect(trigger.aliasID == alias && trigger.meta.revision == 3)
        trigger = try await update(2, nil)
        #expect(trigger.version == 2 && trigger.aliasID == nil)
        trigger = try await update(nil, alias.description)
        #expect(trigger.version == 0 && trigger.aliasID == alias)
        // Zero and empty are the working copy.
        trigger = try await update(0, nil)
        #expect(trigger.version == 0 && trigger.aliasID == nil)
        _ = try await update(2, nil)
        #expect(try await update(nil, "").version == 0)
        #expect(try await update(0, "prod").aliasID == alias)
        // The reserved alias is no row: versions come and go beneath it.
        trigger = try await update(nil, "latest")
        #expect(trigger.isLatest && trigger.aliasID == nil && trigger.version == 0)
        trigger = try await update(2, nil)
        #expect(!trigger.isLatest && trigger.version == 2)
        _ = try await update(nil, "latest")
        #expect(try await !update(nil, "prod").isLatest)
        for (version, name, code) in [
            (UInt32(1), "prod", Failure.Code.invalid), (9, "", .notFound), (0, "no", .notFound),
        ] {
            try await store.expectRefused(
                UpdateTriggerRequest(app: "demo", trigger: "web", version: version, alias: name), code)
        }
    }

    @Test func functionMayChangeWithinTheApp() async throws {
        var request = create()
        request.version = 2
        let old = try await store.send(request)
        let other = try store.function("other").meta.id
        // What is not named stays, so the other function must have it.
        let move = UpdateTriggerRequest(app: "demo", trigger: "web", function: "other")
        try await store.expectRefused(move, .notFound, "version 2 of demo/other")
        try await store.send(UpdateTriggerRequest(app: "demo", trigger: "web", alias: "prod"))
        try await store.expectRefused(move, .notFound, "alias \"prod\" was not found in function \"demo/other\"")
        let alias = try await store.send(
            CreateAliasRequest(app: "demo", function: "other", name: "prod", version: 1))
        #expect(try await store.send(move).aliasID == alias.meta.id)
        #expect(
            try await store.send(UpdateTriggerRequest(app: "demo", trigger: "web", function: "hello")).aliasID != nil)
        try await store.send(UpdateTriggerRequest(app: "demo", trigger: "web", version: 1))
        #expect(try await store.send(move).version == 1)
        try await store.send(
            UpdateTriggerRequest(app: "demo", trigger: "web", function: "hello", alias: "latest"))
        let latest = try await store.send(move)
        #expect(latest.isLatest && latest.version == 0 && latest.functionID == other)
        try await store.send(DeleteAliasRequest(app: "demo", function: "other", alias: "prod"))
        let moved = try await store.send(UpdateTriggerRequest(app: "demo", trigger: "web", version: 0))
        #expect(moved.functionID == other && moved.version == 0 && !moved.isLatest && moved.source == old.source)
        try await store.expectRefused(
            UpdateTriggerRequest(app: "demo", trigger: "web", version: 2), .notFound, "version 2 of demo/other")
        let back = try await store.send(
            UpdateTriggerRequest(app: "demo", trigger: "web", function: "hello", alias: "prod"))
        #expect(back.functionID == old.functionID && back.aliasID != nil)
        // The same function keeps its alias.
        let same = try await store.send(UpdateTriggerRequest(app: "demo", trigger: "web", function: "hello"))
        #expect(same == back)
        // What it left may go, what it uses may not.
        try await store.send(DeleteFunctionRequest(app: "demo", function: "other"))
        try await store.expectRefused(
            DeleteFunctionRequest(app: "demo", function: "hello"), .precondition, "trigger demo/web")
        try await store.deploy("elsewhere", "far")
        try await store.expectRefused(
            UpdateTriggerRequest(app: "demo", trigger: "web", function: "far"), .notFound, "in app \"demo\"")
    }

    @Test func onlyWhatIsNamedChanges() async throws {
        var request = create()
        (request.labels, request.extra) = (["l": "1", "m": "2"], ["x": "1"])
        let old = try await store.send(request)
        #expect(try await store.send(UpdateTriggerRequest(app: "demo", trigger: "web", source: "/a")) == old)
        let new = try await store.send(
            UpdateTriggerRequest(
                app: "demo", trigger: "web", revision: 1, labels: ["l": "", "n": "3"], extra: ["x": ""]))
        #expect(new.meta.labels == ["m": "2", "n": "3"] && new.meta.extra.isEmpty && new.source == old.source)
        #expect(new.meta.revision == 2 && new.meta.updatedAt > old.meta.updatedAt)
        try await store.expectRefused(
            UpdateTriggerRequest(app: "demo", trigger: "web", revision: 1, source: "/b"), .conflict, "revision: ")
        try await store.expectRefused(
            UpdateTriggerRequest(app: "demo", trigger: "web", name: "other"), .conflict, "name: \"web\" cannot become")
        try await store.expectRefused(DeleteTriggerRequest(app: "demo", trigger: "web", revision: 1), .conflict)
        let id = new.meta.id.description
        #expect(try await store.send(UpdateTriggerRequest(app: "demo", trigger: id, source: "/b")).source == "/b")
        #expect(
            try await store.send(DeleteTriggerRequest(app: "demo", trigger: id)).entities.map(\.name) == ["demo/web"])
        try await store.expectRefused(DeleteTriggerRequest(app: "demo", trigger: "web"), .notFound, "in app \"demo\"")
        try await store.expectRefused(DeleteTriggerRequest(app: "none", trigger: "web"), .notFound, "app \"none\"")
        #expect(try store.function().name.text == "hello", "the function stays")
    }
}
