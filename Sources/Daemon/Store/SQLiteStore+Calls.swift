import Foundation
import GRDB
import Model

extension SQLiteStore {
    package func append(_ calls: [CallRecord]) async throws(Failure) {
        if calls.isEmpty { return }
        do {
            try await pool.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA synchronous = NORMAL")
                defer { try? database.execute(sql: "PRAGMA synchronous = FULL") }
                try database.inTransaction(.immediate) {
                    for call in calls { try Self.insert(call, database) }
                    return .commit
                }
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
            throw Rules.callExists()
        } catch {
            throw Self.failure(error)
        }
    }

    package func calls(
        app: String, function: String, page: PageRequest
    ) async throws(Failure) -> Page<CallRecord> {
        try await read { database in
            var (column, scope): (String, Identifier?) = ("", nil)
            if !function.isEmpty {
                (column, scope) = ("function_id = ? AND", try Self.function(app, function, database).meta.id)
            } else if !app.isEmpty {
                (column, scope) = ("app_id = ? AND", try Self.app(app, database).meta.id)
            }
            let list = Cursor.List.calls(scope: scope)
            let limit = try page.limit()
            // After every id, by its text.
            let before = try Cursor.key(of: page.cursor, in: list) ?? "~"
            let rows = try Row.fetchAll(
                database, sql: "SELECT * FROM calls WHERE \(column) id < ? ORDER BY id DESC LIMIT ?",
                arguments: StatementArguments(scope.map { [$0.description] } ?? []) + [before, limit + 1])
            return Page(found: try rows.map(Rows.call), limit: limit, list: list) { $0.meta.id.description }
        }
    }

    package func call(_ id: String) async throws(Failure) -> CallRecord {
        let id = try Rules.callID(id)
        return try await read { database in
            guard
                let row = try Row.fetchOne(
                    database, sql: "SELECT * FROM calls WHERE id = ?", arguments: [id.description])
            else { throw Rules.noCall(id) }
            return try Rows.call(row)
        }
    }

    package func callLog(_ id: String) async throws(Failure) -> CallLog {
        let id = try Rules.callID(id)
        return try await read { database in
            guard
                let row = try Row.fetchOne(
                    database,
                    sql: "SELECT log, log_truncated FROM calls LEFT JOIN call_logs ON call_id = id WHERE id = ?",
                    arguments: [id.description])
            else { throw Rules.noCall(id) }
            return CallLog(bytes: (row["log"] as Data?).map { Array($0) } ?? [], truncated: row["log_truncated"])
        }
    }

    @discardableResult
    package func pruneCalls(keep: Int) async throws(Failure) -> Int {
        try await write { database in
            let limit = max(keep, 0)
            guard
                let newest = try String.fetchOne(
                    database, sql: "SELECT id FROM calls ORDER BY id DESC LIMIT 1 OFFSET ?", arguments: [limit])
            else { return 0 }
            try database.execute(sql: "DELETE FROM calls WHERE id <= ?", arguments: [newest])
            return database.changesCount
        }
    }

    /// Written by hand and in one piece: records come by the ten thousand a second.
    private static let insertCall = """
        INSERT INTO calls (id, api_version, revision, created_at, updated_at, labels, extra, app_id, app_name,
            function_id, function_name, version, status, error, started_at, completed_at, wait_nanos, cold_start_nanos,
            run_nanos, container, log_truncated, trace_id)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """

    private static func insert(_ call: CallRecord, _ database: Database) throws {
        let id = call.meta.id.description
        try database.cachedStatement(sql: insertCall).execute(arguments: [
            id, Int64(call.meta.apiVersion), Int64(clamping: call.meta.revision), call.meta.createdAt.nanoseconds,
            call.meta.updatedAt.nanoseconds, try StoredText.encode(call.meta.labels),
            try StoredText.encode(call.meta.extra), call.appID.description, call.appName, call.functionID.description,
            call.functionName, Int64(call.version), call.status.rawValue, call.error, call.startedAt?.nanoseconds,
            call.completedAt.nanoseconds, Int64(clamping: call.waitNanos),
            call.coldStartNanos.map { Int64(clamping: $0) }, Int64(clamping: call.runNanos), call.container,
            call.logTruncated, call.traceID,
        ])
        if call.log.isEmpty { return }
        try database.cachedStatement(sql: "INSERT INTO call_logs (call_id, log) VALUES (?, ?)")
            .execute(arguments: [id, Data(call.log)])
    }
}
