internal import GRDB
internal import Glibc
package import Model

/// Brings a database from one schema version to another, and refuses what it cannot judge. Thread-safe; every function
/// opens a connection of its own and blocks.
///
/// The table `schema_migrations` says which migrations a database has. Each one runs in a transaction together with its
/// row: a process that dies, a full disk or a mistake leaves the version before. Before the first change of a database
/// that is not empty, a copy is made beside it: `fnrpc.db.backup-<schema>-<time>`.
package struct Migrator: Sendable {
    /// How many copies stay; older ones are deleted once a migration has succeeded.
    package static let keptBackups = 3

    private let migrations: [Migration]
    private let checksums: [String]
    private let now: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - migrations: all of them, in order, numbered from 1 without gaps.
    ///   - now: the clock for rows and names of copies.
    /// - Throws: `internalError` if the numbers have a gap.
    package init(
        _ migrations: [Migration], now: @escaping @Sendable () -> Timestamp = { Timestamp.now() }
    ) throws(Failure) {
        var checksums: [String] = []
        for (index, migration) in migrations.enumerated() {
            guard migration.number == index + 1 else {
                throw Failure(
                    .internalError,
                    "migrations: \(migration.label) stands where number \(index + 1) belongs; numbers have no gaps")
            }
            checksums.append(try migration.checksum().description)
        }
        self.migrations = migrations
        self.checksums = checksums
        self.now = now
    }

    /// The schema version that all migrations together lead to.
    package var latest: Int { migrations.count }

    /// How far a database is. Changes nothing; one that does not exist lacks everything.
    ///
    /// - Throws: `precondition` if other programs made it, or a pre-release did.
    package func status(of path: String) throws(Failure) -> MigrationStatus {
        guard exists(path) else { return status(applied: []) }
        return try withDatabase(path) { try status($0) }
    }

    /// The way from one schema version to another.
    ///
    /// - Parameters:
    ///   - from: 0 to ``latest``.
    ///   - target: 0 to ``latest``, which `nil` stands for.
    /// - Throws: `invalid` if one is out of range.
    package func plan(from: Int, to target: Int? = nil) throws(Failure) -> MigrationPlan {
        let target = target ?? latest
        for (name, value) in [("from", from), ("to", target)] {
            guard (0...latest).contains(value) else {
                throw Failure(.invalid, "\(name): schema \(value) is out of range; 0 to \(latest)")
            }
        }
        let steps =
            from <= target
            ? migrations[from..<target].map { MigrationStep(migration: $0, direction: .up) }
            : migrations[target..<from].reversed().map { MigrationStep(migration: $0, direction: .down) }
        return MigrationPlan(from: from, to: target, steps: steps)
    }

    /// Migrates a database, up or down. One that does not exist is made, with mode 0600. A caller that names no target,
    /// as a start does, never goes down.
    ///
    /// - Parameters:
    ///   - target: 0 to ``latest``, which `nil` stands for.
    ///   - dryRun: runs all steps in one transaction that is rolled back; makes no copy and no file.
    ///   - force: go down even where that loses data.
    /// - Throws: `precondition` if a newer daemon, a pre-release or another program made the database, a migration that
    ///   it has is missing or is not what it was, or going down loses data and `force` is not given; `busy` if another
    ///   program holds its lock for 5 s; `conflict` if another one migrates it elsewhere. Nothing has changed then, but
    ///   that the steps before the one that failed stay done.
    @discardableResult
    package func migrate(
        _ path: String, to target: Int? = nil, dryRun: Bool = false, force: Bool = false
    ) throws(Failure) -> MigrationReport {
        if !exists(path) {
            let plan = try plan(from: 0, to: target)
            if dryRun { return MigrationReport(plan: plan, backup: nil) }
            // SQLite would make it readable by everybody.
            let raw = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            if raw >= 0 { close(raw) }
        }
        return try withDatabase(path) { database in
            let plan = try plan(from: checkedSchema(database), to: target)
            if plan.steps.isEmpty { return MigrationReport(plan: plan, backup: nil) }
            // A table that others point to can only be rebuilt so; inside a transaction it could not be set.
            try database.execute(sql: "PRAGMA foreign_keys = OFF; PRAGMA synchronous = FULL")
            if dryRun {
                try database.inTransaction(.immediate) {
                    for step in plan.steps {
                        do { try apply(step, database) } catch let error as DatabaseError {
                            throw failure(SQLiteDriver.failure(error, at: path), of: step)
                        }
                    }
                    return .rollback
                }
                return MigrationReport(plan: plan, backup: nil)
            }
            if !force, let step = plan.steps.first(where: { $0.loses != nil }), let loses = step.loses {
                throw Failure(
                    .precondition,
                    "going down from schema \(step.before) to \(step.after) loses \(loses) for good; "
                        + "--dry-run lists everything that is lost, --force does it")
            }
            return MigrationReport(plan: plan, backup: try run(plan, database, path))
        }
    }

    /// - Returns: the name of the copy that was made.
    private func run(_ plan: MigrationPlan, _ database: Database, _ path: String) throws -> String? {
        let slash = path.lastIndex(of: "/")
        let copies = DatabaseCopies(
            folder: slash.map { String(path[...$0]) } ?? ".",
            prefix: (slash.map { String(path[path.index(after: $0)...]) } ?? path) + ".backup-", suffix: "",
            keep: Self.keptBackups)
        var backup: String?
        var hasChanged = false
        do {
            for step in plan.steps {
                var isOurs = false
                try transaction(of: step, database, path) {
                    let schema = try checkedSchema(database)
                    guard schema == step.before else {
                        // Somebody who got the lock first, with the same aim.
                        if step.isDone(at: schema) { return .commit }
                        throw Failure(.conflict, "another program migrates the database; try again when it is done")
                    }
                    // Inside: nobody can write between the copy and the step.
                    if plan.from > 0 && backup == nil {
                        backup = try copies.make(of: path, label: "\(schema)-", at: now())
                    }
                    try apply(step, database)
                    isOurs = true
                    return .commit
                }
                hasChanged = hasChanged || isOurs
            }
        } catch {
            // Restarts that fail again and again would push good copies out.
            if let backup, !hasChanged { try? copies.remove(backup) }
            throw error
        }
        // One that cannot be deleted is no reason to fail now: the next migration tries again.
        if let backup { try? copies.prune(newest: backup) }
        return backup
    }

    /// One transaction for a step. What SQLite reports, at the latest when it commits, names the step.
    private func transaction(
        of step: MigrationStep, _ database: Database, _ path: String,
        _ body: () throws -> Database.TransactionCompletion
    ) throws {
        do {
            try database.inTransaction(.immediate, body)
        } catch let error as DatabaseError {
            throw failure(SQLiteDriver.failure(error, at: path), of: step)
        }
    }

    private func failure(_ failure: Failure, of step: MigrationStep) -> Failure {
        Failure(
            failure.code,
            "migration \(step.migration.label), \(step.direction.rawValue): \(failure.message); "
                + "the database stays at schema \(step.before)")
    }

    private func apply(_ step: MigrationStep, _ database: Database) throws {
        let migration = step.migration
        try database.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS schema_migrations (
                    number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL,
                    applied_at INTEGER NOT NULL
                ) STRICT
                """)
        try database.execute(sql: step.sql)
        if let row = try GRDB.Row.fetchOne(database, sql: "SELECT \"table\", parent FROM pragma_foreign_key_check") {
            let (table, parent): (String, String) = (row[0], row[1])
            throw failure(
                Failure(.internalError, "table \(table) would point to rows of \(parent) that do not exist"), of: step)
        }
        if step.direction == .up {
            try database.execute(
                sql: "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
                arguments: [migration.number, migration.name, checksums[migration.number - 1], now().nanoseconds])
        } else {
            try database.execute(sql: "DELETE FROM schema_migrations WHERE number = ?", arguments: [migration.number])
        }
    }
}

extension Migrator {
    private func exists(_ path: String) -> Bool {
        var info = stat()
        return lstat(path, &info) == 0
    }

    /// For writing even where nothing is to be written: a process that died may have left what must be undone first.
    private func withDatabase<Value>(
        _ path: String, _ body: (Database) throws -> Value
    ) throws(Failure) -> Value {
        var configuration = Configuration()
        configuration.label = "fnrpc.migrator"
        configuration.busyMode = .timeout(5)
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            let value = try queue.inDatabase(body)
            try queue.close()
            return value
        } catch {
            throw SQLiteDriver.failure(error, at: path)
        }
    }

    private func checkedSchema(_ database: Database) throws -> Int {
        let status = try status(database)
        if let refusal = status.refusal { throw refusal }
        return status.schema
    }

    private func status(_ database: Database) throws -> MigrationStatus {
        let tables = try String.fetchAll(
            database,
            sql: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        guard tables.contains("schema_migrations") else {
            guard let table = tables.first else { return status(applied: []) }
            guard tables.contains("grdb_migrations") else {
                throw Failure(
                    .precondition,
                    "the database was not made by fnrpcd: it has the table \(quoted(table)) and no schema_migrations; "
                        + "choose another --data-dir")
            }
            throw Failure(
                .precondition,
                "the database was made by a pre-release of fnrpcd, which this one does not read; export its functions "
                    + "with that pre-release, move the data directory away and deploy them again")
        }
        return status(
            applied: try GRDB.Row.fetchAll(
                database, sql: "SELECT number, name, checksum, applied_at FROM schema_migrations ORDER BY number"
            ).map {
                AppliedMigration(
                    number: $0[0], name: $0[1], checksum: $0[2], appliedAt: Timestamp(nanoseconds: $0[3]))
            })
    }

    private func status(applied: [AppliedMigration]) -> MigrationStatus {
        let numbers = Set(applied.map(\.number))
        return MigrationStatus(
            applied: applied.filter { $0.number <= latest },
            pending: migrations.filter { !numbers.contains($0.number) },
            unknown: applied.filter { $0.number > latest }, refusal: refusal(of: applied))
    }

    private func refusal(of applied: [AppliedMigration]) -> Failure? {
        if let newest = applied.last, newest.number > latest {
            return Failure(
                .precondition,
                "the database was written by a newer fnrpcd: it has schema \(newest.number), this one knows \(latest); "
                    + "install that version or a newer one")
        }
        for (index, row) in applied.enumerated() {
            guard row.number == index + 1 else {
                let lacks = row.number < 1 ? "a migration that can be number \(row.number)" : migrations[index].label
                return Failure(
                    .precondition,
                    "the database has migration \(Migration.label(row.number, row.name)) but lacks \(lacks); "
                        + "restore a backup")
            }
            guard row.checksum == checksums[index] else {
                return Failure(
                    .precondition,
                    "the database's migration \(Migration.label(row.number, row.name)) is not the one of this fnrpcd "
                        + "(\(migrations[index].label)): their checksums differ; install the version that wrote it")
            }
        }
        return nil
    }
}
