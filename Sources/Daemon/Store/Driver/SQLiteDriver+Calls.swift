internal import Foundation
internal import GRDB
package import Model

extension SQLiteDriver {
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
            throw Failure(.exists, "a call with the same id is recorded; none of the records was stored")
        } catch {
            throw failure(error)
        }
    }

    package func calls(
        _ scope: CallScope, before: Identifier?, limit: Int, scanned: Int,
        where matches: @escaping @Sendable (CallRecord) -> Bool
    ) async throws(Failure) -> (found: [CallRecord], last: Identifier?) {
        let (condition, id) = Self.condition(scope)
        return try await read { database in
            // After every id, by its text.
            let arguments: StatementArguments = id + [before?.description ?? "~"]
            let rows = try GRDB.Row.fetchCursor(
                database, sql: "SELECT * FROM calls WHERE \(condition) id < ? ORDER BY id DESC", arguments: arguments)
            var found: [CallRecord] = []
            var last: Identifier?
            var seen = 0
            while let row = try rows.next() {
                guard found.count < limit, seen < scanned else { return (found, last) }
                let call = try CallRows.call(row)
                seen += 1
                last = call.meta.id
                if matches(call) { found.append(call) }
            }
            return (found, nil)
        }
    }

    package func call(_ id: Identifier) async throws(Failure) -> CallRecord? {
        try await read { database in
            try GRDB.Row.fetchOne(database, sql: "SELECT * FROM calls WHERE id = ?", arguments: [id.description])
                .map(CallRows.call)
        }
    }

    package func callLog(_ id: Identifier) async throws(Failure) -> CallLog? {
        try await read { database in
            try GRDB.Row.fetchOne(
                database, sql: "SELECT log, log_truncated FROM calls LEFT JOIN call_logs ON call_id = id WHERE id = ?",
                arguments: [id.description]
            ).map { row in
                CallLog(bytes: (row["log"] as Data?).map { Array($0) } ?? [], truncated: row["log_truncated"])
            }
        }
    }

    package func callCounts(
        _ scope: CallScope, since: Timestamp
    ) async throws(Failure) -> [CallRecord.Status: UInt64] {
        let (condition, id) = Self.condition(scope)
        // Ids begin with their time, so the index by id finds the first one.
        let first = Identifier(high: UInt64(max(since.nanoseconds, 0)) / 1_000_000 << 16, low: 0)
        return try await read { database in
            let arguments: StatementArguments = id + [first.description, since.nanoseconds]
            let rows = try GRDB.Row.fetchAll(
                database,
                sql: """
                    SELECT status, count(*) AS count FROM calls WHERE \(condition) id >= ? AND created_at >= ?
                    GROUP BY status
                    """, arguments: arguments)
            return try rows.reduce(into: [:]) { counts, row in
                counts[try CallRows.status(row)] = UInt64(clamping: row["count"] as Int64)
            }
        }
    }

    package func callCount() async throws(Failure) -> Int {
        try await read { try Int.fetchOne($0, sql: "SELECT count(*) FROM calls") ?? 0 }
    }

    private static func condition(_ scope: CallScope) -> (sql: String, arguments: StatementArguments) {
        switch scope {
        case .all: ("", [])
        case .app(let id): ("app_id = ? AND", [id.description])
        case .function(let id): ("function_id = ? AND", [id.description])
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
        INSERT INTO calls (id, api_version, created_at, updated_at, app_id, app_name, function_id, function_name, version,
            requested_version, requested_alias, status, error, started_at, completed_at, wait_nanos, cold_start_nanos,
            run_nanos, container, log_truncated, trace_id)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """

    /// Writes imported records, in the transaction of the entities that come with them.
    func write(_ source: any CallSource, _ database: Database) throws(Failure) {
        try source.eachBatch { (calls) throws(Failure) in
            for call in calls {
                do {
                    try Self.insert(call, database)
                } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                    throw call.recordedAlready()
                } catch {
                    throw failure(error)
                }
            }
        }
    }

    private static func insert(_ call: CallRecord, _ database: Database) throws {
        let id = call.meta.id.description
        try database.cachedStatement(sql: insertCall).execute(arguments: [
            id, Int64(call.meta.apiVersion), call.meta.createdAt.nanoseconds, call.meta.updatedAt.nanoseconds,
            call.appID.description, call.appName, call.functionID.description, call.functionName, Int64(call.version),
            Int64(call.requestedVersion), call.requestedAlias, call.status.rawValue, call.error,
            call.startedAt?.nanoseconds,
            call.completedAt.nanoseconds, Int64(clamping: call.waitNanos),
            call.coldStartNanos.map { Int64(clamping: $0) }, Int64(clamping: call.runNanos), call.container,
            call.logTruncated, call.traceID,
        ])
        if call.log.isEmpty { return }
        try database.cachedStatement(sql: "INSERT INTO call_logs (call_id, log) VALUES (?, ?)")
            .execute(arguments: [id, Data(call.log)])
    }
}
