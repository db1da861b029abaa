internal import Foundation
internal import GRDB
internal import Model

/// Between rows and call records; decides nothing. Numbers beyond SQLite's 63 bits are cut to the largest.
enum CallRows {
    static func call(_ row: GRDB.Row) throws(Failure) -> CallRecord {
        var call = CallRecord(
            meta: Meta(
                apiVersion: UInt32(clamping: row["api_version"] as Int64), id: try id(row["id"]),
                createdAt: Timestamp(nanoseconds: row["created_at"]),
                updatedAt: Timestamp(nanoseconds: row["updated_at"])), appID: try id(row["app_id"]),
            appName: row["app_name"], functionID: try id(row["function_id"]), functionName: row["function_name"],
            path: row["path"], trigger: row["trigger_name"], version: UInt32(clamping: row["version"] as Int64),
            status: try known(row["status"], "status"), reason: try known(row["reason"], "reason"), error: row["error"],
            exit: exit(row), startedAt: (row["started_at"] as Int64?).map { Timestamp(nanoseconds: $0) },
            completedAt: Timestamp(nanoseconds: row["completed_at"]), waitNanos: unsigned(row["wait_nanos"]),
            coldStartNanos: (row["cold_start_nanos"] as Int64?).map(unsigned), runNanos: unsigned(row["run_nanos"]),
            container: row["container"], log: [], logTruncated: row["log_truncated"],
            inputTruncated: row["input_truncated"], spec: try digest(row["spec"]), traceID: row["trace_id"],
            requestedVersion: UInt32(clamping: row["requested_version"] as Int64),
            requestedAlias: row["requested_alias"])
        call.logBytes = unsigned(row["log_bytes"])
        call.inputBytes = unsigned(row["input_bytes"])
        return call
    }

    /// Of a record, in the order in which ``CallInserter`` sets them.
    static let columns = [
        "id", "api_version", "created_at", "updated_at", "app_id", "app_name", "function_id", "function_name", "path",
        "trigger_name", "version", "requested_version", "requested_alias", "status", "reason", "error", "exit_code",
        "exit_signal", "out_of_memory", "started_at", "completed_at", "wait_nanos", "cold_start_nanos", "run_nanos",
        "container", "log_bytes", "log_truncated", "input_bytes", "input_truncated", "spec", "trace_id",
    ]

    /// The statement that inserts so many records.
    static func insert(rows: Int) -> String {
        let row = "(\(columns.map { _ in "?" }.joined(separator: ", ")))"
        let all = Array(repeating: row, count: rows).joined(separator: ", ")
        // Whoever inserts rolls back. ABORT would have SQLite note all that a statement for many rows changes.
        return "INSERT OR FAIL INTO calls (\(columns.joined(separator: ", "))) VALUES \(all)"
    }

    static func known<E: RawRepresentable>(_ text: String, _ column: String) throws(Failure) -> E
    where E.RawValue == String {
        guard let value = E(rawValue: text) else {
            throw Failure(.internalError, "the database holds the call \(column) \(quoted(text)), which is unknown")
        }
        return value
    }

    static func id(_ text: String) throws(Failure) -> Identifier {
        guard let id = Identifier(text) else {
            throw Failure(.internalError, "the database holds the id \(quoted(text)), which is none")
        }
        return id
    }

    private static func digest(_ text: String?) throws(Failure) -> Digest? {
        guard let text else { return nil }
        return try Digest(text, field: "spec")
    }

    private static func exit(_ row: GRDB.Row) -> CallExit? {
        guard let ranOutOfMemory = row["out_of_memory"] as Bool? else { return nil }
        return CallExit(
            code: (row["exit_code"] as Int64?).map { Int32(clamping: $0) },
            signal: (row["exit_signal"] as Int64?).map { Int32(clamping: $0) }, ranOutOfMemory: ranOutOfMemory)
    }

    private static func unsigned(_ value: Int64) -> UInt64 { UInt64(clamping: value) }
}
