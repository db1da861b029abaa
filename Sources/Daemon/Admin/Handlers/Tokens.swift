internal import Access
internal import Calls
internal import Model
internal import Store
internal import Wire

/// `fnrpc.v1.Tokens`.
struct TokensHandler: Sendable {
    /// Nanoseconds: 1 second to 10 years of 365 days.
    static let lifetimes: ClosedRange<UInt64> = 1_000_000_000...315_360_000_000_000_000

    let store: Store
    let authenticator: Authenticator

    func register(in list: inout MethodList) {
        list.addChange(
            "fnrpc.v1.Tokens", "Create",
            target: { [("name", $0.name), ("scopes", $0.scopes.map(\.description).joined(separator: " "))] }
        ) { (request: CreateTokenRequest, caller: Caller) in try await create(request, ChangeContext(caller)) }
        list.addGet("fnrpc.v1.Tokens", .admin) { (request: GetTokenRequest, tables) throws(Failure) in
            try tables.named(request.token, .token)
        }
        list.addList("fnrpc.v1.Tokens", .admin) { (request: ListTokensRequest) throws(Failure) in
            try store.list(.token, ListRequest(request.page, request.filter))
        }
        list.addChange("fnrpc.v1.Tokens", "Revoke", target: { [("token", $0.token)] }) {
            (request: RevokeTokenRequest, caller: Caller) in try await revoke(request, ChangeContext(caller))
        }
    }

    func create(_ request: CreateTokenRequest, _ context: ChangeContext) async throws(Failure) -> CreateTokenResponse {
        let name = try Name(request.name, field: "name")
        try TokenLimits.check(scopes: request.scopes)
        guard request.lifetimeNanos == 0 || Self.lifetimes.contains(request.lifetimeNanos) else {
            throw Failure(
                .invalid,
                "lifetime: \(request.lifetimeNanos) ns is out of range; 1 s to 10 years of 365 days, or 0: until revoked"
            )
        }
        let expiresAt =
            request.lifetimeNanos == 0
            ? nil : Timestamp(nanoseconds: context.now.nanoseconds + Int64(clamping: request.lifetimeNanos))
        let secret = try TokenSecret()
        let hash = secret.hash
        let token = try await store.change(context) { (transaction) throws(Failure) in
            try transaction.createToken(
                name: name, scopes: Grants(request.scopes).scopes, expiresAt: expiresAt, hash: hash,
                labels: request.labels, extra: request.extra)
        }
        try await authenticator.reload { () throws(Failure) in try store.allTokens() }
        return CreateTokenResponse(token: token, secret: secret.text(id: token.meta.id))
    }

    func revoke(_ request: RevokeTokenRequest, _ context: ChangeContext) async throws(Failure) -> Token {
        let token = try await store.change(context) { (transaction) throws(Failure) in
            try transaction.revokeToken(request.token)
        }
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
