internal import Access
internal import Calls
internal import Model
internal import Store
internal import Wire

/// `fnrpc.v1.Tokens`.
struct TokensHandler: Sendable {
    /// Nanoseconds: 1 second to 10 years of 365 days.
    static let lifetimes: ClosedRange<UInt64> = 1_000_000_000...315_360_000_000_000_000

    let store: any Store
    let authenticator: Authenticator

    func register(in list: inout MethodList) {
        list.addChange(
            "fnrpc.v1.Tokens", "Create",
            target: { [("name", $0.name), ("scopes", $0.scopes.map(\.description).joined(separator: " "))] }
        ) { (request: CreateTokenRequest, _: Caller) in try await create(request, now: .now()) }
        list.add("fnrpc.v1.Tokens", "List", .admin) { (request: ListTokensRequest, _: Caller) in
            let page = try await store.tokens(page: PageRequest(request.page))
            return ListTokensResponse(tokens: page.items, nextCursor: page.nextCursor)
        }
        list.addChange("fnrpc.v1.Tokens", "Revoke", target: { [("token", $0.token)] }) {
            (request: RevokeTokenRequest, _: Caller) in try await revoke(request)
        }
    }

    func create(_ request: CreateTokenRequest, now: Timestamp) async throws(Failure) -> CreateTokenResponse {
        let name = try Name(request.name, field: "name")
        guard (1...Grants.maxScopes).contains(request.scopes.count) else {
            throw Failure(
                .invalid,
                "scopes: \(request.scopes.count) are out of range; 1 to \(Grants.maxScopes) of admin, read, invoke, "
                    + "invoke:APP, invoke:APP/FUNCTION")
        }
        guard request.lifetimeNanos == 0 || Self.lifetimes.contains(request.lifetimeNanos) else {
            throw Failure(
                .invalid,
                "lifetime: \(request.lifetimeNanos) ns is out of range; 1 s to 10 years of 365 days, or 0: until revoked"
            )
        }
        let expiresAt =
            request.lifetimeNanos == 0
            ? nil : Timestamp(nanoseconds: now.nanoseconds + Int64(clamping: request.lifetimeNanos))
        let secret = try TokenSecret()
        let token = try await store.createToken(
            name: name, scopes: Grants(request.scopes).scopes, expiresAt: expiresAt, hash: secret.hash)
        try await authenticator.reload { () throws(Failure) in try await store.allTokens() }
        return CreateTokenResponse(token: token, secret: secret.text(id: token.meta.id))
    }

    func revoke(_ request: RevokeTokenRequest) async throws(Failure) -> Token {
        let token = try await store.revokeToken(request.token)
        authenticator.remove(token.meta.id)
        return token
    }
}

extension TokensHandler {
    init(context: AdminContext) {
        self.init(
            store: context.store, authenticator: context.authenticator)
    }
}
