internal import Archive
internal import Glibc
package import Model

/// The folder that holds everything of one daemon, held exclusively while this object lives. Thread-safe.
package final class DataDirectory: Sendable {
    /// The folder.
    package let path: String
    private let lockFile: Descriptor

    /// The database's file.
    package var databasePath: String { path + "/fnrpc.db" }
    /// Where a ``PackageStore`` belongs.
    package var packagesPath: String { path + "/packages" }
    /// Where ``Backups`` puts copies of the database.
    package var backupsPath: String { path + "/backups" }
    /// Where a ``TransferFolder`` belongs.
    package var transfersPath: String { path + "/transfers" }

    private init(path: String, lockFile: consuming Descriptor) {
        self.path = path
        self.lockFile = lockFile
    }

    /// Makes the folder if it is absent (mode 0711: a sandbox's user passes through it but lists nothing) and takes
    /// its lock. The kernel drops the lock with the process, however it ends. Blocks.
    ///
    /// - Throws: `precondition` if another daemon holds it.
    package static func lock(_ path: String) throws(Failure) -> DataDirectory {
        try Disk.makeFolders(path, mode: 0o711)
        let raw = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard raw >= 0 else { throw FileIO.failure("the lock of data directory \(quoted(path)) cannot be opened") }
        let descriptor = Descriptor(owning: raw)
        guard flock(raw, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else {
                throw FileIO.failure("data directory \(quoted(path)) cannot be locked")
            }
            var buffer = [UInt8](repeating: 0, count: 32)
            let count = try FileIO.read(raw, into: &buffer, naming: "the lock")
            let holder = String(decoding: buffer.prefix(count).prefix { $0 >= 0x30 && $0 <= 0x39 }, as: UTF8.self)
            throw Failure(
                .precondition,
                "data directory \(quoted(path)) is in use by another fnrpcd\(holder.isEmpty ? "" : " (pid \(holder))"); "
                    + "stop it or choose another --data-dir")
        }
        guard ftruncate(raw, 0) == 0 else { throw FileIO.failure("the lock cannot be written") }
        let text = Array("\(getpid())\n".utf8)
        try text.withUnsafeBufferPointer { (bytes) throws(Failure) in
            try FileIO.write(UnsafeRawBufferPointer(bytes), to: raw, naming: "the lock")
        }
        return DataDirectory(path: path, lockFile: descriptor)
    }
}
