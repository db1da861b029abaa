internal import Foundation
internal import GRDB
package import Model

extension SQLiteDriver {
    package func load(_ take: (Row) throws(Failure) -> Void) throws(Failure) {
        do {
            try pool.read { database in
                // In the order of lists in memory: each row goes to the end of its own.
                let sql = "SELECT * FROM entities ORDER BY kind, ifnull(parent, ''), key"
                let rows = try GRDB.Row.fetchCursor(database, sql: sql)
                while let row = try rows.next() { try take(try Self.entity(row)) }
            }
        } catch {
            throw Self.failure(error)
        }
    }

    package func lastSequence() throws(Failure) -> UInt64 {
        do {
            return try pool.read { database in
                let text = try String.fetchOne(database, sql: "SELECT value FROM meta WHERE key = 'last_sequence'")
                return text.flatMap { UInt64($0) } ?? 0
            }
        } catch {
            throw Self.failure(error)
        }
    }

    package func commit(
        _ changes: [Change], _ events: [ChangeEvent], _ calls: [any CallSource]
    ) throws(Failure) {
        do {
            try pool.writeWithoutTransaction { [contentBytes] database in
                try database.inTransaction(.immediate) {
                    for change in changes { try Self.write(change, database) }
                    for event in events { try Self.write(event, database) }
                    try Self.write(calls, database, contentBytes)
                    if let last = events.last {
                        // Apart from the events, because those are pruned.
                        try database.cachedStatement(
                            sql: "INSERT OR REPLACE INTO meta (key, value) VALUES ('last_sequence', ?)"
                        ).execute(arguments: ["\(last.sequence)"])
                    }
                    return .commit
                }
            }
        } catch {
            throw Self.failure(error)
        }
    }

    package func events(after sequence: UInt64, limit: Int) async throws(Failure) -> [ChangeEvent] {
        try await read { database in
            try GRDB.Row.fetchAll(
                database, sql: "SELECT * FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?",
                arguments: [Int64(clamping: sequence), limit]
            ).map(Self.event)
        }
    }

    package func pruneEvents(keep: Int) async throws(Failure) {
        try await write { database in
            try database.execute(
                sql: "DELETE FROM events WHERE sequence <= (SELECT max(sequence) FROM events) - ?",
                arguments: [max(keep, 0)])
        }
    }

    private static let upsert = """
        INSERT INTO entities (id, kind, parent, key, api_version, revision, created_at, updated_at, refs, claims,
            sealed, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, parent = excluded.parent, key = excluded.key,
            api_version = excluded.api_version, revision = excluded.revision, created_at = excluded.created_at,
            updated_at = excluded.updated_at, refs = excluded.refs, claims = excluded.claims,
            sealed = excluded.sealed, body = excluded.body
        """

    private static func write(_ change: Change, _ database: Database) throws {
        guard let row = change.new else {
            try database.cachedStatement(sql: "DELETE FROM entities WHERE id = ?")
                .execute(arguments: [change.row.id.description])
            return
        }
        try database.cachedStatement(sql: upsert).execute(arguments: [
            row.id.description, row.kind.rawValue, row.parent?.description, row.key, Int64(row.apiVersion),
            Int64(clamping: row.revision), row.createdAt.nanoseconds, row.updatedAt.nanoseconds,
            row.references.map(\.description).joined(separator: " "), row.claims.joined(separator: "\n"),
            Data(row.sealed), Data(row.body),
        ])
    }

    private static func write(_ event: ChangeEvent, _ database: Database) throws {
        try database.cachedStatement(sql: "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)").execute(arguments: [
            Int64(clamping: event.sequence), event.at.nanoseconds, event.action.rawValue, event.kind.rawValue,
            event.id.description, event.name, Int64(clamping: event.revision), Int64(event.apiVersion),
        ])
    }

    private static func entity(_ row: GRDB.Row) throws(Failure) -> Row {
        let parent: String? = row["parent"]
        let references: String = row["refs"]
        let claims: String = row["claims"]
        var targets: [Identifier] = []
        for text in references.split(separator: " ") { targets.append(try CallRows.id(String(text))) }
        return Row(
            kind: try kind(row), id: try CallRows.id(row["id"]), parent: try parent.map(CallRows.id), key: row["key"],
            apiVersion: UInt32(clamping: row["api_version"] as Int64),
            revision: UInt64(clamping: row["revision"] as Int64), createdAt: Timestamp(nanoseconds: row["created_at"]),
            updatedAt: Timestamp(nanoseconds: row["updated_at"]), references: targets,
            claims: claims.split(separator: "\n").map(String.init), sealed: Array(row["sealed"] as Data),
            body: Array(row["body"] as Data))
    }

    private static func event(_ row: GRDB.Row) throws(Failure) -> ChangeEvent {
        guard let action = ChangeAction(rawValue: row["action"]) else {
            throw Failure(.internalError, "the database holds the action \(quoted(row["action"])), which is unknown")
        }
        return ChangeEvent(
            sequence: UInt64(clamping: row["sequence"] as Int64), at: Timestamp(nanoseconds: row["at"]), action: action,
            kind: try kind(row), id: try CallRows.id(row["id"]), name: row["name"],
            revision: UInt64(clamping: row["revision"] as Int64),
            apiVersion: UInt32(clamping: row["api_version"] as Int64))
    }

    private static func kind(_ row: GRDB.Row) throws(Failure) -> EntityKind {
        guard let kind = EntityKind(rawValue: row["kind"]) else {
            throw Failure(.internalError, "the database holds the kind \(quoted(row["kind"])), which is unknown")
        }
        return kind
    }
}
