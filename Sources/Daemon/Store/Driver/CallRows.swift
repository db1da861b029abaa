internal import GRDB
internal import Model

/// From rows to call records; decides nothing. Numbers beyond SQLite's 63 bits were cut to the largest.
enum CallRows {
    static func call(_ row: GRDB.Row) throws(Failure) -> CallRecord {
        CallRecord(
            meta: Meta(
                apiVersion: UInt32(clamping: row["api_version"] as Int64), id: try id(row["id"]),
                createdAt: Timestamp(nanoseconds: row["created_at"]),
                updatedAt: Timestamp(nanoseconds: row["updated_at"])), appID: try id(row["app_id"]),
            appName: row["app_name"],
            functionID: try id(row["function_id"]), functionName: row["function_name"],
            version: UInt32(clamping: row["version"] as Int64), status: try status(row), error: row["error"],
            startedAt: (row["started_at"] as Int64?).map { Timestamp(nanoseconds: $0) },
            completedAt: Timestamp(nanoseconds: row["completed_at"]), waitNanos: unsigned(row["wait_nanos"]),
            coldStartNanos: (row["cold_start_nanos"] as Int64?).map(unsigned), runNanos: unsigned(row["run_nanos"]),
            container: row["container"], log: [], logTruncated: row["log_truncated"], traceID: row["trace_id"],
            requestedVersion: UInt32(clamping: row["requested_version"] as Int64),
            requestedAlias: row["requested_alias"])
    }

    static func status(_ row: GRDB.Row) throws(Failure) -> CallRecord.Status {
        guard let status = CallRecord.Status(rawValue: row["status"]) else {
            throw Failure(
                .internalError, "the database holds the call status \(quoted(row["status"])), which is unknown")
        }
        return status
    }

    static func id(_ text: String) throws(Failure) -> Identifier {
        guard let id = Identifier(text) else {
            throw Failure(.internalError, "the database holds the id \(quoted(text)), which is none")
        }
        return id
    }

    private static func unsigned(_ value: Int64) -> UInt64 { UInt64(clamping: value) }
}
