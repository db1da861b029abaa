import Access
import Foundation
import Model
import Store
import Testing
import Wire

@testable import Admin

@Suite struct TokensHandlerTests {
    private let now = Timestamp(nanoseconds: 1_700_000_000_000_000_000)
    private var context: ChangeContext { ChangeContext(now: now) }

    private func handler(_ store: Store? = nil) throws -> TokensHandler {
        TokensHandler(store: try store ?? Store(MemoryDriver()), authenticator: Authenticator())
    }

    private func refusal(_ request: CreateTokenRequest) async -> Failure? {
        await #expect(throws: Failure.self) { try await handler().create(request, context) }
    }

    @Test func aTokenWorksUntilItIsRevoked() async throws {
        let handler = try handler()
        let request = CreateTokenRequest(name: "ci", scopes: [.read, .invoke, .read], lifetimeNanos: 5_000_000_000)
        let made = try await handler.create(request, context)
        #expect(made.token.name.text == "ci" && made.token.scopes == [.invoke, .read])
        #expect(made.token.expiresAt?.nanoseconds == now.nanoseconds + 5_000_000_000)
        let principal = try handler.authenticator.principal(made.secret, now: now).get()
        #expect(principal.kind == .token(id: made.token.meta.id, name: "ci"))
        #expect(principal.grants == Grants([.read, .invoke]) && principal.expiresAt == made.token.expiresAt)
        let later = Timestamp(nanoseconds: now.nanoseconds + 5_000_000_000)
        #expect(failure(handler.authenticator.principal(made.secret, now: later))?.message.contains("expired") == true)

        #expect(try await handler.revoke(RevokeTokenRequest(token: "ci"), context) == made.token)
        #expect(failure(handler.authenticator.principal(made.secret, now: now))?.message.contains("not valid") == true)
        let again = await #expect(throws: Failure.self) {
            try await handler.revoke(RevokeTokenRequest(token: "ci"), context)
        }
        #expect(again?.code == .notFound)
        let forever = try await handler.create(CreateTokenRequest(name: "ci", scopes: [.admin]), context)
        #expect(forever.token.expiresAt == nil && forever.secret != made.secret)
        #expect(failure(handler.authenticator.principal(forever.secret, now: now)) == nil)
        #expect(failure(handler.authenticator.principal(made.secret, now: now)) != nil)
    }

    @Test func badRequestsAreRefused() async {
        let many = (0..<65).map { _ in Scope.read }
        let cases: [(CreateTokenRequest, String)] = [
            (CreateTokenRequest(name: "", scopes: [.read]), "name: the name is empty"),
            (CreateTokenRequest(name: "a b", scopes: [.read]), "name: \"a b\" is not a name"),
            (
                CreateTokenRequest(name: String(repeating: "a", count: 256), scopes: [.read]),
                "name: the name has 256 bytes"
            ),
            (CreateTokenRequest(name: "ci"), "scopes: 0 are out of range; 1 to 64"),
            (CreateTokenRequest(name: "ci", scopes: many), "scopes: 65 are out of range"),
            (
                CreateTokenRequest(name: "ci", scopes: [.read], lifetimeNanos: 999_999_999),
                "lifetime: 999999999 ns is out"
            ),
            (CreateTokenRequest(name: "ci", scopes: [.read], lifetimeNanos: 315_360_000_000_000_001), "lifetime: "),
            (CreateTokenRequest(name: "ci", scopes: [.read], lifetimeNanos: .max), "1 s to 10 years"),
        ]
        for (request, message) in cases {
            let failure = await refusal(request)
            #expect(
                failure?.code == .invalid && failure?.message.contains(message) == true, "\(failure?.message ?? "")")
        }
    }

    @Test func onlyTheHashReachesTheDisk() async throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let store = try Store(SQLiteDriver(path: path))
        let made = try await handler(store).create(CreateTokenRequest(name: "ci", scopes: [.read]), context)
        let hex = String(made.secret.suffix(64))
        let secret = stride(from: 0, to: 64, by: 2).compactMap { UInt8(hex.dropFirst($0).prefix(2), radix: 16) }
        #expect(secret.count == 32)
        let hash = try #require(try store.allTokens().first).hash
        var files: [UInt8] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: scratch.path) {
            files += try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/" + name))
        }
        let data = Data(files)
        #expect(data.range(of: Data(hash)) != nil, "the search finds what is there")
        for trace in [Data(secret), Data(hex.utf8), Data(hex.prefix(16).utf8), Data(secret.prefix(8))] {
            #expect(data.range(of: trace) == nil)
        }
        try store.close()
        // After a restart the hash is enough.
        let reopened = try Store(SQLiteDriver(path: path))
        let authenticator = Authenticator(try reopened.allTokens())
        #expect(try authenticator.principal(made.secret, now: now).get().description == "token ci")
        let uses = authenticator.takeUses()
        try await reopened.change { (transaction) throws(Failure) in try transaction.touchTokens(uses) }
        let token: Token = try reopened.entity { (tables) throws(Failure) in try tables.named("ci", .token) }
        #expect(token.lastUsedAt == now && token.meta.revision == made.token.meta.revision)
        try reopened.close()
    }
}
