internal import Archive
internal import Glibc
package import Model

/// A copy of a database in the data directory.
package struct Backup: Sendable, Equatable {
    /// The file in the folder ``DataDirectory/backupsPath``.
    package let name: String
    /// Its size.
    package let bytes: UInt64
    /// Of all of it.
    package let sha256: Digest
}

/// Makes backups of the database while its daemon runs. Thread-safe.
package final class Backups: Sendable {
    /// How many are kept; older ones are deleted when a new one is whole.
    package static let kept = 10

    private let database: String
    private let folder: String
    private let now: @Sendable () -> Timestamp
    private let isRunning = Lock(false)

    /// - Parameters:
    ///   - directory: where the database is and the backups go.
    ///   - now: the clock for their names.
    package init(of directory: DataDirectory, now: @escaping @Sendable () -> Timestamp = { Timestamp.now() }) {
        database = directory.databasePath
        folder = directory.backupsPath
        self.now = now
    }

    /// Copies the database as it is now, all of it or nothing; calls and deploys go on. Blocks for as long as it takes
    /// to read and write the whole file.
    ///
    /// - Throws: `busy` if one is being made already; `internalError` if the disk is full: nothing is left of it then,
    ///   and older ones stay.
    package func backup() throws(Failure) -> Backup {
        let isFirst = isRunning.withLock { running in
            defer { running = true }
            return !running
        }
        guard isFirst else { throw Failure(.busy, "a backup is being made already; try again when it is done") }
        defer { isRunning.withLock { $0 = false } }
        try Disk.makeFolders(folder, mode: 0o700)
        let copies = DatabaseCopies(folder: folder, prefix: "fnrpc-", suffix: ".db", keep: Self.kept)
        let name = try copies.make(of: database, at: now())
        let raw = open(folder + "/" + name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard raw >= 0 else { throw FileIO.failure("backup \(quoted(name)) cannot be read") }
        let descriptor = Descriptor(owning: raw)
        var info = stat()
        guard fstat(descriptor.raw, &info) == 0 else { throw FileIO.failure("backup \(quoted(name)) cannot be read") }
        let digest = try SHA256.digest(ofDescriptor: descriptor.raw)
        try copies.prune(newest: name)
        return Backup(name: name, bytes: UInt64(info.st_size), sha256: digest)
    }
}
