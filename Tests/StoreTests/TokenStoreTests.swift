import Model
import Store
import Testing

@Suite struct TokenStoreTests {
    private let scopes: [Scope] = [.admin, .read]

    @Test(arguments: Implementation.allCases)
    func tokensAreMadeListedAndRevoked(_ implementation: Implementation) async throws {
        try await implementation.with { store in
            let shop = Scope.invokeFunction(app: try Sample.name("shop"), function: try Sample.name("hello"))
            let end = Timestamp(nanoseconds: 5)
            let first = try await store.createToken(
                name: Sample.name("b"), scopes: [.invoke, shop], expiresAt: end, hash: Sample.hash(1))
            let second = try await store.createToken(
                name: Sample.name("a"), scopes: scopes, expiresAt: nil, hash: Sample.hash(2))
            #expect(first.scopes == [.invoke, shop] && first.expiresAt == end && first.lastUsedAt == nil)
            #expect(first.meta.revision == 1 && first.meta.id != second.meta.id)
            #expect(try await store.tokens(page: PageRequest()).items == [second, first])
            let credentials = try await store.allTokens()
            #expect(credentials.map(\.id) == [first.meta.id, second.meta.id])
            #expect(credentials.map(\.hash) == [Sample.hash(1), Sample.hash(2)])
            #expect(credentials.map(\.grants) == [Grants([.invoke, shop]), Grants(scopes)])
            #expect(credentials.map(\.expiresAt) == [end, nil])

            let again = await failure {
                try await store.createToken(
                    name: Sample.name("a"), scopes: scopes, expiresAt: nil, hash: Sample.hash(3))
            }
            #expect(again.code == .exists && again.message.hasPrefix("token \"a\" exists; revoke it first"))
            #expect(try await store.revokeToken("a") == second)
            #expect(try await store.revokeToken(first.meta.id.description) == first)
            let gone = await failure { try await store.revokeToken("a") }
            #expect(gone.code == .notFound && gone.message.hasPrefix("token \"a\" was not found"))
            #expect(await failure { try await store.revokeToken("a/b") }.code == .invalid)
            #expect(try await store.allTokens().isEmpty)
            // The name is free again.
            let third = try await store.createToken(
                name: Sample.name("a"), scopes: scopes, expiresAt: nil, hash: Sample.hash(3))
            #expect(third.meta.id != second.meta.id)
        }
    }

    @Test(arguments: Implementation.allCases)
    func pagesMakeTheWholeList(_ implementation: Implementation) async throws {
        try await implementation.with { store in
            for number: UInt8 in 0..<5 {
                _ = try await store.createToken(
                    name: Sample.name("t\(number)"), scopes: scopes, expiresAt: nil, hash: Sample.hash(number))
            }
            var names: [String] = []
            var page = PageRequest(size: 2)
            repeat {
                let part = try await store.tokens(page: page)
                names += part.items.map(\.name.text)
                page.cursor = part.nextCursor
            } while !page.cursor.isEmpty
            #expect(names == (0..<5).map { "t\($0)" })
            let foreign = try await store.tokens(page: PageRequest(size: 2)).nextCursor
            #expect(await failure { try await store.apps(page: PageRequest(cursor: foreign)) }.code == .invalid)
        }
    }

    @Test(arguments: Implementation.allCases)
    func usesAreNotedAndNeverGoBack(_ implementation: Implementation) async throws {
        try await implementation.with { store in
            let token = try await store.createToken(
                name: Sample.name("ci"), scopes: scopes, expiresAt: nil, hash: Sample.hash(1))
            let times = [10, 30, 20].map { Timestamp(nanoseconds: $0) }
            for time in times { try await store.touchTokens([(token.meta.id, time), (Sample.id(1), time)]) }
            try await store.touchTokens([])
            var used = token
            used.lastUsedAt = Timestamp(nanoseconds: 30)
            #expect(try await store.tokens(page: PageRequest()).items == [used])
        }
    }

    @Test(arguments: Implementation.allCases)
    func ofParallelClaimsOfANameOneWins(_ implementation: Implementation) async throws {
        try await implementation.with { store in
            let name = try Sample.name("ci")
            let results = await withTaskGroup(of: Failure?.self) { group in
                for number: UInt8 in 0..<20 {
                    group.addTask {
                        do throws(Failure) {
                            _ = try await store.createToken(
                                name: name, scopes: [.admin], expiresAt: nil, hash: Sample.hash(number))
                            return nil
                        } catch { return error }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results.count { $0 == nil } == 1 && results.count { $0?.code == .exists } == 19)
            #expect(try await store.allTokens().count == 1)
        }
    }

    @Test func thereIsAnEndInMemory() async throws {
        let store = MemoryStore()
        for number in 0..<TokenLimits.tokens {
            _ = try await store.createToken(
                name: Sample.name("t\(number)"), scopes: scopes, expiresAt: nil, hash: Sample.hash(1))
        }
        try await isFull(store)
    }

    @Test func thereIsAnEndOnDisk() async throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let store = try SQLiteStore(path: path)
        _ = try Python.sql(
            path,
            """
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < \(TokenLimits.tokens - 1))
            INSERT INTO tokens SELECT printf('%026d', i), 0, 1, 0, 0, '{}', '{}', 't' || i, zeroblob(32), '["read"]',
                NULL, NULL FROM n
            """)
        try await isFull(store)
        #expect(try await store.allTokens().count == TokenLimits.tokens)
        try store.close()
    }

    private func isFull(_ store: any Store) async throws {
        let full = await failure {
            try await store.createToken(
                name: Sample.name("more"), scopes: scopes, expiresAt: nil, hash: Sample.hash(1))
        }
        #expect(full.code == .precondition && full.message.hasPrefix("there are 10000 tokens, the limit"))
        _ = try await store.revokeToken("t7")
        _ = try await store.createToken(
            name: Sample.name("more"), scopes: scopes, expiresAt: nil, hash: Sample.hash(1))
    }
}
