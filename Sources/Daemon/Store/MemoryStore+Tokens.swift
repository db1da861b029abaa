import Model

extension MemoryStore {
    package func createToken(
        name: Name, scopes: [Scope], expiresAt: Timestamp?, hash: [UInt8]
    ) throws(Failure) -> Token {
        guard tokens[name] == nil else { throw Rules.tokenExists(name) }
        guard tokens.count < TokenLimits.tokens else { throw Rules.tooManyTokens() }
        let time = now()
        let token = Token(
            meta: Meta(id: Rules.newID(time), createdAt: time), name: name, scopes: scopes, expiresAt: expiresAt)
        tokens[name] = (token, hash)
        return token
    }

    package func tokens(page: PageRequest) throws(Failure) -> Page<Token> {
        let after = try Cursor.key(of: page.cursor, in: .tokens)
        let found = tokens.values.map(\.token).filter { $0.name.text > after ?? "" }.sorted { $0.name < $1.name }
        return Page(found: found, limit: try page.limit(), list: .tokens) { $0.name.text }
    }

    package func revokeToken(_ token: String) throws(Failure) -> Token {
        let name =
            switch try Reference(token, field: "token") {
            case .id(let id): tokens.first { $0.value.token.meta.id == id }?.key
            case .name(let name): name
            }
        guard let found = name.flatMap({ tokens.removeValue(forKey: $0) }) else { throw Rules.noToken(token) }
        return found.token
    }

    package func allTokens() -> [Credential] {
        tokens.values.map { Rules.credential($0.token, hash: $0.hash) }.sorted { $0.id < $1.id }
    }

    package func touchTokens(_ uses: [(id: Identifier, usedAt: Timestamp)]) {
        let names = Dictionary(uniqueKeysWithValues: tokens.map { ($0.value.token.meta.id, $0.key) })
        for (id, usedAt) in uses {
            guard let name = names[id], let known = tokens[name]?.token else { continue }
            tokens[name]?.token.lastUsedAt = max(known.lastUsedAt ?? usedAt, usedAt)
        }
    }
}
