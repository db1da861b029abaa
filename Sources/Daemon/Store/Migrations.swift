import Model

/// The schema, as numbered steps. A step that was ever released never changes; a new one is added.
///
/// Every entity has the columns of ``Model/Meta``: `api_version`, `id` (26 characters), `revision`, `created_at` and
/// `updated_at` (nanoseconds since 1970, UTC), `labels` and `extra` (JSON objects of strings). STRICT makes SQLite hold
/// the types that the code that reads rows relies on.
package enum Migrations {
    private static let meta = """
        id TEXT NOT NULL PRIMARY KEY, api_version INTEGER NOT NULL, revision INTEGER NOT NULL,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, labels TEXT NOT NULL, extra TEXT NOT NULL
        """

    /// All of them, in order.
    package static let all = [
        Migration(
            number: 1, name: "initial",
            up: """
                CREATE TABLE apps (\(meta),
                    name TEXT NOT NULL UNIQUE
                ) STRICT;

                CREATE TABLE packages (\(meta),
                    digest TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL, entries INTEGER NOT NULL
                ) STRICT;

                CREATE TABLE functions (\(meta),
                    app_id TEXT NOT NULL REFERENCES apps(id), name TEXT NOT NULL, spec TEXT NOT NULL,
                    package TEXT NOT NULL REFERENCES packages(digest), latest_version INTEGER NOT NULL,
                    UNIQUE (app_id, name)
                ) STRICT;

                CREATE TABLE versions (\(meta),
                    function_id TEXT NOT NULL REFERENCES functions(id), number INTEGER NOT NULL,
                    description TEXT NOT NULL, spec TEXT NOT NULL, package TEXT NOT NULL REFERENCES packages(digest),
                    package_bytes INTEGER NOT NULL, interpreter TEXT NOT NULL,
                    UNIQUE (function_id, number)
                ) STRICT;

                -- Calls outlive their function, hence no reference.
                CREATE TABLE calls (\(meta),
                    app_id TEXT NOT NULL, app_name TEXT NOT NULL, function_id TEXT NOT NULL, function_name TEXT NOT NULL,
                    version INTEGER NOT NULL, status TEXT NOT NULL, error TEXT NOT NULL, started_at INTEGER,
                    completed_at INTEGER NOT NULL, wait_nanos INTEGER NOT NULL, cold_start_nanos INTEGER,
                    run_nanos INTEGER NOT NULL, container TEXT NOT NULL, log_truncated INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX calls_by_function ON calls (function_id, id);

                -- Logs are far longer than records: apart, so that lists do not read them.
                CREATE TABLE call_logs (
                    call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls(id) ON DELETE CASCADE, log BLOB NOT NULL
                ) STRICT;

                CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT;
                """,
            down: """
                DROP TABLE meta; DROP TABLE call_logs; DROP TABLE calls; DROP TABLE versions; DROP TABLE functions;
                DROP TABLE packages; DROP TABLE apps;
                """, losesOnDown: "everything: apps, functions, versions, calls and their logs"),
        Migration(
            number: 2, name: "tokens-and-services",
            up: """
                -- A revoked token is deleted: its name is free again, and the audit log remembers it.
                CREATE TABLE tokens (\(meta),
                    name TEXT NOT NULL UNIQUE, hash BLOB NOT NULL CHECK (length(hash) = 32), scopes TEXT NOT NULL,
                    expires_at INTEGER, last_used_at INTEGER
                ) STRICT;

                -- Of the latest version of each function.
                CREATE TABLE function_services (
                    app_id TEXT NOT NULL REFERENCES apps(id), service TEXT NOT NULL,
                    function_id TEXT NOT NULL REFERENCES functions(id), PRIMARY KEY (app_id, service)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX function_services_by_function ON function_services (function_id);
                INSERT INTO function_services (app_id, service, function_id)
                    SELECT DISTINCT app_id, value, functions.id FROM functions, json_each(spec, '$.services');
                """, down: "DROP TABLE function_services; DROP TABLE tokens;", losesOnDown: "all tokens"),
        Migration(
            number: 3, name: "call-traces", up: "ALTER TABLE calls ADD COLUMN trace_id TEXT;",
            down: "ALTER TABLE calls DROP COLUMN trace_id;", losesOnDown: "which trace each call belonged to"),
    ]

    /// The schema version that this daemon writes.
    static var count: Int { all.count }

    /// What brings a ``SQLiteStore``'s database to that version.
    package static var migrator: Migrator {
        get throws(Failure) { try Migrator(all) }
    }
}
