import Glibc
import Model

/// A file that appears under its name when it is whole. One task writes; what is not committed is removed, also by
/// Ctrl-C.
final class AtomicFile {
    private let path: String
    private let option: String
    private let temporary: String
    private let descriptor: Int32
    private var isCommitted = false

    /// Makes a temporary file beside the target, for its owner only.
    ///
    /// - Parameter option: how errors call what named it.
    init(_ path: String, option: String) throws(Failure) {
        var status = stat()
        guard stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(.invalid, "\(option): \(quoted(path)) is there and not a regular file; choose another name")
        }
        var template = Array("\(path).XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        guard descriptor >= 0 else {
            throw Failure(
                .invalid,
                "\(option): \(quoted(path)): \(String(cString: strerror(errno))); name a file in a folder that can be "
                    + "written")
        }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        temporary = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.path = path
        self.option = option
        Interruption.shared.guardFolder(temporary)
    }

    deinit {
        close(descriptor)
        if !isCommitted { unlink(temporary) }
        Interruption.shared.release(folder: temporary)
    }

    /// Appends bytes.
    func write(_ bytes: [UInt8]) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw failure }
            rest = rest.dropFirst(count)
        }
    }

    /// Puts it under its name, in place of what was there, and on the disk.
    func commit() throws(Failure) {
        guard fsync(descriptor) == 0, rename(temporary, path) == 0 else { throw failure }
        isCommitted = true
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let parent = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard parent >= 0 else { return }
        fsync(parent)
        close(parent)
    }

    private var failure: Failure {
        Failure(
            .internalError, "\(option): \(quoted(path)): \(String(cString: strerror(errno))); make room and try again")
    }
}
