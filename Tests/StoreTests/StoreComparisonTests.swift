import Model
import Store
import Testing

/// Random operations on both stores must give the same results. Ids are made at random, so results are compared by
/// names, numbers and times.
@Suite struct StoreComparisonTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func randomOperationsGiveTheSame(seed: UInt64) async throws {
        let scratch = try Scratch()
        // How often each looks at it does not matter.
        let clock = ManualClock(tick: 0)
        let memory = MemoryStore(now: clock.now)
        let sqlite = try SQLiteStore(path: scratch.path + "/fnrpc.db", now: clock.now)
        var random = SeededRandom(state: seed)
        for number in 1...3 {
            let package = try Sample.package(number)
            let (left, right) = (await memory.addPackage(package), try await sqlite.addPackage(package))
            #expect(left == right)
        }
        for step in 0..<520 {
            let operation = Operation(using: &random, step: step)
            clock.advance(seconds: 1)
            let left = await operation.run(memory)
            let right = await operation.run(sqlite)
            try #require(left == right, "step \(step): \(operation)")
        }
        let counts = await memory.counts()
        #expect(try await sqlite.counts() == counts)
        #expect(counts.versions > 20 && counts.calls > 20)
        try sqlite.close()
    }
}

/// One operation, and its result as text.
private struct Operation: CustomStringConvertible {
    let kind: Int
    let app: String
    let function: String
    let number: Int
    let step: Int

    init(using random: inout SeededRandom, step: Int) {
        kind = Int.random(in: 0..<13, using: &random)
        app = ["a", "b", "c", "bad/name", "absent"].randomElement(using: &random) ?? "a"
        function = ["f", "g", "h", "", "absent"].randomElement(using: &random) ?? "f"
        number = Int.random(in: 0...5, using: &random)
        self.step = step
    }

    var description: String { "\(kind) \(app)/\(function) \(number)" }

    func run(_ store: any Store) async -> String {
        do {
            return try await result(store)
        } catch let error as Failure {
            return "\(error.code): \(error.message)"
        } catch {
            return "other: \(error)"
        }
    }

    private func result(_ store: any Store) async throws -> String {
        let page = PageRequest(size: UInt32(number))
        switch kind {
        case 0: return show(try await store.createApp(name: Sample.name(app), labels: ["n": "\(number)"]))
        case 1, 2, 3:
            var deployment = try Sample.deployment(app, function, package: number)
            if step % 3 == 0 { deployment.spec.services = ["p.S\(number)", "p.T\(step % 5)"] }
            let result = try await store.deploy(deployment)
            return show(result.app) + show(result.function) + show(result.version)
                + "\(result.createdApp) \(result.createdFunction)"
        case 4: return try await store.apps(page: page).items.map(show).joined()
        case 5: return try await store.functions(app: app, page: page).items.map(show).joined()
        case 6:
            let list = try await store.versions(app: app, function: function, page: page)
            return list.items.map(show).joined() + "\(list.nextCursor.isEmpty)"
        case 7: return show(try await store.version(app: app, function: function, number: UInt32(number)))
        case 8:
            let found = try await store.function(app: app, function: function)
            let start = UInt64(step * 10)
            try await store.append((0..<5).map { Sample.call(start + $0, of: found, log: "log \($0)") })
            return show(found)
        case 10:
            return show(
                try await store.createToken(
                    name: Sample.name(app), scopes: [.read], expiresAt: number == 0 ? nil : Timestamp(nanoseconds: 9),
                    hash: Sample.hash(UInt8(number))))
        case 11: return show(try await store.revokeToken(app))
        case 12:
            let tokens = try await store.tokens(page: page)
            try await store.touchTokens(tokens.items.map { ($0.meta.id, Timestamp(nanoseconds: Int64(number))) })
            return tokens.items.map(show).joined() + "\(tokens.nextCursor.isEmpty)"
        default:
            let removed = number == 0 ? try await store.pruneCalls(keep: 30) : 0
            let calls = try await store.calls(app: app, function: function, page: page)
            var text = "\(removed)"
            for call in calls.items {
                let log = try await store.callLog(call.meta.id.description)
                text += "\(call.meta.id) \(call.status) \(call.error) \(call.version) \(log.bytes) \(log.truncated)"
                text += " \(call.traceID ?? "-")\n"
            }
            return text
        }
    }

    private func show(_ meta: Meta) -> String {
        "\(meta.revision) \(meta.createdAt) \(meta.updatedAt) \(meta.labels.sorted { $0.key < $1.key })"
    }

    private func show(_ token: Token) -> String {
        "token \(token.name) \(show(token.meta)) \(token.scopes) \(String(describing: token.expiresAt)) "
            + "\(String(describing: token.lastUsedAt))\n"
    }

    private func show(_ app: App) -> String { "app \(app.name) \(show(app.meta))\n" }

    private func show(_ function: Function) -> String {
        "function \(function.appName)/\(function.name) \(show(function.meta)) \(function.package) "
            + "\(function.latestVersion) \(function.spec.services)\n"
    }

    private func show(_ version: Version) -> String {
        "version \(version.number) \(show(version.meta)) \(version.package) \(version.packageBytes) "
            + "\(version.description) \(version.interpreter) \(version.spec.services)\n"
    }
}
