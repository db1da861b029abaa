import Model
import Testing
import Wire

@testable import Store

/// What an entity's fields may have together is below ``Row/maxBytes``, and so in one frame.
@Suite struct RowSizeTests {
    private static let labels = notes(FunctionSpec.Limits.annotationBytes)
    private static let extra = ["k": "\"" + String(repeating: "x", count: Extra.maxBytes - 3) + "\""]
    private static let description = String(repeating: "é", count: 255)

    private static func notes(_ bytes: Int) -> [String: String] {
        var notes: [String: String] = [:]
        for number in 100..<100 + FunctionSpec.Limits.keys {
            notes["\(number)" + String(repeating: "k", count: FunctionSpec.Limits.keyBytes - 3)] =
                String(repeating: "v", count: bytes)
        }
        return notes
    }

    private static func name(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "n", count: Name.maxBytes - digits.utf8.count) + digits
    }

    private static func words(_ bytes: Int) -> [String] {
        Array(repeating: String(repeating: "w", count: bytes), count: FunctionSpec.Limits.words)
    }

    /// A spec whose every field is as large as it may be.
    private static func spec(_ runtime: String) throws -> FunctionSpec {
        typealias Limits = FunctionSpec.Limits
        var spec = FunctionSpec(
            runtime: try #require(FunctionSpec.Runtime(rawValue: runtime)),
            entry: String(repeating: "e", count: Limits.wordBytes), format: .ttrpc)
        spec.entrypoint = words(Limits.wordBytes)
        spec.config = notes((Limits.configBytes - Limits.keys * Limits.keyBytes) / Limits.keys)
        spec.annotations = labels
        spec.services = (100..<100 + Limits.services).map {
            "\($0)" + String(repeating: "s", count: Limits.serviceBytes - 3)
        }
        spec.descriptorSet = String(repeating: "d", count: Limits.wordBytes)
        for number in 100..<100 + Limits.headerNames {
            spec.headers["X-\(number)"] = [String(repeating: "h", count: Limits.headerBytes / Limits.headerNames - 5)]
        }
        return spec
    }

    /// A store with one entity of each kind, as large as requests can make it.
    private func furnished() async throws -> TestStore {
        let test = try TestStore()
        try await test.furnish()
        let (app, function) = (Self.name(1), Self.name(2))
        try await test.change { tx throws(Failure) in
            _ = try tx.createApp(
                CreateAppRequest(
                    name: app, labels: Self.labels, config: Self.notes(500), annotations: Self.labels, extra: Self.extra
                ))
            // Every place is filled with an entry of 4 KiB.
            var command = Self.words(FunctionSpec.Limits.wordBytes)
            for index in 1..<command.count { command[index] = "{entry}" + command[index].dropFirst(7) }
            _ = try tx.createRuntime(
                CreateRuntimeRequest(
                    name: Self.name(3), description: String(Self.description.prefix(127)), command: command,
                    labels: Self.labels, extra: Self.extra))
            let request = CreateSecretRequest(
                app: app, name: Self.name(4), value: [UInt8](repeating: 1, count: 65_536),
                description: String(Self.description.prefix(127)), labels: Self.labels, extra: Self.extra)
            _ = try tx.createSecret(request)
            _ = try tx.createToken(
                name: try Name(Self.name(5), field: "name"),
                scopes: Array(
                    repeating: try Scope("invoke:\(app)/\(function)", field: "scopes"), count: Grants.maxScopes),
                expiresAt: nil, hash: Sample.hash(1), labels: Self.labels, extra: Self.extra)
        }
        let spec = try Self.spec(Self.name(3))
        try await test.change { tx throws(Failure) in
            var request = try Sample.deployment(app, function, spec: spec)
            request.labels = Self.labels
            request.extra = Self.extra
            _ = try tx.deploy(request)
            _ = try tx.publishVersion(
                PublishVersionRequest(app: app, function: function, labels: Self.labels, extra: Self.extra))
            _ = try tx.createAlias(
                CreateAliasRequest(
                    app: app, function: function, name: Self.name(6), version: 1, stickyKey: "k",
                    labels: Self.labels, extra: Self.extra))
            for number in 0..<2 * Alias.maxHistory {
                _ = try tx.updateAlias(
                    UpdateAliasRequest(
                        app: app, function: function, alias: Self.name(6), version: UInt32(1 + number % 2)))
            }
            _ = try tx.createTrigger(
                CreateTriggerRequest(
                    app: app, name: Self.name(7), source: "/" + String(repeating: "p", count: 200), function: function,
                    labels: Self.labels, extra: Self.extra))
        }
        return test
    }

    @Test func theLargestOfEachKindFits() async throws {
        let rows = try await furnished().rows()
        for kind in EntityKind.allCases where kind != .package {
            let largest = rows.filter { $0.kind == kind }.map(\.body.count).max() ?? 0
            #expect(largest > 60_000 && largest <= Row.maxBytes, "\(kind): \(largest) bytes")
        }
        // A route is a trigger and a function; an event of an extension has an entity before and after.
        #expect(2 * Row.maxBytes + (64 << 10) < FrameHeader.maxLength)
        #expect(PageRequest.maxBytes + (64 << 10) < FrameHeader.maxLength)
    }

    @Test func theLimitIsExact() async throws {
        let test = try TestStore()
        @Sendable func app(_ name: String, _ padding: Int, _ tx: Transaction) throws(Failure) -> App {
            App(
                meta: tx.newMeta(labels: [:], extra: [:]), name: try Name(name, field: "name"),
                annotations: ["k": String(repeating: "v", count: padding)])
        }
        let around = Row.maxBytes - 200
        let empty = try await test.change { tx throws(Failure) in
            try tx.create(try app("one", around, tx))
            return try tx.tables.named("one", .app).body.count - around
        }
        let most = Row.maxBytes - empty
        try await test.change { tx throws(Failure) in try tx.create(try app("two", most, tx)) }
        let row = try test.store.read { (tables) throws(Failure) in try tables.named("two", .app) }
        #expect(row.body.count == Row.maxBytes)
        let refusal = await failure {
            try await test.change { tx throws(Failure) in try tx.create(try app("two2", most, tx)) }
        }
        #expect(refusal.code == .invalid)
        #expect(
            refusal.message
                == "app \"two2\": its message has \(Row.maxBytes + 1) bytes; at most \(Row.maxBytes) are allowed")
        let page = try test.store.list(.app, ListRequest())
        #expect(page.items.count == 2)
    }
}
