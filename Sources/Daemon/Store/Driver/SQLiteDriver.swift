internal import GRDB
package import Model

/// The ``StoreDriver`` on disk: one SQLite database in WAL mode by GRDB; one writer, several readers. Thread-safe.
///
/// Entities are written with `synchronous = FULL`: what was answered is on disk. Call records are written with
/// `NORMAL`: no flush for each batch.
package final class SQLiteDriver: StoreDriver {
    package let schemaVersion: Int
    package let instanceID: Identifier
    let path: String
    let pool: DatabasePool
    let contentBytes = ContentBytes()

    /// Opens or makes the database, and brings it to the present schema. Blocks.
    ///
    /// - Parameters:
    ///   - path: the file; `-wal` and `-shm` come beside it. Made with mode 0600, which SQLite gives to those too.
    ///   - now: for the time in ``instanceID``.
    /// - Throws: `precondition` if a newer daemon wrote it, or for what else ``Migrator`` refuses it.
    package init(path: String, now: Timestamp = .now()) throws(Failure) {
        try Migrations.migrator.migrate(path)
        do {
            var configuration = Configuration()
            configuration.label = "fnrpc.store"
            configuration.foreignKeysEnabled = true
            configuration.busyMode = .timeout(5)
            configuration.maximumReaderCount = 4
            let pool = try DatabasePool(path: path, configuration: configuration)
            let fresh = Identifier.random(at: now)
            instanceID = try pool.writeWithoutTransaction { database in
                // GRDB sets NORMAL on the writer when it turns WAL on.
                try database.execute(sql: "PRAGMA synchronous = FULL")
                try database.execute(
                    sql: "INSERT OR IGNORE INTO meta (key, value) VALUES ('instance_id', ?)",
                    arguments: [fresh.description])
                let text = try String.fetchOne(database, sql: "SELECT value FROM meta WHERE key = 'instance_id'")
                return try CallRows.id(text ?? "")
            }
            schemaVersion = Migrations.count
            self.pool = pool
            self.path = path
        } catch {
            throw Self.failure(error)
        }
    }

    /// Closes the database; every later use throws. Blocks.
    package func close() throws(Failure) {
        do {
            try pool.close()
        } catch {
            throw Self.failure(error)
        }
    }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(Failure) -> Value {
        do {
            return try await pool.read(body)
        } catch {
            throw Self.failure(error)
        }
    }

    /// One transaction.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(Failure) -> Value {
        do {
            return try await pool.write(body)
        } catch {
            throw Self.failure(error)
        }
    }

    static func failure(_ error: any Error) -> Failure {
        if let failure = error as? Failure { return failure }
        if error is CancellationError { return Failure(.cancelled, "the caller went away") }
        guard let error = error as? DatabaseError else {
            return Failure(.internalError, "the database failed: \(error)")
        }
        switch error.resultCode {
        case .SQLITE_FULL:
            return Failure(
                .internalError, "the disk that holds the database is full; nothing was stored; free some space")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return Failure(.busy, "the database is locked by another program; try again")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return Failure(
                .internalError, "the database is damaged (\(error.message ?? "no detail")); restore a backup")
        case .SQLITE_READONLY:
            return Failure(
                .internalError,
                "the database cannot be written; check its mode and that its file system is not read-only")
        case .SQLITE_CANTOPEN:
            return Failure(
                .internalError, "the database cannot be opened; check that its folder exists and is writable")
        default:
            return Failure(
                .internalError, "the database failed: \(error.message ?? "no detail") (\(error.extendedResultCode))")
        }
    }
}
