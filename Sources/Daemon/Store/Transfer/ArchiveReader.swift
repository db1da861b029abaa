internal import Archive
internal import CArchive
internal import Glibc
internal import Model

/// Reads the members of an export, in order. Not thread-safe; blocks.
final class ArchiveReader {
    private let archive: OpaquePointer
    private var buffer = [UInt8](repeating: 0, count: Export.pieceBytes)

    /// - Parameter descriptor: an open, seekable file; stays open.
    init(_ descriptor: Int32) throws(Failure) {
        guard let archive = archive_read_new() else { throw Failure(.internalError, "out of memory") }
        self.archive = archive
        archive_read_support_format_tar(archive)
        guard lseek(descriptor, 0, SEEK_SET) == 0, archive_read_open_fd(archive, descriptor, 65_536) == ARCHIVE_OK
        else {
            throw failure()
        }
    }

    deinit { archive_read_free(archive) }

    /// The next member; `nil`: that was the last.
    func next() throws(Failure) -> (name: String, bytes: UInt64)? {
        var entry: OpaquePointer?
        let result = archive_read_next_header(archive, &entry)
        if result == ARCHIVE_EOF { return nil }
        guard result == ARCHIVE_OK || result == ARCHIVE_WARN, let entry else { throw failure() }
        guard let pointer = archive_entry_pathname(entry), let name = String(validatingCString: pointer),
            UInt32(archive_entry_filetype(entry)) == S_IFREG, archive_entry_hardlink(entry) == nil
        else { throw Failure(.invalid, "the archive has a member that is no file of an export") }
        return (name, UInt64(max(archive_entry_size(entry), 0)))
    }

    /// Hands over the member's bytes in pieces.
    ///
    /// - Returns: their digest.
    @discardableResult
    func read(_ body: (ArraySlice<UInt8>) throws(Failure) -> Void) throws(Failure) -> Digest {
        var hash = try SHA256()
        while true {
            let count = buffer.withUnsafeMutableBytes { archive_read_data(archive, $0.baseAddress, $0.count) }
            if count == 0 { return hash.finish() }
            guard count > 0 else { throw failure() }
            buffer.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
            try body(buffer.prefix(count))
        }
    }

    private func failure() -> Failure {
        let detail = archive_error_string(archive).map { String(cString: $0) } ?? "it is damaged"
        return Failure(.invalid, "the archive cannot be read: \(detail); send what Maintenance/Export gave")
    }
}
