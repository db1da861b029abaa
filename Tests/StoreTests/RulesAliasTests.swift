import Model
import Testing
import Wire

@testable import Store

/// What holds for aliases.
@Suite struct RulesAliasTests {
    private let store: TestStore

    init() async throws {
        store = try TestStore()
        try await store.furnish()
        for _ in 1...4 { try await store.deploy() }
    }

    private func create(_ name: String = "prod", _ version: UInt32 = 1, _ second: UInt32 = 0, _ weight: UInt32 = 0)
        -> CreateAliasRequest
    {
        CreateAliasRequest(
            app: "demo", function: "hello", name: name, version: version, secondVersion: second, secondWeight: weight)
    }

    private func update(_ version: UInt32? = nil, _ second: UInt32? = nil, _ weight: UInt32? = nil)
        -> UpdateAliasRequest
    {
        UpdateAliasRequest(
            app: "demo", function: "hello", alias: "prod", version: version, secondVersion: second, secondWeight: weight
        )
    }

    private func rollback(revision: UInt64 = 0) -> RollbackAliasRequest {
        RollbackAliasRequest(app: "demo", function: "hello", alias: "prod", revision: revision)
    }

    private func target(_ alias: Alias) -> [UInt32] {
        [alias.target.version, alias.target.secondVersion, alias.target.secondWeight]
    }

    @Test func newAliasHasEverythingThatWasGiven() async throws {
        var request = create("prod", 3, 4, 1000)
        (request.stickyKey, request.description, request.labels, request.extra) = ("user", "d", ["l": "1"], ["x": "1"])
        let alias = try await store.send(request)
        #expect(target(alias) == [3, 4, 1000] && alias.stickyKey == "user" && alias.description == "d")
        #expect(alias.meta.labels == ["l": "1"] && alias.meta.extra == ["x": "1"] && alias.history.isEmpty)
        #expect(alias.target.setAt == alias.meta.createdAt && alias.meta.revision == 1)
        #expect(try store.stored(alias.meta.id) == alias)
        try await store.expectRefused(request, .exists, "alias \"demo/hello@prod\" exists")
        try await store.deploy("demo", "other")
        request.function = "other"
        (request.version, request.secondVersion, request.secondWeight) = (1, 0, 0)
        try await store.send(request)
    }

    @Test func namesThatMeanSomethingElseAreRefused() async throws {
        try await store.expectRefused(create("latest"), .invalid, "name: \"latest\"")
        for name in ["0", "1", "007", "99999999999999999999"] {
            try await store.expectRefused(create(name), .invalid, "name: \"\(name)\" reads as a version's number")
        }
        try await store.expectRefused(create(Sample.id(1).description), .invalid, "form of an id")
        for name in badNames { try await store.expectRefused(create(name), .invalid, "name: ") }
        for name in ["Latest", "1a", "v1", "-1"] { try await store.send(create(name)) }
    }

    @Test func targetIsOneVersionOrTwo() async throws {
        try await store.expectRefused(create("prod", 0), .invalid, "version: 0")
        try await store.expectRefused(create("prod", 1, 1, 5), .invalid, "second_version: 1")
        try await store.expectRefused(create("prod", 1, 0, 5), .invalid, "second_weight: 5")
        try await store.expectRefused(create("prod", 1, 2, 10_001), .invalid, "second_weight: 10001", "10000")
        try await store.expectRefused(create("prod", 5), .notFound, "version 5 of demo/hello", "highest is 4")
        try await store.expectRefused(create("prod", 1, 5), .notFound, "version 5 of demo/hello")
        for (number, weight) in [UInt32(0), 1, 9999, 10_000].enumerated() {
            #expect(try await store.send(create("w\(number)", 1, 2, weight)).target.secondWeight == weight)
        }
    }

    @Test func weightIsAShareOfTenThousand() {
        for (weight, expected) in [(UInt32(0), 0), (1, 1), (1000, 1000), (9999, 9999), (10_000, 10_000)] {
            let target = Alias.Target(
                version: 1, secondVersion: 2, secondWeight: weight, setAt: Timestamp(nanoseconds: 0))
            #expect((UInt64(0)..<10_000).count { target.version(for: $0) == 2 } == expected)
            #expect(target.version(for: 10_000) == target.version(for: 0))
        }
        let one = Alias.Target(version: 1, secondVersion: 0, secondWeight: 10_000, setAt: Timestamp(nanoseconds: 0))
        #expect(one.version(for: 0) == 1)
    }

    @Test func stickyKeyAndDescriptionHaveLimits() async throws {
        var edge = create()
        (edge.stickyKey, edge.description) = (String(repeating: "k", count: 128), String(repeating: "d", count: 255))
        try await store.send(edge)
        for key in [String(repeating: "k", count: 129), "a b", "é", "a\n", "\0"] {
            var bad = create("b")
            bad.stickyKey = key
            try await store.expectRefused(bad, .invalid, "sticky_key: ")
            try await store.expectRefused(
                UpdateAliasRequest(app: "demo", function: "hello", alias: "prod", stickyKey: key), .invalid,
                "sticky_key: ")
        }
        var bad = create("latest", 0)
        (bad.stickyKey, bad.description, bad.labels) = (" ", String(repeating: "d", count: 256), ["": "x"])
        let failure = try await store.refusal(bad)
        let fields = ([failure.message] + failure.further).map { String($0.prefix { $0 != ":" }) }
        #expect(fields == ["name", "version", "sticky_key", "description", "labels"])
    }

    @Test func updateChangesOnlyWhatItNames() async throws {
        var request = create("prod", 1, 2, 500)
        (request.stickyKey, request.description) = ("user", "d")
        let old = try await store.send(request)
        #expect(try await store.send(update()) == old)
        #expect(try await store.send(update(1, 2, 500)) == old, "the same target is no change")
        #expect(target(try await store.send(update(nil, nil, 600))) == [1, 2, 600])
        #expect(target(try await store.send(update(nil, 3))) == [1, 3, 600])
        #expect(target(try await store.send(update(nil, 0, 0))) == [1, 0, 0])
        #expect(target(try await store.send(update(2, 1, 7))) == [2, 1, 7])
        let whole = try await store.send(update(4))
        #expect(target(whole) == [4, 0, 0], "a version replaces the whole target")
        #expect(whole.stickyKey == "user" && whole.description == "d" && whole.history.count == 5)
        try await store.expectRefused(update(nil, 4), .invalid, "second_version: 4")
        try await store.expectRefused(update(nil, nil, 1), .invalid, "second_weight: 1")
        try await store.expectRefused(update(9), .notFound, "version 9")
        let other = try await store.send(
            UpdateAliasRequest(app: "demo", function: "hello", alias: "prod", stickyKey: "", description: ""))
        #expect(other.stickyKey.isEmpty && other.description.isEmpty && other.target == whole.target)
        #expect(other.history == whole.history && other.meta.revision == whole.meta.revision + 1)
    }

    @Test func nameNeverChangesAndRevisionIsChecked() async throws {
        let alias = try await store.send(create())
        var renamed = update()
        renamed.name = "other"
        try await store.expectRefused(renamed, .conflict, "never changes")
        var late = update(2)
        late.revision = 2
        try await store.expectRefused(late, .conflict, "revision: ")
        try await store.expectRefused(rollback(revision: 2), .conflict, "revision: ")
        try await store.expectRefused(
            DeleteAliasRequest(app: "demo", function: "hello", alias: "prod", revision: 2), .conflict)
        let id = alias.meta.id.description
        var byID = UpdateAliasRequest(
            app: try alias.appID(in: store), function: alias.functionID.description, alias: id, revision: 1, version: 2)
        #expect(target(try await store.send(byID)) == [2, 0, 0])
        byID.function = "none"
        try await store.expectRefused(byID, .notFound, "function \"none\"")
        byID.app = "none"
        try await store.expectRefused(byID, .notFound, "app \"none\"")
        try await store.expectRefused(
            DeleteAliasRequest(app: "demo", function: "hello", alias: "none"), .notFound,
            "alias \"none\" was not found in function \"demo/hello\"")
    }

    @Test func historyHasThirtyTwoTargets() async throws {
        try await store.send(create("prod", 1, 2, 0))
        var alias = try await store.send(update(nil, nil, 1))
        for weight in UInt32(2)...32 { alias = try await store.send(update(nil, nil, weight)) }
        #expect(alias.history.map(\.secondWeight) == (0...31).reversed())
        alias = try await store.send(update(nil, nil, 33))
        #expect(alias.history.map(\.secondWeight) == (1...32).reversed())
        #expect(zip(alias.history, alias.history.dropFirst()).allSatisfy { $0.setAt > $1.setAt })
    }

    @Test func secondRollbackUndoesTheFirst() async throws {
        try await store.send(create("prod", 1))
        try await store.expectRefused(rollback(), .precondition, "never had another target")
        try await store.send(update(2))
        let third = try await store.send(update(3, 4, 100))
        let back = try await store.send(rollback(revision: 3))
        #expect(target(back) == [2, 0, 0] && back.history.map(\.version) == [3, 1])
        #expect(back.target.setAt == back.meta.updatedAt && back.meta.revision == 4)
        let again = try await store.send(rollback())
        #expect(target(again) == target(third) && again.history.map(\.version) == [2, 1])
    }

    @Test func rollbackToADeletedVersionIsRefused() async throws {
        try await store.send(create("prod", 1))
        try await store.send(update(2))
        // History keeps no version.
        try await store.send(DeleteVersionRequest(app: "demo", function: "hello", number: 1))
        try await store.expectRefused(rollback(), .notFound, "version 1 of demo/hello")
    }

    @Test func bothVersionsAreKept() async throws {
        try await store.send(create("prod", 1, 2, 0))
        for number in UInt32(1)...2 {
            try await store.expectRefused(
                DeleteVersionRequest(app: "demo", function: "hello", number: number), .precondition,
                "is used by alias demo/hello@prod;")
        }
        try await store.send(update(3))
        for number in UInt32(1)...2 {
            try await store.send(DeleteVersionRequest(app: "demo", function: "hello", number: number))
        }
        try await store.expectRefused(
            DeleteVersionRequest(app: "demo", function: "hello", number: 3), .precondition, "alias demo/hello@prod")
    }

    @Test func aliasThatATriggerUsesStays() async throws {
        try await store.send(create())
        try await store.send(
            CreateTriggerRequest(app: "demo", name: "web", source: "/a", function: "hello", alias: "prod"))
        let delete = DeleteAliasRequest(app: "demo", function: "hello", alias: "prod")
        try await store.expectRefused(delete, .precondition, "alias demo/hello@prod is used by trigger demo/web")
        try await store.send(UpdateTriggerRequest(app: "demo", trigger: "web", version: 2))
        #expect(try await store.send(delete).entities.map(\.name) == ["demo/hello@prod"])
    }
}

extension Alias {
    /// The id of the app that it is in, as text.
    fileprivate func appID(in store: TestStore) throws -> String {
        try store.stored(functionID, as: Function.self).appID.description
    }
}
