import Model
import Testing
import Wire

@testable import Store

/// What holds for runtimes.
@Suite struct RulesRuntimeTests {
    private let store: TestStore

    init() async throws {
        var surroundings = TestStore.surroundings()
        surroundings.checkRoot = { root throws(Failure) in
            if case .image = root { throw Failure(.precondition, "root: images are not supported here") }
        }
        store = try TestStore(surroundings: surroundings)
        try await store.furnish()
    }

    private func create(_ name: String = "perl", command: [String] = ["/usr/bin/perl", "{package}/{entry}"])
        -> CreateRuntimeRequest
    {
        CreateRuntimeRequest(name: name, command: command)
    }

    private func deploy(_ function: String = "hello", runtime: String = "perl") async throws {
        let name = try #require(FunctionSpec.Runtime(rawValue: runtime))
        try await store.deploy("demo", function, spec: FunctionSpec(runtime: name, entry: "main", format: .default))
    }

    private func used(_ name: String = "perl") throws -> Runtime {
        try store.store.entity({ (tables) throws(Failure) in try tables.named(name, .runtime) })
    }

    @Test func newRuntimeHasEverythingThatWasGiven() async throws {
        let runtime = try await store.send(
            CreateRuntimeRequest(
                name: "perl", description: "d", root: "folder:/srv/perl", command: ["perl", "{entry}"], zygote: true,
                poolSize: 1024, labels: ["l": "1"], extra: ["x": "1"]))
        #expect(
            runtime.description == "d" && runtime.root == "folder:/srv/perl" && runtime.command == ["perl", "{entry}"])
        #expect(runtime.zygote && runtime.poolSize == 1024 && !runtime.isBuiltIn && runtime.meta.labels == ["l": "1"])
        #expect(try used() == runtime)
        try await store.expectRefused(create(), .exists, "runtime \"perl\" exists")
        try await store.expectRefused(create("python"), .exists, "runtime \"python\" exists")
        #expect(try await store.send(create("plain")).root == "host")
    }

    @Test func fieldsAreChecked() async throws {
        for name in badNames { try await store.expectRefused(create(name), .invalid, "name: ") }
        try await store.expectRefused(create(Sample.id(3).description), .invalid, "name: ", "form of an id")
        for command in [
            [], [""], ["", "x"], ["{entry"], ["}"], ["{other}"], ["a\0"], [String(repeating: "w", count: 4097)],
            Array(repeating: "w", count: 65), Array(repeating: "{entry}{package}", count: 33),
        ] {
            try await store.expectRefused(create(command: command), .invalid, "command: ")
        }
        for (number, command) in [
            [String(repeating: "w", count: 4096)], Array(repeating: "w", count: 64), ["{{", "}}"],
            Array(repeating: "{entry}{package}", count: 32),
        ].enumerated() {
            #expect(try await store.send(create("r\(number)", command: command)).command == command)
        }
        for root in ["Host", "folder", "folder:", "image:", "docker:x", "host:"] {
            try await store.expectRefused(
                CreateRuntimeRequest(name: "b", root: root, command: ["x"]), .invalid, "root: ")
        }
        // The machine has its say.
        try await store.expectRefused(
            CreateRuntimeRequest(name: "b", root: "image:x", command: ["x"]), .precondition, "root: ")
        try await store.expectRefused(
            CreateRuntimeRequest(name: "b", command: ["x"], poolSize: 1025), .invalid, "pool_size: 1025", "1024")
        let failure = try await store.refusal(
            CreateRuntimeRequest(
                name: "", description: String(repeating: "d", count: 256), root: "x", command: [], poolSize: 9999,
                labels: ["": "x"], extra: ["k": "{"]))
        let fields = ([failure.message] + failure.further).map { String($0.prefix { $0 != ":" }) }
        #expect(fields == ["name", "description", "root", "command", "pool_size", "labels", "extra"])
    }

    @Test func builtInOnesStayWhatTheyAre() async throws {
        for name in ["python", "shell", "binary"] {
            let old = try used(name)
            #expect(old.isBuiltIn)
            try await store.expectRefused(DeleteRuntimeRequest(runtime: name), .precondition, "is built in")
            try await store.expectRefused(
                UpdateRuntimeRequest(runtime: name, command: ["x"]), .precondition, "is built in")
            try await store.expectRefused(
                UpdateRuntimeRequest(runtime: name, root: "folder:/x"), .precondition, "is built in")
            let new = try await store.send(
                UpdateRuntimeRequest(
                    runtime: name, description: "mine", root: "", zygote: !old.zygote, poolSize: 3, labels: ["l": "1"]))
            #expect(new.description == "mine" && new.zygote != old.zygote && new.poolSize == 3 && new.root == old.root)
        }
    }

    @Test func builtInOnesAreMadeOnce() async throws {
        let rows = try store.rows()
        try await store.change { (transaction) throws(Failure) in try transaction.createBuiltInRuntimes() }
        #expect((try store.rows() == rows) == true)
    }

    @Test func usedRuntimeKeepsRootAndCommand() async throws {
        try await store.send(create())
        try await deploy()
        for request in [
            UpdateRuntimeRequest(runtime: "perl", root: "folder:/x"),
            UpdateRuntimeRequest(runtime: "perl", command: ["x"]),
        ] {
            try await store.expectRefused(
                request, .precondition, "runtime \"perl\" is used by", "function demo/hello", "version demo/hello@1")
        }
        // The rest may change, and so may what stays the same.
        let old = try used()
        #expect(try await store.send(UpdateRuntimeRequest(runtime: "perl", root: "host", command: old.command)) == old)
        #expect(try await store.send(UpdateRuntimeRequest(runtime: "perl", poolSize: 2)).poolSize == 2)
        try await store.expectRefused(DeleteRuntimeRequest(runtime: "perl"), .precondition, "function demo/hello")
        // A version alone keeps it, too.
        try await store.deploy("demo", "hello")
        let failure = try await store.refusal(DeleteRuntimeRequest(runtime: "perl"))
        #expect(failure.message.contains("is used by version demo/hello@1;"), "\(failure)")
        try await store.send(DeleteVersionRequest(app: "demo", function: "hello", number: 1))
        try await store.send(UpdateRuntimeRequest(runtime: "perl", command: ["other"]))
        let deletion = try await store.send(DeleteRuntimeRequest(runtime: "perl"))
        #expect(deletion.done && deletion.entities.map(\.name) == ["perl"])
    }

    @Test func commandIsFrozenWithTheCode() async throws {
        try await store.send(create())
        try await deploy()
        #expect(
            try store.function().runtime
                == FrozenRuntime(command: ["/usr/bin/perl", "{package}/{entry}"], root: "host"))
        try await deploy("shelled", runtime: "shell")
        #expect(try store.function("shelled").runtime == FrozenRuntime())
    }

    @Test func updateChangesOnlyWhatItNames() async throws {
        var request = create()
        (request.description, request.zygote, request.poolSize) = ("d", true, 5)
        let old = try await store.send(request)
        #expect(try await store.send(UpdateRuntimeRequest(runtime: "perl", name: "perl")) == old)
        let new = try await store.send(
            UpdateRuntimeRequest(runtime: old.meta.id.description, revision: 1, zygote: false, poolSize: 0))
        #expect(!new.zygote && new.poolSize == 0 && new.description == "d" && new.command == old.command)
        #expect(new.meta.revision == 2 && new.meta.updatedAt > old.meta.updatedAt)
        try await store.expectRefused(UpdateRuntimeRequest(runtime: "perl", revision: 1), .conflict, "revision: ")
        try await store.expectRefused(UpdateRuntimeRequest(runtime: "perl", name: "raku"), .conflict, "never changes")
        try await store.expectRefused(DeleteRuntimeRequest(runtime: "perl", revision: 1), .conflict, "revision: ")
        try await store.expectRefused(
            UpdateRuntimeRequest(runtime: "raku"), .notFound, "runtime \"raku\" was not found")
        try await store.expectRefused(UpdateRuntimeRequest(runtime: "perl", poolSize: 1025), .invalid, "pool_size: ")
    }
}
