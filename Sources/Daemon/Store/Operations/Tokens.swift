package import Model

/// How many tokens there may be.
package enum TokenLimits {
    /// All of them are in the daemon's memory.
    package static let tokens = 10_000

    /// - Throws: `invalid` for no scope, and for more than a token can have.
    package static func check(scopes: [Scope]) throws(Failure) {
        guard (1...Grants.maxScopes).contains(scopes.count) else {
            throw Failure(
                .invalid,
                "scopes: \(scopes.count) are out of range; 1 to \(Grants.maxScopes) of admin, read, invoke, "
                    + "invoke:APP, invoke:APP/FUNCTION")
        }
    }
}

extension Transaction {
    /// Makes a token. The store never sees its secret.
    ///
    /// - Parameters:
    ///   - expiresAt: `nil`: never.
    ///   - hash: of the secret, 32 bytes.
    package func createToken(
        name: Name, scopes: [Scope], expiresAt: Timestamp?, hash: [UInt8], labels: [String: String] = [:],
        extra: [String: String] = [:]
    ) throws(Failure) -> Token {
        var violations = Violations()
        check(labels: labels, extra: extra, &violations)
        try violations.finish()
        try checkRoom(forTokens: tables.children(.token, of: nil).count + 1)
        let token = Token(
            meta: newMeta(labels: labels, extra: extra), name: name, scopes: scopes, expiresAt: expiresAt)
        try create(token, sealed: hash)
        return token
    }

    /// - Throws: `precondition` if there cannot be so many tokens.
    func checkRoom(forTokens count: Int) throws(Failure) {
        guard count <= TokenLimits.tokens else {
            throw Failure(
                .precondition, "there are \(TokenLimits.tokens) tokens, the limit; revoke those that nobody needs",
                quota: "tokens")
        }
    }

    /// Deletes a token, by name or id; gives it as it was.
    package func revokeToken(_ text: String) throws(Failure) -> Token {
        let row = try tables.named(text, .token)
        let token: Token = try entity(row)
        delete(row)
        return token
    }

    /// Notes when tokens were last used; neither their revision nor the time of their change, and no event. Later uses
    /// that are noted already, and tokens that are gone, are left alone.
    package func touchTokens(_ uses: [(id: Identifier, usedAt: Timestamp)]) throws(Failure) {
        for use in uses {
            guard let row = tables[use.id], row.kind == .token, isRewritable(row) else {
                continue
            }
            var token: Token = try entity(row)
            guard token.lastUsedAt.map({ $0 < use.usedAt }) ?? true else { continue }
            token.lastUsedAt = use.usedAt
            try rewrite(row, as: token)
        }
    }
}

extension Store {
    /// All tokens with their hashes, by id: for the authenticator only.
    package func allTokens() throws(Failure) -> [Credential] {
        let rows = try read { $0.children(.token, of: nil) }
        var result: [Credential] = []
        // Of a token that is newer than this daemon nobody knows here what it may do: it is refused.
        for row in rows.sorted(by: { $0.id < $1.id }) where surroundings.dialects.knows(row.apiVersion) {
            let token: Token = try surroundings.dialects.decode(row, row.body)
            result.append(
                Credential(
                    id: row.id, name: token.name, grants: Grants(token.scopes), expiresAt: token.expiresAt,
                    hash: row.sealed))
        }
        return result
    }
}
