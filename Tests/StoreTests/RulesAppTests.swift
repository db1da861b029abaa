import Model
import Testing
import Wire

@testable import Store

/// What holds for apps, and what all nouns have in common.
@Suite struct RulesAppTests {
    @Test func newAppHasEverythingThatWasGiven() async throws {
        let store = try TestStore()
        let app = try await store.send(
            CreateAppRequest(
                name: "shop", labels: ["team": "a"], config: ["A": "1"], annotations: ["note": "x"],
                syslogURL: "tcp://logs:514", extra: ["k": "{\"a\":1}"]))
        #expect(app.name.text == "shop" && app.config == ["A": "1"] && app.annotations == ["note": "x"])
        #expect(app.syslogURL == "tcp://logs:514" && app.meta.labels == ["team": "a"])
        #expect(app.meta.extra == ["k": "{\"a\":1}"])
        #expect(app.meta.revision == 1 && app.meta.createdAt == app.meta.updatedAt)
        #expect(app.meta.apiVersion == Meta.currentAPIVersion)
        #expect(try store.stored(app.meta.id) == app)
    }

    @Test func nameIsUnique() async throws {
        let store = try TestStore()
        try await store.send(CreateAppRequest(name: "shop"))
        try await store.expectRefused(CreateAppRequest(name: "shop"), .exists, "app \"shop\" exists")
        // Case tells.
        try await store.send(CreateAppRequest(name: "Shop"))
    }

    @Test(arguments: badNames) func badNameIsRefused(name: String) async throws {
        let store = try TestStore()
        try await store.expectRefused(CreateAppRequest(name: name), .invalid, "name: ")
        // Where an app is named, what is no name is not merely absent.
        try await store.expectRefused(UpdateAppRequest(app: name), .invalid, "app: ")
        try await store.expectRefused(DeleteAppRequest(app: name), .invalid, "app: ")
    }

    @Test func namesHaveOneToTwoHundredFiftyFiveBytes() async throws {
        let store = try TestStore()
        for length in [1, 255] {
            let name = String(repeating: "a", count: length)
            #expect(try await store.send(CreateAppRequest(name: name)).name.text == name)
        }
        try await store.expectRefused(
            CreateAppRequest(name: String(repeating: "a", count: 256)), .invalid, "name: ", "256", "255")
        let all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        #expect(try await store.send(CreateAppRequest(name: all)).name.text == all)
    }

    @Test func nameInTheFormOfAnIDIsRefused() async throws {
        let store = try TestStore()
        let app = try await store.send(CreateAppRequest(name: "shop"))
        let id = app.meta.id.description
        try await store.expectRefused(CreateAppRequest(name: id), .invalid, "name: ", "form of an id")
        // One character more or less is a name.
        try await store.send(CreateAppRequest(name: id + "0"))
        try await store.send(CreateAppRequest(name: String(id.dropLast())))
        // Ids are upper case.
        try await store.send(CreateAppRequest(name: id.lowercased()))
    }

    @Test func idIsAsGoodAsName() async throws {
        let store = try TestStore()
        let app = try await store.send(CreateAppRequest(name: "shop"))
        let id = app.meta.id.description
        #expect(try await store.send(UpdateAppRequest(app: id, config: ["A": "1"])).config == ["A": "1"])
        #expect(try await store.send(DeleteAppRequest(app: id)).done)
        try await store.expectRefused(DeleteAppRequest(app: id), .notFound, "app \"\(id)\" was not found")
    }

    @Test func missingAppIsNotFound() async throws {
        let store = try TestStore()
        try await store.expectRefused(UpdateAppRequest(app: "shop"), .notFound, "app \"shop\" was not found")
        try await store.expectRefused(DeleteAppRequest(app: "shop"), .notFound, "app \"shop\" was not found")
        try await store.furnish()
        // The id of something else is no id of an app.
        let runtime = try store.store.read { (tables) throws(Failure) in try tables.named("python", .runtime) }
        try await store.expectRefused(DeleteAppRequest(app: runtime.id.description), .notFound)
    }

    @Test func firstMistakeDecidesAndTheOthersFollow() async throws {
        let store = try TestStore()
        let failure = try await store.refusal(
            CreateAppRequest(
                name: "a/b", labels: ["": "x"], config: ["a=b": "x"], annotations: [" ": "x"],
                syslogURL: "http://logs", extra: ["k": "no JSON"]))
        #expect(failure.code == .invalid && failure.message.hasPrefix("name: "))
        let fields = failure.further.map { String($0.prefix { $0 != ":" }) }
        #expect(fields == ["config", "annotations", "syslog_url", "labels", "extra"])

        try await store.send(CreateAppRequest(name: "shop"))
        let other = try await store.refusal(
            UpdateAppRequest(app: "shop", revision: 9, name: "other", config: ["": "x"], syslogURL: "x"))
        // Fields come before the name that cannot change and before the revision.
        #expect(other.code == .invalid && other.message.hasPrefix("config: "))
        #expect(other.further.count == 1 && other.further.first?.hasPrefix("syslog_url: ") == true)
    }

    @Test func updateChangesOnlyWhatItNames() async throws {
        let store = try TestStore()
        let old = try await store.send(
            CreateAppRequest(
                name: "shop", labels: ["l": "1"], config: ["A": "1", "B": "2"], annotations: ["n": "1", "o": "2"],
                syslogURL: "udp://logs:514", extra: ["x": "1", "y": "2"]))
        let new = try await store.send(
            UpdateAppRequest(
                app: "shop", labels: ["m": "2"], config: ["B": "", "C": "3"], annotations: ["n": "9", "none": ""],
                extra: ["x": "", "y": "[3]"]))
        #expect(new.config == ["A": "1", "C": "3"])
        #expect(new.annotations == ["n": "9", "o": "2"])
        #expect(new.meta.labels == ["l": "1", "m": "2"])
        #expect(new.meta.extra == ["y": "[3]"])
        #expect(new.syslogURL == "udp://logs:514" && new.name == old.name && new.meta.id == old.meta.id)
        #expect(new.meta.revision == 2 && new.meta.createdAt == old.meta.createdAt)
        #expect(new.meta.updatedAt > old.meta.updatedAt)
        #expect(try store.stored(old.meta.id) == new)
        #expect(try await store.send(UpdateAppRequest(app: "shop", syslogURL: "")).syslogURL.isEmpty)
    }

    @Test func updateWithoutAChangeChangesNothing() async throws {
        let store = try TestStore()
        let app = try await store.send(CreateAppRequest(name: "shop", config: ["A": "1"], syslogURL: "udp://l:1"))
        let sequence = store.store.lastSequence
        for request in [
            UpdateAppRequest(app: "shop"), UpdateAppRequest(app: "shop", revision: 1, name: "shop"),
            UpdateAppRequest(app: "shop", config: ["A": "1", "absent": ""], syslogURL: "udp://l:1"),
        ] {
            #expect(try await store.send(request) == app)
        }
        #expect(store.store.lastSequence == sequence)
        #expect(try store.stored(app.meta.id) == app)
    }

    @Test func nameNeverChanges() async throws {
        let store = try TestStore()
        try await store.send(CreateAppRequest(name: "shop"))
        try await store.expectRefused(
            UpdateAppRequest(app: "shop", name: "other"), .conflict, "name: \"shop\" cannot become \"other\"")
        // What would be a bad name is a conflict as well.
        try await store.expectRefused(UpdateAppRequest(app: "shop", name: "a/b"), .conflict, "never changes")
        try await store.expectRefused(UpdateAppRequest(app: "shop", name: ""), .conflict, "never changes")
    }

    @Test func revisionMustBeThePresentOne() async throws {
        let store = try TestStore()
        try await store.send(CreateAppRequest(name: "shop"))
        for wrong in [2, UInt64.max] {
            try await store.expectRefused(
                UpdateAppRequest(app: "shop", revision: wrong, config: ["A": "1"]), .conflict, "revision: ", "\(wrong)")
            try await store.expectRefused(DeleteAppRequest(app: "shop", revision: wrong), .conflict, "revision: ")
        }
        #expect(try await store.send(UpdateAppRequest(app: "shop", revision: 1, config: ["A": "1"])).meta.revision == 2)
        try await store.expectRefused(UpdateAppRequest(app: "shop", revision: 1, config: ["A": "2"]), .conflict)
        // 0 is whatever it is.
        #expect(try await store.send(UpdateAppRequest(app: "shop", revision: 0, config: ["A": "2"])).meta.revision == 3)
        #expect(try await store.send(DeleteAppRequest(app: "shop", revision: 3)).done)
    }

    @Test func mapsHaveAHundredKeysAfterTheMerge() async throws {
        let store = try TestStore()
        let hundred = Dictionary(uniqueKeysWithValues: (0..<100).map { ("k\($0)", "v") })
        let more = hundred.merging(["more": "v"]) { $1 }
        try await store.send(CreateAppRequest(name: "shop", labels: hundred, config: hundred, annotations: hundred))
        for (field, request) in [
            ("labels", CreateAppRequest(name: "b", labels: more)),
            ("config", CreateAppRequest(name: "b", config: more)),
            ("annotations", CreateAppRequest(name: "b", annotations: more)),
        ] {
            try await store.expectRefused(request, .invalid, "\(field): 101 keys are over the limit of 100")
        }
        try await store.expectRefused(UpdateAppRequest(app: "shop", config: ["more": "v"]), .invalid, "101", "100")
        // One goes and one comes.
        let app = try await store.send(
            UpdateAppRequest(
                app: "shop", labels: ["k0": "", "more": "v"], config: ["k1": "", "more": "v"],
                annotations: ["k2": "", "more": "v"]))
        #expect(app.config.count == 100 && app.annotations.count == 100 && app.meta.labels.count == 100)
    }

    @Test func keysAndValuesHaveLimits() async throws {
        let store = try TestStore()
        func text(_ count: Int) -> String { String(repeating: "x", count: count) }
        try await store.send(
            CreateAppRequest(
                name: "edge", labels: [text(128): text(512)], config: [text(128): text(65_536 - 128)],
                annotations: [text(128): text(512)], syslogURL: "tcp://" + text(1024 - 6)))
        for request in [
            CreateAppRequest(name: "b", labels: [text(129): "v"]), CreateAppRequest(name: "b", labels: ["": "v"]),
            CreateAppRequest(name: "b", labels: ["k": text(513)]), CreateAppRequest(name: "b", labels: ["a b": "v"]),
            CreateAppRequest(name: "b", labels: ["é": "v"]), CreateAppRequest(name: "b", annotations: [text(129): "v"]),
            CreateAppRequest(name: "b", annotations: ["k": text(513)]),
            CreateAppRequest(name: "b", config: [text(129): "v"]), CreateAppRequest(name: "b", config: ["": "v"]),
            CreateAppRequest(name: "b", config: ["a": text(65_536)]), CreateAppRequest(name: "b", config: ["a=": "v"]),
            CreateAppRequest(name: "b", config: ["a\0": "v"]), CreateAppRequest(name: "b", config: ["a": "v\0"]),
            CreateAppRequest(name: "b", syslogURL: "tcp://" + text(1024 - 5)),
            CreateAppRequest(name: "b", extra: ["fnrpc.io/x": "1"]),
        ] {
            try await store.expectRefused(request, .invalid)
        }
    }

    @Test func syslogHasFiveSchemes() async throws {
        let store = try TestStore()
        try await store.send(CreateAppRequest(name: "shop"))
        for scheme in ["tcp", "udp", "unix", "unixgram", "tcp+tls"] {
            let url = scheme + (scheme.hasPrefix("unix") ? ":///x" : "://x")
            #expect(try await store.send(UpdateAppRequest(app: "shop", syslogURL: url)).syslogURL == url)
        }
        for url in [
            "http://x", "tcp:x", "tcp://", "TCP://x", "://x", "tcp://a b", "tcp://a\0", "tcp://é", "unix://x",
            "tcp://h:0",
        ] {
            try await store.expectRefused(UpdateAppRequest(app: "shop", syslogURL: url), .invalid, "syslog_url: ")
        }
    }

    @Test func requestDecidesTheAPIVersion() async throws {
        let store = try TestStore()
        let app = try await store.change(apiVersion: 2) { (transaction) throws(Failure) in
            try transaction.createApp(CreateAppRequest(name: "shop"))
        }
        #expect(app.meta.apiVersion == 2)
        // One that names none leaves it.
        #expect(try await store.send(UpdateAppRequest(app: "shop", config: ["A": "1"])).meta.apiVersion == 2)
        let moved = try await store.change(apiVersion: 1) { (transaction) throws(Failure) in
            try transaction.updateApp(UpdateAppRequest(app: "shop"))
        }
        #expect(moved.meta.apiVersion == 1 && moved.meta.revision == 3)
    }
}

/// Texts that are no names, each for a reason of its own.
let badNames = [
    "", "a\0b", "\0", "a\nb", "a\u{7}", "a\u{7F}", "a b", "a/b", "../a", ".", "a.b", "a\\b", "a:b", "a@b", "é", "ａ",
    "a*",
    "a\u{85}", "\u{202E}a", "\u{FFFD}", "%61", String(repeating: "é", count: 128),
]
