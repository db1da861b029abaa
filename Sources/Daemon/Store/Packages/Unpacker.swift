internal import Archive
internal import CArchive
internal import Glibc
internal import Model

/// Unpacks an archive that nobody vouches for into an empty folder.
///
/// libarchive only reads; every file is made here, below the folder's own descriptor, never through a link. Formats:
/// tar and zip, plain or gzip. Owners, times, setuid bits, extended attributes and ACLs are not taken over. Counted
/// are the bytes that come out, not those that headers promise. Not thread-safe; blocks.
struct Unpacker: ~Copyable {
    private let limits: ArchiveLimits
    private var folder: FolderCursor
    /// What was made so far, by the bytes of its path: Swift takes two spellings of "é" for one string.
    private var made: [[UInt8]: Made] = [:]
    private var bytes: UInt64 = 0
    private var buffer = [UInt8](repeating: 0, count: 262_144)

    private enum Made {
        case file
        case link
        case folder
        /// Made for what is in it; its own entry may still come.
        case impliedFolder
    }

    /// What libarchive may pass over beside files' content: headers, padding. 16 KiB an entry would be generous;
    /// 1 GiB bounds the time that a bomb of headers takes.
    private static let overheadBytes: UInt64 = 1_073_741_824

    private init(folder: String, limits: ArchiveLimits) throws(Failure) {
        self.limits = limits
        self.folder = try FolderCursor(path: folder)
    }

    /// Unpacks.
    ///
    /// - Parameters:
    ///   - descriptor: an open, seekable file at its start; stays open.
    ///   - folder: exists and is empty; after a failure, what is in it is of no use.
    /// - Throws: `invalid` or `tooLarge` naming the entry that is refused.
    static func unpack(
        _ descriptor: Int32, into folder: String, limits: ArchiveLimits
    ) throws(Failure) {
        var unpacker = try Unpacker(folder: folder, limits: limits)
        try unpacker.run(descriptor)
    }

    private mutating func run(_ descriptor: Int32) throws(Failure) {
        var start = [UInt8](repeating: 0, count: 2)
        let isZip = pread(descriptor, &start, 2, 0) == 2 && start == Array("PK".utf8)
        // libarchive converts names by the thread's locale. In "C" it gives up on tar's UTF-8 and hands over the very
        // bytes, which is what we want (C.UTF-8 would rewrite them to NFC); zip's names it then loses.
        let locale = newlocale(LC_CTYPE_MASK, isZip ? "C.UTF-8" : "C", nil)
        let previous = locale.map { uselocale($0) }
        defer {
            if let locale {
                _ = uselocale(previous ?? nil)
                freelocale(locale)
            }
        }
        guard let archive = archive_read_new() else { throw Failure(.internalError, "out of memory") }
        defer { archive_read_free(archive) }
        if isZip {
            archive_read_support_format_zip(archive)
        } else {
            archive_read_support_format_tar(archive)
            archive_read_support_filter_gzip(archive)
        }
        guard lseek(descriptor, 0, SEEK_SET) == 0, archive_read_open_fd(archive, descriptor, 65_536) == ARCHIVE_OK
        else {
            throw unreadable(archive)
        }
        while true {
            var entry: OpaquePointer?
            let result = archive_read_next_header(archive, &entry)
            if result == ARCHIVE_EOF { return }
            // A warning is a name that was not converted.
            guard result == ARCHIVE_OK || result == ARCHIVE_WARN, let entry else { throw unreadable(archive) }
            try checkProgress(archive)
            try take(entry, of: archive)
        }
    }

    private mutating func take(_ entry: OpaquePointer, of archive: OpaquePointer) throws(Failure) {
        guard let name = archive_entry_pathname(entry) else {
            throw Failure(.invalid, "the archive has an entry with no readable name")
        }
        let type = UInt32(archive_entry_filetype(entry))
        guard let path = try Self.path(name) else {
            guard type == S_IFDIR else { throw Failure(.invalid, "the archive has an entry with an empty name") }
            return
        }
        guard archive_entry_hardlink(entry) == nil else {
            throw Failure(.invalid, "\(quoted(path)) is a hard link; pack the file itself")
        }
        switch type {
        case S_IFDIR: try makeFolder(path, as: .folder)
        case S_IFREG:
            try claim(path, as: .file)
            try writeFile(path, executable: UInt32(archive_entry_perm(entry)) & S_IXUSR != 0, from: archive)
        case S_IFLNK:
            guard let pointer = archive_entry_symlink(entry), let target = String(validatingCString: pointer) else {
                throw Failure(.invalid, "link \(quoted(path)): the target is empty or not valid UTF-8")
            }
            try LinkRule.check(path: path, target: target)
            try claim(path, as: .link)
            let (parent, name) = try folder.parent(of: path)
            guard symlinkat(target, parent, name) == 0 else {
                throw FileIO.failure("link \(quoted(path)) cannot be made")
            }
        case S_IFIFO: throw unfit(path, "a FIFO")
        case S_IFSOCK: throw unfit(path, "a socket")
        case S_IFCHR, S_IFBLK: throw unfit(path, "a device node")
        default: throw unfit(path, "of an unknown kind")
        }
    }

    /// The name without `.` components and double slashes; `nil` for the folder itself.
    private static func path(_ name: UnsafePointer<CChar>) throws(Failure) -> String? {
        guard let text = String(validatingCString: name) else {
            throw Failure(.invalid, "\(quoted(String(cString: name))): the name is not valid UTF-8")
        }
        guard !text.utf8.starts(with: "/".utf8) else {
            throw Failure(.invalid, "\(quoted(text)) is an absolute path; entries must be relative")
        }
        guard text.utf8.count <= ArchiveLimits.pathBytes else {
            throw Failure(
                .invalid,
                "\(quoted(text)): the path has \(text.utf8.count) bytes; at most "
                    + "\(ArchiveLimits.pathBytes) are allowed")
        }
        var components: [String] = []
        for component in text.pathComponents where component != "." {
            guard component != ".." else { throw Failure(.invalid, "\(quoted(text)) leaves the folder by \"..\"") }
            guard component.utf8.count <= ArchiveLimits.nameBytes else {
                throw Failure(
                    .invalid,
                    "\(quoted(text)): a name has \(component.utf8.count) bytes; at most "
                        + "\(ArchiveLimits.nameBytes) are allowed")
            }
            components.append(component)
        }
        return components.isEmpty ? nil : components.joined(separator: "/")
    }

    /// Makes room for an entry: the folders above it, and the entry in the books.
    private mutating func claim(_ path: String, as kind: Made) throws(Failure) {
        if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) {
            let parent = String(path[..<slash])
            switch made[Array(parent.utf8)] {
            case .folder, .impliedFolder: break
            case nil: try makeFolder(parent, as: .impliedFolder)
            case .link: throw Failure(.invalid, "\(quoted(path)) goes through the link \(quoted(parent))")
            case .file: throw Failure(.invalid, "\(quoted(path)) goes through the file \(quoted(parent))")
            }
        }
        guard made[Array(path.utf8)] == nil else { throw Failure(.invalid, "\(quoted(path)) is in the archive twice") }
        guard made.count < limits.entries else { throw limits.tooManyEntries }
        made[Array(path.utf8)] = kind
    }

    private mutating func makeFolder(_ path: String, as kind: Made) throws(Failure) {
        if case .impliedFolder = made[Array(path.utf8)] {
            made[Array(path.utf8)] = kind
            return
        }
        try claim(path, as: kind)
        let (parent, name) = try folder.parent(of: path)
        guard mkdirat(parent, name, 0o755) == 0, fchmodat(parent, name, 0o755, 0) == 0 else {
            throw FileIO.failure("folder \(quoted(path)) cannot be made")
        }
    }

    private mutating func writeFile(
        _ path: String, executable: Bool, from archive: OpaquePointer
    ) throws(Failure) {
        let (parent, name) = try folder.parent(of: path)
        let raw = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard raw >= 0 else { throw FileIO.failure("\(quoted(path)) cannot be made") }
        let file = Descriptor(owning: raw)
        while true {
            let count = buffer.withUnsafeMutableBytes { archive_read_data(archive, $0.baseAddress, $0.count) }
            if count == 0 { break }
            guard count > 0 else { throw unreadable(archive, at: path) }
            guard UInt64(count) <= limits.bytes - bytes else { throw limits.tooManyBytes(at: path) }
            bytes += UInt64(count)
            try checkProgress(archive)
            try buffer.withUnsafeBufferPointer { (all) throws(Failure) in
                let piece = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: all.prefix(count)))
                try FileIO.write(piece, to: file.raw, naming: quoted(path))
            }
        }
        guard fchmod(file.raw, executable ? 0o755 : 0o644) == 0 else {
            throw FileIO.failure("\(quoted(path)) cannot be made")
        }
    }

    private func checkProgress(_ archive: OpaquePointer) throws(Failure) {
        let (bound, overflow) = limits.bytes.addingReportingOverflow(Self.overheadBytes)
        guard overflow || UInt64(clamping: archive_filter_bytes(archive, 0)) <= bound else {
            throw Failure(.tooLarge, "the archive unpacks to far more than its files; it is refused")
        }
    }

    private func unreadable(_ archive: OpaquePointer, at path: String? = nil) -> Failure {
        let detail = archive_error_string(archive).map { String(cString: $0) } ?? "it is damaged"
        let place = path.map { " at \(quoted($0))" } ?? ""
        return Failure(
            .invalid, "the archive cannot be read\(place): \(detail); send a tar, a tar.gz or a zip")
    }

    private func unfit(_ path: String, _ kind: String) -> Failure {
        Failure(.invalid, "\(quoted(path)) is \(kind); a package holds only files, folders and links")
    }
}
