import Glibc
import Model

/// Collects the entries of one folder without following links. Not thread-safe.
struct FolderWalk: ~Copyable {
    private let folder: FolderCursor
    private let ignore: IgnoreRules
    private let limits: ArchiveLimits
    private(set) var entries: [ArchiveEntry] = []
    private var bytes: UInt64 = 0

    init(folder: String, ignore: IgnoreRules, limits: ArchiveLimits) throws(Failure) {
        self.folder = try FolderCursor(path: folder)
        self.ignore = ignore
        self.limits = limits
    }

    mutating func run() throws(Failure) {
        // A list of folders to visit, not recursion: depth costs no stack and only one descriptor at a time.
        var folders = [""]
        while let path = folders.popLast() {
            try visit(path, &folders)
        }
    }

    private mutating func visit(_ path: String, _ folders: inout [String]) throws(Failure) {
        let descriptor = try folder.openFolder(path)
        guard let stream = fdopendir(descriptor) else {
            let failure = FileIO.failure("\(quoted(path)) cannot be listed")
            close(descriptor)
            throw failure
        }
        defer { closedir(stream) }
        while true {
            errno = 0
            guard let item = readdir(stream) else {
                if errno != 0 { throw FileIO.failure("\(quoted(path)) cannot be listed") }
                return
            }
            let name = withUnsafeBytes(of: &item.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name == [UInt8(ascii: ".")] || name == Array("..".utf8) { continue }
            guard let text = String(validating: name, as: UTF8.self) else {
                throw Failure(
                    .invalid,
                    "\(quoted(join(path, String(decoding: name, as: UTF8.self)))): the name is not valid UTF-8")
            }
            try add(join(path, text), name: text, in: descriptor, &folders)
        }
    }

    private mutating func add(
        _ path: String, name: String, in descriptor: Int32, _ folders: inout [String]
    ) throws(Failure) {
        var info = stat()
        guard fstatat(descriptor, name, &info, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw FileIO.failure("\(quoted(path)) cannot be read")
        }
        let type = info.st_mode & S_IFMT
        if ignore.ignores(path, isFolder: type == S_IFDIR) { return }
        guard entries.count < limits.entries else { throw limits.tooManyEntries }
        guard path.utf8.count <= ArchiveLimits.pathBytes else {
            throw Failure(
                .invalid,
                "\(quoted(path)): the path has \(path.utf8.count) bytes; at most "
                    + "\(ArchiveLimits.pathBytes) are allowed")
        }
        switch type {
        case S_IFDIR:
            entries.append(ArchiveEntry(path: path, kind: .folder))
            folders.append(path)
        case S_IFREG:
            let size = UInt64(max(info.st_size, 0))
            guard size <= limits.bytes - bytes else { throw limits.tooManyBytes(at: path) }
            bytes += size
            entries.append(ArchiveEntry(path: path, kind: .file(bytes: size, executable: info.st_mode & S_IXUSR != 0)))
        case S_IFLNK:
            entries.append(ArchiveEntry(path: path, kind: .link(target: try target(path, name, descriptor))))
        case S_IFIFO: throw unfit(path, "a FIFO")
        case S_IFSOCK: throw unfit(path, "a socket")
        default: throw unfit(path, "a device node")
        }
    }

    private func target(_ path: String, _ name: String, _ descriptor: Int32) throws(Failure) -> String {
        var buffer = [CChar](repeating: 0, count: ArchiveLimits.targetBytes + 1)
        let count = readlinkat(descriptor, name, &buffer, buffer.count)
        guard count >= 0 else { throw FileIO.failure("link \(quoted(path)) cannot be read") }
        guard let text = String(validating: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) else {
            throw Failure(.invalid, "link \(quoted(path)): the target is not valid UTF-8")
        }
        return text
    }

    private func unfit(_ path: String, _ kind: String) -> Failure {
        Failure(.invalid, "\(quoted(path)) is \(kind); a package holds only files, folders and links")
    }

    private func join(_ path: String, _ name: String) -> String {
        path.isEmpty ? name : path + "/" + name
    }
}
