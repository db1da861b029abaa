internal import Archive
internal import Glibc
package import Model

/// Where exports and imports keep what is on its way. Thread-safe; every method blocks.
///
/// A file has no name while it is used, so nothing is left of it when the daemon ends, however it does.
package final class TransferFolder: Sendable {
    /// Exports and imports at once.
    package static let maxAtOnce = 4

    /// Bytes of an archive that is imported.
    package let maxImportBytes: UInt64
    private let path: String
    private let used = Lock(0)

    /// Makes or empties the folder.
    ///
    /// - Parameter maxImportBytes: the setting `max-import-mib`, in bytes.
    package init(path: String, maxImportBytes: UInt64) throws(Failure) {
        self.path = path
        self.maxImportBytes = maxImportBytes
        try Disk.makeFolders(path, mode: 0o700)
        // A crash may have come between a file's making and the loss of its name.
        for name in try Disk.names(in: path) { try Disk.remove(path + "/" + name) }
    }

    /// Counts an export or import; ``leave()`` ends it.
    ///
    /// - Throws: `busy` if there are too many.
    func enter() throws(Failure) {
        let isFree = used.withLock { used in
            guard used < Self.maxAtOnce else { return false }
            used += 1
            return true
        }
        guard isFree else {
            throw Failure(
                .busy, "\(Self.maxAtOnce) exports and imports run already, the limit; try again when one is done",
                quota: "transfers")
        }
    }

    func leave() { used.withLock { $0 -= 1 } }

    /// A new file.
    func makeFile() throws(Failure) -> SpoolFile {
        let name = path + "/" + Identifier.random(at: .now()).description
        let raw = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard raw >= 0 else { throw FileIO.failure("a temporary file cannot be made") }
        unlink(name)
        return SpoolFile(Descriptor(owning: raw))
    }
}

/// A file without a name, written from its start to its end and then read. Used by one at a time.
final class SpoolFile: Sendable {
    private let file: Descriptor
    private let size = Lock<UInt64>(0)

    init(_ file: consuming Descriptor) {
        self.file = file
    }

    var descriptor: Int32 { file.raw }
    /// Bytes that were written.
    var bytes: UInt64 { size.withLock { $0 } }

    func append(_ bytes: [UInt8]) throws(Failure) {
        try bytes.withUnsafeBytes { (all) -> Result<Void, Failure> in
            Result { () throws(Failure) in try FileIO.write(all, to: file.raw, naming: "a temporary file") }
        }.get()
        size.withLock { $0 += UInt64(bytes.count) }
    }

    /// Goes back to the start, to be read.
    func rewind() throws(Failure) {
        guard lseek(file.raw, 0, SEEK_SET) == 0 else { throw FileIO.failure("a temporary file cannot be read") }
    }
}
