import Foundation
import GRDB
import Model

extension SQLiteStore {
    package func createToken(
        name: Name, scopes: [Scope], expiresAt: Timestamp?, hash: [UInt8]
    ) async throws(Failure) -> Token {
        let time = now()
        let token = Token(
            meta: Meta(id: Rules.newID(time), createdAt: time), name: name, scopes: scopes, expiresAt: expiresAt)
        return try await write { database in
            guard try Self.token(.name(name), database) == nil else { throw Rules.tokenExists(name) }
            let count = try Int.fetchOne(database, sql: "SELECT count(*) FROM tokens") ?? 0
            guard count < TokenLimits.tokens else { throw Rules.tooManyTokens() }
            try Rows.insert(
                "tokens", token.meta,
                [
                    "name": name.text, "hash": Data(hash), "scopes": try StoredText.encode(scopes),
                    "expires_at": expiresAt?.nanoseconds,
                ], database)
            return token
        }
    }

    package func tokens(page: PageRequest) async throws(Failure) -> Page<Token> {
        let limit = try page.limit()
        let after = try Cursor.key(of: page.cursor, in: .tokens) ?? ""
        return try await read { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT * FROM tokens WHERE name > ? ORDER BY name LIMIT ?",
                arguments: [after, limit + 1])
            return Page(found: try rows.map(Rows.token), limit: limit, list: .tokens) { $0.name.text }
        }
    }

    package func revokeToken(_ token: String) async throws(Failure) -> Token {
        let reference = try Reference(token, field: "token")
        return try await write { database in
            guard let found = try Self.token(reference, database) else { throw Rules.noToken(token) }
            try database.execute(sql: "DELETE FROM tokens WHERE id = ?", arguments: [found.meta.id.description])
            return found
        }
    }

    package func allTokens() async throws(Failure) -> [Credential] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM tokens ORDER BY id").map { row in
                Rules.credential(try Rows.token(row), hash: Array(row["hash"] as Data))
            }
        }
    }

    package func touchTokens(_ uses: [(id: Identifier, usedAt: Timestamp)]) async throws(Failure) {
        if uses.isEmpty { return }
        try await write { database in
            for (id, usedAt) in uses {
                try database.cachedStatement(
                    sql: "UPDATE tokens SET last_used_at = max(ifnull(last_used_at, ?1), ?1) WHERE id = ?2"
                ).execute(arguments: [usedAt.nanoseconds, id.description])
            }
        }
    }

    private static func token(_ reference: Reference, _ database: Database) throws -> Token? {
        let (column, value) = reference.match
        return try Row.fetchOne(database, sql: "SELECT * FROM tokens WHERE \(column) = ?", arguments: [value])
            .map(Rows.token)
    }
}
