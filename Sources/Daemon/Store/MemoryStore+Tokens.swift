import Model

extension MemoryStore {
    package func createToken(
        name: Name, scopes: [Scope], expiresAt: Timestamp?, hash: [UInt8]
    ) throws(Failure) -> Token {
        guard !tokens.values.contains(where: { $0.token.name == name }) else { throw Rules.tokenExists(name) }
        guard tokens.count < TokenLimits.tokens else { throw Rules.tooManyTokens() }
        let time = now()
        let token = Token(
            meta: Meta(id: Rules.newID(time), createdAt: time), name: name, scopes: scopes, expiresAt: expiresAt)
        tokens[token.meta.id] = (token, hash)
        return token
    }

    package func tokens(page: PageRequest) throws(Failure) -> Page<Token> {
        let after = try Cursor.key(of: page.cursor, in: .tokens)
        let found = tokens.values.map(\.token).filter { $0.name.text > after ?? "" }.sorted { $0.name < $1.name }
        return Page(found: found, limit: try page.limit(), list: .tokens) { $0.name.text }
    }

    package func revokeToken(_ token: String) throws(Failure) -> Token {
        let reference = try Reference(token, field: "token")
        let found = tokens.values.first {
            switch reference {
            case .id(let id): $0.token.meta.id == id
            case .name(let name): $0.token.name == name
            }
        }
        guard let found else { throw Rules.noToken(token) }
        tokens[found.token.meta.id] = nil
        return found.token
    }

    package func allTokens() -> [Credential] {
        tokens.sorted { $0.key < $1.key }.map { Rules.credential($0.value.token, hash: $0.value.hash) }
    }

    package func touchTokens(_ uses: [(id: Identifier, usedAt: Timestamp)]) {
        for (id, usedAt) in uses {
            guard let known = tokens[id], known.token.lastUsedAt.map({ $0 < usedAt }) ?? true else { continue }
            tokens[id]?.token.lastUsedAt = usedAt
        }
    }
}
