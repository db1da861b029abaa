internal import Foundation
internal import GRDB
package import Model

extension SQLiteDriver {
    /// What one transaction removes at most: entities are written between two of them.
    private static let pieceRows = 2000

    @discardableResult
    package func pruneCalls(_ retention: CallRetention, now: Timestamp) async throws(Failure) -> PrunedCalls {
        var pruned = PrunedCalls()
        let calls = try await bound("calls", "id", keep: retention.calls, nanos: retention.callNanos, now)
        while let calls {
            let removed = try await removeCalls(below: calls)
            pruned.calls += removed
            if removed < Self.pieceRows { break }
        }
        let logs = try await bound("call_contents", "call_id", keep: retention.logs, nanos: retention.logNanos, now)
        while true {
            let removed = try await removeContents(below: logs, retention.logBytes)
            pruned.contents += removed
            if removed < Self.pieceRows { break }
        }
        _ = try await write { database in
            try database.execute(
                sql: """
                    DELETE FROM call_specs
                    WHERE last_call < ifnull((SELECT id FROM calls ORDER BY id LIMIT 1), '~')
                    """)
        }
        return pruned
    }

    /// The lowest id that stays; `nil`: all do.
    private func bound(
        _ table: String, _ column: String, keep: Int, nanos: UInt64, _ now: Timestamp
    ) async throws(Failure) -> String? {
        let oldest = Identifier.oldest(nanos: nanos, now: now)?.description
        let overflow = try await read { database in
            try String.fetchOne(
                database, sql: "SELECT \(column) FROM \(table) ORDER BY \(column) DESC LIMIT 1 OFFSET ?",
                arguments: [max(keep, 0)])
        }
        // The newest one that is too many goes, and all below it.
        return [oldest, overflow.map { $0 + "~" }].compactMap { $0 }.max()
    }

    private func removeCalls(below bound: String) async throws(Failure) -> Int {
        try await write { [contentBytes] database in
            let last = try String.fetchOne(
                database, sql: "SELECT max(id) FROM (SELECT id FROM calls WHERE id < ? ORDER BY id LIMIT ?)",
                arguments: [bound, Self.pieceRows])
            guard let last else { return 0 }
            return try contentBytes.changing(database) { total in
                total -= try Self.contentBytes(database, upTo: last)
                try database.execute(sql: "DELETE FROM calls WHERE id <= ?", arguments: [last])
                return database.changesCount
            }
        }
    }

    /// Removes what is too old, and then what is too much.
    private func removeContents(below bound: String?, _ maxBytes: UInt64) async throws(Failure) -> Int {
        try await write { [contentBytes] database in
            try contentBytes.changing(database) { total in
                let tooOld = try bound.flatMap { bound in
                    try String.fetchOne(
                        database,
                        sql: """
                            SELECT max(call_id)
                            FROM (SELECT call_id FROM call_contents WHERE call_id < ? ORDER BY call_id LIMIT ?)
                            """, arguments: [bound, Self.pieceRows])
                }
                var removed = 0
                if let tooOld {
                    total -= try Self.contentBytes(database, upTo: tooOld)
                    try database.execute(sql: "DELETE FROM call_contents WHERE call_id <= ?", arguments: [tooOld])
                    removed = database.changesCount
                }
                return try removed + Self.removeContents(database, &total, downTo: maxBytes)
            }
        }
    }

    private static func contentBytes(_ database: Database, upTo last: String) throws -> UInt64 {
        let bytes = try Int64.fetchOne(
            database, sql: "SELECT sum(bytes) FROM call_contents WHERE call_id <= ?", arguments: [last])
        return UInt64(clamping: bytes ?? 0)
    }

    /// Removes the oldest contents until no more than so many bytes are left, at most ``pieceRows``.
    ///
    /// - Parameter total: bytes of all contents.
    /// - Returns: how many calls lost theirs.
    @discardableResult
    static func removeContents(_ database: Database, _ total: inout UInt64, downTo bytes: UInt64) throws -> Int {
        guard total > bytes else { return 0 }
        var last: String?
        var left = total
        let rows = try GRDB.Row.fetchCursor(
            database, sql: "SELECT call_id, bytes FROM call_contents ORDER BY call_id LIMIT ?", arguments: [pieceRows])
        while left > bytes, let row = try rows.next() {
            last = row["call_id"]
            left -= min(UInt64(clamping: row["bytes"] as Int64), left)
        }
        guard let last else { return 0 }
        try database.execute(sql: "DELETE FROM call_contents WHERE call_id <= ?", arguments: [last])
        total = left
        return database.changesCount
    }
}

/// Bytes of all logs and payloads, as the database has them; read once, then counted along. Used on the writer only.
final class ContentBytes: Sendable {
    /// `nil`: to be read.
    private let known = Lock<UInt64?>(nil)

    /// Changes contents in the transaction that is open.
    ///
    /// - Parameter body: is given the bytes, and changes them as it changes the contents.
    func changing<R>(_ database: Database, _ body: (inout UInt64) throws -> R) throws -> R {
        let before = known.withLock { $0 }
        // Until it is known that the transaction is committed; if it is not, they are read again.
        known.withLock { $0 = nil }
        var total = try before ?? Self.read(database)
        let result = try body(&total)
        let after = total
        database.afterNextTransaction { [known] _ in known.withLock { $0 = after } }
        return result
    }

    /// Changes contents in a transaction of its own.
    func transaction(_ database: Database, _ body: (inout UInt64) throws -> Void) throws {
        try database.inTransaction(.immediate) {
            _ = try changing(database) { total in try body(&total) }
            return .commit
        }
    }

    private static func read(_ database: Database) throws -> UInt64 {
        UInt64(clamping: try Int64.fetchOne(database, sql: "SELECT sum(bytes) FROM call_contents") ?? 0)
    }
}
