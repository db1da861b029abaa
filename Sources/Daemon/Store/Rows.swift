import GRDB
import Model

/// Between rows and entities; decides nothing. Numbers beyond SQLite's 63 bits are cut to the largest.
enum Rows {
    static func insert(
        _ table: String, _ meta: Meta, _ columns: KeyValuePairs<String, (any DatabaseValueConvertible)?>,
        _ database: Database
    ) throws {
        let names =
            ["id", "api_version", "revision", "created_at", "updated_at", "labels", "extra"] + columns.map(\.key)
        let values: [(any DatabaseValueConvertible)?] =
            [
                meta.id.description, Int64(meta.apiVersion), Int64(clamping: meta.revision), meta.createdAt.nanoseconds,
                meta.updatedAt.nanoseconds, try StoredText.encode(meta.labels), try StoredText.encode(meta.extra),
            ] + columns.map(\.value)
        let marks = names.map { _ in "?" }.joined(separator: ", ")
        let statement = try database.cachedStatement(
            sql: "INSERT INTO \(table) (\(names.joined(separator: ", "))) VALUES (\(marks))")
        try statement.execute(arguments: StatementArguments(values))
    }

    static func app(_ row: Row) throws(Failure) -> App {
        App(meta: try meta(row), name: try Name(row["name"], field: "app"))
    }

    /// - Parameter row: with the app's name as `app_name`.
    static func function(_ row: Row) throws(Failure) -> Function {
        Function(
            meta: try meta(row), appID: try id(row["app_id"]), appName: try Name(row["app_name"], field: "app"),
            name: try Name(row["name"], field: "function"), spec: try StoredText.spec(row["spec"]),
            package: try Digest(row["package"], field: "package"),
            latestVersion: UInt32(clamping: row["latest_version"] as Int64))
    }

    static func version(_ row: Row) throws(Failure) -> Version {
        Version(
            meta: try meta(row), functionID: try id(row["function_id"]),
            number: UInt32(clamping: row["number"] as Int64), description: row["description"],
            spec: try StoredText.spec(row["spec"]), package: try Digest(row["package"], field: "package"),
            packageBytes: unsigned(row["package_bytes"]), runtime: FrozenRuntime(interpreter: row["interpreter"]))
    }

    static func package(_ row: Row) throws(Failure) -> StoredPackage {
        StoredPackage(
            meta: try meta(row), digest: try Digest(row["digest"], field: "package"), bytes: unsigned(row["bytes"]),
            entries: UInt32(clamping: row["entries"] as Int64))
    }

    static func token(_ row: Row) throws(Failure) -> Token {
        Token(
            meta: try meta(row), name: try Name(row["name"], field: "token"),
            scopes: try StoredText.scopes(row["scopes"]),
            expiresAt: (row["expires_at"] as Int64?).map { Timestamp(nanoseconds: $0) },
            lastUsedAt: (row["last_used_at"] as Int64?).map { Timestamp(nanoseconds: $0) })
    }

    static func call(_ row: Row) throws(Failure) -> CallRecord {
        guard let status = CallRecord.Status(rawValue: row["status"]) else {
            throw Failure(
                .internalError, "the database holds the call status \(quoted(row["status"])), which is unknown")
        }
        return CallRecord(
            meta: try meta(row), appID: try id(row["app_id"]), appName: row["app_name"],
            functionID: try id(row["function_id"]), functionName: row["function_name"],
            version: UInt32(clamping: row["version"] as Int64), status: status, error: row["error"],
            startedAt: (row["started_at"] as Int64?).map { Timestamp(nanoseconds: $0) },
            completedAt: Timestamp(nanoseconds: row["completed_at"]), waitNanos: unsigned(row["wait_nanos"]),
            coldStartNanos: (row["cold_start_nanos"] as Int64?).map(unsigned), runNanos: unsigned(row["run_nanos"]),
            container: row["container"], log: [], logTruncated: row["log_truncated"], traceID: row["trace_id"])
    }

    private static func meta(_ row: Row) throws(Failure) -> Meta {
        Meta(
            apiVersion: UInt32(clamping: row["api_version"] as Int64), id: try id(row["id"]),
            revision: unsigned(row["revision"]), createdAt: Timestamp(nanoseconds: row["created_at"]),
            updatedAt: Timestamp(nanoseconds: row["updated_at"]), labels: try StoredText.pairs(row["labels"]),
            extra: try StoredText.pairs(row["extra"]))
    }

    static func id(_ text: String) throws(Failure) -> Identifier {
        guard let id = Identifier(text) else {
            throw Failure(.internalError, "the database holds the id \(quoted(text)), which is none")
        }
        return id
    }

    private static func unsigned(_ value: Int64) -> UInt64 { UInt64(clamping: value) }
}
