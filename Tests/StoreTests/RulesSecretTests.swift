import Model
import Testing
import Wire

@testable import Store

/// What holds for secrets. Above all, a value goes in and never comes out.
@Suite struct RulesSecretTests {
    private let store: TestStore

    init() async throws {
        store = try TestStore()
        try await store.furnish()
    }

    private func create(_ name: String = "key", _ value: String = "v") -> CreateSecretRequest {
        CreateSecretRequest(app: "demo", name: name, value: Array(value.utf8))
    }

    private func deploy(_ secrets: [String], package: Int = 1) async throws {
        var spec = Sample.spec()
        spec.secrets = secrets
        try await store.deploy(package: package, spec: spec)
    }

    @Test func newSecretHasEverythingButTheValue() async throws {
        var request = create()
        (request.description, request.labels, request.extra) = ("d", ["l": "1"], ["x": "1"])
        let secret = try await store.send(request)
        #expect(secret.name.text == "key" && secret.valueBytes == 1 && secret.description == "d")
        #expect(secret.meta.labels == ["l": "1"] && secret.meta.extra == ["x": "1"] && secret.meta.revision == 1)
        #expect(try store.stored(secret.meta.id) == secret)
        try await store.expectRefused(request, .exists, "secret \"demo/key\" exists")
        try await store.send(CreateAppRequest(name: "other"))
        request.app = "other"
        try await store.send(request)
    }

    @Test func valueAppearsNowhere() async throws {
        let values = ["first-value-5f1c", "second-value-8e2d", "third-value-77aa"]
        let (seen, texts) = (Lock<[Change]>([]), Lock<[String]>([]))
        store.store.observe { changes in seen.withLock { $0 += changes } }
        func note(_ bytes: [UInt8]) { texts.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) } }
        func note(_ failure: Failure) { texts.withLock { $0 += [failure.message] + failure.further } }

        let secret = try await store.send(create("key", values[0]))
        note(secret.encoded())
        // Refused with the value in hand, for each reason there is.
        note(try await store.refusal(create("key", values[1])))
        note(try await store.refusal(create("a/b", values[1])))
        note(try await store.refusal(create("long", String(repeating: values[1], count: 5000))))
        note(try await store.refusal(CreateSecretRequest(app: "none", name: "key", value: Array(values[1].utf8))))
        let value = Array(values[1].utf8)
        note(try await store.refusal(UpdateSecretRequest(app: "demo", secret: "key", revision: 9, value: value)))
        note(try await store.refusal(UpdateSecretRequest(app: "demo", secret: "key", name: "other", value: value)))
        note(try await store.refusal(UpdateSecretRequest(app: "demo", secret: "none", value: value)))
        note(
            try await store.send(UpdateSecretRequest(app: "demo", secret: "key", value: Array(values[2].utf8)))
                .encoded())
        try await deploy(["key"])
        note(try store.function().encoded())
        note(try await store.refusal(DeleteSecretRequest(app: "demo", secret: "key")))
        let sealed = try #require(try store.store.read { $0[secret.meta.id] }).sealed
        #expect(sealed == Array(values[2].utf8).map { ~$0 }, "sealed as the surroundings do it, with the new value")
        for row in try store.rows() { note(row.body) }
        try await store.send(DeleteFunctionRequest(app: "demo", function: "hello"))
        note(try await store.send(DeleteSecretRequest(app: "demo", secret: "key")).encoded())

        for change in seen.withLock({ $0 }) {
            texts.withLock { $0.append(change.name) }
            for row in [change.old, change.new].compactMap({ $0 }) {
                note(row.body)
                texts.withLock { $0 += [row.key] + row.claims }
                for value in values { #expect(row.sealed != Array(value.utf8)) }
            }
        }
        for event in try await store.store.driver.events(after: 0, limit: 1000) {
            texts.withLock { $0.append("\(event)") }
        }
        let all = texts.withLock { $0 }
        #expect(all.count > 40)
        #expect(all.contains { $0.contains("demo/key") }, "the test looks at the right texts")
        for value in values { #expect(!all.contains { $0.contains(value) }) }
    }

    @Test func valueHasOneToSixtyFourKibibytes() async throws {
        try await store.send(CreateSecretRequest(app: "demo", name: "one", value: [0]))
        let most = CreateSecretRequest(app: "demo", name: "most", value: Array(repeating: 255, count: 65_536))
        #expect(try await store.send(most).valueBytes == 65_536)
        for value in [[], [UInt8](repeating: 1, count: 65_537)] {
            try await store.expectRefused(
                CreateSecretRequest(app: "demo", name: "b", value: value), .invalid, "value: \(value.count) bytes",
                "65536")
            try await store.expectRefused(
                UpdateSecretRequest(app: "demo", secret: "one", value: value), .invalid, "value: \(value.count) bytes")
        }
    }

    @Test func fieldsAreChecked() async throws {
        for name in badNames { try await store.expectRefused(create(name), .invalid, "name: ") }
        try await store.expectRefused(create(Sample.id(3).description), .invalid, "form of an id")
        let failure = try await store.refusal(
            CreateSecretRequest(
                app: "demo", name: "a b", value: [], description: String(repeating: "d", count: 256), labels: ["": "x"],
                extra: ["k": "{"]))
        let fields = ([failure.message] + failure.further).map { String($0.prefix { $0 != ":" }) }
        #expect(fields == ["name", "value", "description", "labels", "extra"])
        try await store.expectRefused(CreateSecretRequest(app: "none", name: "a b"), .notFound, "app \"none\"")
    }

    @Test func withoutAKeyNothingIsStored() async throws {
        let store = try TestStore(surroundings: Surroundings())
        try await store.send(CreateAppRequest(name: "demo"))
        try await store.expectRefused(create(), .precondition, "value: there is no key")
    }

    @Test func updateChangesOnlyWhatItNames() async throws {
        let old = try await store.send(create())
        func sealed() throws -> [UInt8]? { try store.store.read { $0[old.meta.id]?.sealed } }
        let before = try sealed()
        #expect(try await store.send(UpdateSecretRequest(app: "demo", secret: "key", name: "key")) == old)
        let described = try await store.send(
            UpdateSecretRequest(app: "demo", secret: old.meta.id.description, revision: 1, description: "d"))
        #expect(described.description == "d" && described.valueBytes == 1 && described.meta.revision == 2)
        #expect(try sealed() == before)
        let value = try await store.send(UpdateSecretRequest(app: "demo", secret: "key", value: [1, 2, 3]))
        #expect(value.valueBytes == 3 && value.description == "d" && value.meta.revision == 3)
        #expect(try sealed() == [254, 253, 252])
        // A value of the same length is a change, too.
        let again = try await store.send(UpdateSecretRequest(app: "demo", secret: "key", value: [1, 2, 4]))
        #expect(again.meta.revision == 4 && again.meta.updatedAt > value.meta.updatedAt)
        try await store.expectRefused(
            UpdateSecretRequest(app: "demo", secret: "key", revision: 1, value: [1]), .conflict, "revision: ")
        try await store.expectRefused(
            UpdateSecretRequest(app: "demo", secret: "key", name: "other"), .conflict, "never changes")
        try await store.expectRefused(DeleteSecretRequest(app: "demo", secret: "key", revision: 1), .conflict)
        try await store.expectRefused(DeleteSecretRequest(app: "demo", secret: "none"), .notFound, "in app \"demo\"")
        try await store.expectRefused(DeleteSecretRequest(app: "none", secret: "key"), .notFound, "app \"none\"")
    }

    @Test func usedSecretStays() async throws {
        try await store.send(create())
        try await store.send(create("other"))
        try await deploy(["key", "other"])
        let delete = DeleteSecretRequest(app: "demo", secret: "key")
        try await store.expectRefused(
            delete, .precondition, "secret demo/key is used by function demo/hello, version demo/hello@1;")
        try await store.send(UpdateFunctionRequest(app: "demo", function: "hello", clear: ["secrets"]))
        try await store.expectRefused(delete, .precondition, "is used by version demo/hello@1;")
        try await deploy(["other"], package: 1)
        try await store.send(DeleteVersionRequest(app: "demo", function: "hello", number: 1))
        #expect(try await store.send(delete).entities.map(\.name) == ["demo/key"])
        try await store.expectRefused(
            RestoreVersionRequest(app: "demo", function: "hello", number: 1), .notFound, "version 1")
    }

    @Test func functionHasThirtyTwoOfItsOwnApp() async throws {
        let names = (0..<33).map { "s\($0)" }
        for name in names { try await store.send(create(name)) }
        try await deploy(Array(names.prefix(32)))
        func refused(_ secrets: [String], _ code: Failure.Code, _ text: String) async throws {
            var request = try Sample.deployment("demo", "b")
            request.spec?.secrets = secrets
            try await store.expectRefused(request, code, text)
        }
        try await refused(names, .invalid, "secrets: 33 names are over the limit of 32")
        try await refused(["s1", "s1"], .invalid, "secrets: \"s1\" is given twice")
        try await refused(["a/b"], .invalid, "secrets: ")
        try await store.send(CreateAppRequest(name: "far"))
        try await store.send(CreateSecretRequest(app: "far", name: "there", value: [1]))
        try await refused(["there"], .notFound, "secret \"there\" was not found in app \"demo\"")
    }
}
