// Generated from proto/fnrpc/v1/tokens.proto by scripts/swift-messages.
package import CWire
package import Model

/// Makes a bearer token.
package struct CreateTokenRequest: WireMessage {
    /// 1 to 255 letters, digits, - and _
    package var name: String
    /// admin, read, invoke, invoke:APP, invoke:APP/FUNCTION
    package var scopes: [Scope]
    /// 0 or absent: until revoked.
    package var lifetimeNanos: UInt64
    package var labels: [String: String]
    package var extra: [String: String]

    package init(
        name: String = "", scopes: [Scope] = [], lifetimeNanos: UInt64 = 0, labels: [String: String] = [:],
        extra: [String: String] = [:]
    ) {
        self.name = name
        self.scopes = scopes
        self.lifetimeNanos = lifetimeNanos
        self.labels = labels
        self.extra = extra
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CreateTokenRequest>) {
        fnrpc__v1__create_token_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CreateTokenRequest) throws(Failure) {
        self.init(
            name: text(raw.name), scopes: try Wire.scopes(raw.scopes, raw.n_scopes, "scopes"),
            lifetimeNanos: raw.lifetime_nanos, labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            extra: try dictionary(raw.extra, raw.n_extra, "extra"))
    }

    package func write(to raw: inout Fnrpc__V1__CreateTokenRequest, _ builder: Builder) {
        raw.name = builder.string(name)
        raw.n_scopes = scopes.count
        raw.scopes = builder.strings(scopes.map(\.description))
        raw.has_lifetime_nanos = lifetimeNanos == 0 ? 0 : 1
        raw.lifetime_nanos = lifetimeNanos
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
    }
}

/// A new token. Its secret is never told again.
package struct CreateTokenResponse: WireMessage {
    package var token: Token
    /// What the caller sends; shown once, never again.
    package var secret: String

    package init(token: Token, secret: String = "") {
        self.token = token
        self.secret = secret
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CreateTokenResponse>) {
        fnrpc__v1__create_token_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CreateTokenResponse) throws(Failure) {
        self.init(token: try required(raw.token, "token"), secret: text(raw.secret))
    }

    package func write(to raw: inout Fnrpc__V1__CreateTokenResponse, _ builder: Builder) {
        raw.token = builder.message(token)
        raw.secret = builder.string(secret)
    }
}

/// The request of Tokens/Get.
package struct GetTokenRequest: WireMessage {
    package var token: String

    package init(token: String = "") {
        self.token = token
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetTokenRequest>) {
        fnrpc__v1__get_token_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetTokenRequest) throws(Failure) {
        self.init(token: text(raw.token))
    }

    package func write(to raw: inout Fnrpc__V1__GetTokenRequest, _ builder: Builder) {
        raw.token = builder.string(token)
    }
}

/// Lists tokens by name.
package struct ListTokensRequest: WireMessage {
    package var page: Page
    package var filter: String

    package init(page: Page = Page(), filter: String = "") {
        self.page = page
        self.filter = filter
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListTokensRequest>) {
        fnrpc__v1__list_tokens_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListTokensRequest) throws(Failure) {
        self.init(page: try optional(raw.page) ?? Page(), filter: text(raw.filter))
    }

    package func write(to raw: inout Fnrpc__V1__ListTokensRequest, _ builder: Builder) {
        raw.page = builder.message(page)
        raw.filter = builder.string(filter)
    }
}

/// A page of tokens.
package struct ListTokensResponse: WireMessage {
    package var tokens: [Token]
    /// Empty at the end.
    package var nextCursor: String

    package init(tokens: [Token] = [], nextCursor: String = "") {
        self.tokens = tokens
        self.nextCursor = nextCursor
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListTokensResponse>) {
        fnrpc__v1__list_tokens_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListTokensResponse) throws(Failure) {
        self.init(tokens: try list(raw.tokens, raw.n_tokens), nextCursor: text(raw.next_cursor))
    }

    package func write(to raw: inout Fnrpc__V1__ListTokensResponse, _ builder: Builder) {
        raw.n_tokens = tokens.count
        raw.tokens = builder.messages(tokens)
        raw.next_cursor = builder.string(nextCursor)
    }
}

/// Makes a token invalid at once; the answer is the token as it was.
package struct RevokeTokenRequest: WireMessage {
    /// Name or id.
    package var token: String

    package init(token: String = "") {
        self.token = token
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__RevokeTokenRequest>) {
        fnrpc__v1__revoke_token_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__RevokeTokenRequest) throws(Failure) {
        self.init(token: text(raw.token))
    }

    package func write(to raw: inout Fnrpc__V1__RevokeTokenRequest, _ builder: Builder) {
        raw.token = builder.string(token)
    }
}
