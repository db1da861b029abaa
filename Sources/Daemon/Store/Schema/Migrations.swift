internal import Model

/// The schema, as numbered steps. A step that was ever released never changes; a new one is added.
///
/// Ids are text of 26 characters, times nanoseconds since 1970, UTC. STRICT makes SQLite hold the types that the code
/// that reads rows relies on.
package enum Migrations {
    /// All of them, in order.
    package static let all = [
        Migration(
            number: 1, name: "entities",
            up: """
                -- Every entity of the catalog. `body` is its message in its own api_version; the other columns are what
                -- the daemon asks for without reading it, so that a row of a newer daemon keeps its place.
                CREATE TABLE entities (
                    id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, parent TEXT, key TEXT NOT NULL,
                    api_version INTEGER NOT NULL, revision INTEGER NOT NULL, created_at INTEGER NOT NULL,
                    updated_at INTEGER NOT NULL,
                    refs TEXT NOT NULL, -- ids that it needs, with spaces between
                    claims TEXT NOT NULL, -- what no other of its kind and parent may have, with newlines between
                    sealed BLOB NOT NULL, body BLOB NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE UNIQUE INDEX entities_by_key ON entities (kind, ifnull(parent, ''), key);
                CREATE INDEX entities_by_api_version ON entities (kind, api_version, id);

                CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT;
                """,
            down: "DROP TABLE meta; DROP TABLE entities;",
            losesOnDown: "everything: apps, functions, versions, secrets and tokens"),
        Migration(
            number: 2, name: "calls",
            up: """
                -- Calls outlive their function, hence no reference.
                CREATE TABLE calls (
                    id TEXT NOT NULL PRIMARY KEY, api_version INTEGER NOT NULL, created_at INTEGER NOT NULL,
                    updated_at INTEGER NOT NULL, app_id TEXT NOT NULL, app_name TEXT NOT NULL, function_id TEXT NOT NULL,
                    function_name TEXT NOT NULL, version INTEGER NOT NULL, requested_version INTEGER NOT NULL,
                    requested_alias TEXT NOT NULL, status TEXT NOT NULL, error TEXT NOT NULL, started_at INTEGER,
                    completed_at INTEGER NOT NULL, wait_nanos INTEGER NOT NULL, cold_start_nanos INTEGER,
                    run_nanos INTEGER NOT NULL, container TEXT NOT NULL, log_truncated INTEGER NOT NULL, trace_id TEXT
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX calls_by_function ON calls (function_id, id);
                CREATE INDEX calls_by_app ON calls (app_id, id, status);

                -- Logs are far longer than records: apart, so that lists do not read them.
                CREATE TABLE call_logs (
                    call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls(id) ON DELETE CASCADE, log BLOB NOT NULL
                ) STRICT;
                """,
            down: "DROP TABLE call_logs; DROP TABLE calls;", losesOnDown: "the records of all calls, and their logs"),
        Migration(
            number: 3, name: "events",
            up: """
                CREATE TABLE events (
                    sequence INTEGER NOT NULL PRIMARY KEY, at INTEGER NOT NULL, action TEXT NOT NULL, kind TEXT NOT NULL,
                    id TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, api_version INTEGER NOT NULL
                ) STRICT;
                """,
            down: "DROP TABLE events;", losesOnDown: "the events that nobody has followed yet"),
        Migration(
            number: 4, name: "call contents",
            up: """
                ALTER TABLE calls ADD COLUMN path TEXT NOT NULL DEFAULT '';
                ALTER TABLE calls ADD COLUMN trigger_name TEXT NOT NULL DEFAULT '';
                ALTER TABLE calls ADD COLUMN reason TEXT NOT NULL DEFAULT '';
                ALTER TABLE calls ADD COLUMN exit_code INTEGER;
                ALTER TABLE calls ADD COLUMN exit_signal INTEGER;
                ALTER TABLE calls ADD COLUMN out_of_memory INTEGER; -- NULL: the process did not end
                ALTER TABLE calls ADD COLUMN log_bytes INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE calls ADD COLUMN input_bytes INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE calls ADD COLUMN input_truncated INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE calls ADD COLUMN spec TEXT;
                UPDATE calls SET log_bytes = ifnull(
                    (SELECT length(log) FROM call_logs WHERE call_id = id), 0);
                UPDATE calls SET reason = CASE status WHEN 'failed' THEN 'bad_exit' WHEN 'timeout' THEN 'timeout'
                    WHEN 'cancelled' THEN 'client_request' ELSE '' END;

                -- Logs and payloads are far longer than records: apart, so that lists do not read them. They go before
                -- their records do; the index has all that is needed to choose which.
                CREATE TABLE call_contents (
                    call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls(id) ON DELETE CASCADE, bytes INTEGER NOT NULL,
                    log BLOB NOT NULL, input BLOB NOT NULL
                ) STRICT;
                INSERT INTO call_contents SELECT call_id, length(log), log, x'' FROM call_logs;
                DROP TABLE call_logs;
                CREATE INDEX call_contents_by_age ON call_contents (call_id, bytes);

                -- What calls ran with. `last_call` is the newest one: when no record is that old, nobody needs it.
                CREATE TABLE call_specs (
                    digest TEXT NOT NULL PRIMARY KEY, last_call TEXT NOT NULL, body BLOB NOT NULL
                ) STRICT, WITHOUT ROWID;
                """,
            down: """
                CREATE TABLE call_logs (
                    call_id TEXT NOT NULL PRIMARY KEY REFERENCES calls(id) ON DELETE CASCADE, log BLOB NOT NULL
                ) STRICT;
                INSERT INTO call_logs SELECT call_id, log FROM call_contents WHERE length(log) > 0;
                DROP TABLE call_specs;
                DROP TABLE call_contents;
                ALTER TABLE calls DROP COLUMN spec;
                ALTER TABLE calls DROP COLUMN input_truncated;
                ALTER TABLE calls DROP COLUMN input_bytes;
                ALTER TABLE calls DROP COLUMN log_bytes;
                ALTER TABLE calls DROP COLUMN out_of_memory;
                ALTER TABLE calls DROP COLUMN exit_signal;
                ALTER TABLE calls DROP COLUMN exit_code;
                ALTER TABLE calls DROP COLUMN reason;
                ALTER TABLE calls DROP COLUMN trigger_name;
                ALTER TABLE calls DROP COLUMN path;
                """,
            losesOnDown: "the payloads of calls, and what calls ran with, came by and ended with"),
    ]

    /// The schema version that this daemon writes.
    static var count: Int { all.count }

    /// What brings a ``SQLiteDriver``'s database to that version.
    package static var migrator: Migrator {
        get throws(Failure) { try Migrator(all) }
    }
}
