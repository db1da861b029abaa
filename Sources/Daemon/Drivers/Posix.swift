import Glibc
import Model

/// The few file operations that the driver needs, without Foundation. Thread-safe; all block.
package enum Posix {
    /// The text of an errno.
    package static func text(_ code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// A failure of the platform: what was tried, on what, and the errno's text.
    package static func failure(_ action: String, _ path: String, _ code: Int32 = errno) -> Failure {
        Failure(.internalError, "cannot \(action) \(path): \(text(code))")
    }

    /// Calls again while a signal interrupts.
    package static func retrying(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result != -1 || errno != EINTR { return result }
        }
    }

    /// A file's bytes, at most `limit` of them; `nil` if it cannot be read.
    package static func read(_ path: String, limit: Int = 1 << 20) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return read(descriptor: file, limit: limit)
    }

    /// What can be read from a descriptor without error, at most `limit` bytes.
    package static func read(descriptor: Int32, limit: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < limit {
            let wanted = min(chunk.count, limit - bytes.count)
            let count = chunk.withUnsafeMutableBytes { buffer in
                retrying { Glibc.read(descriptor, buffer.baseAddress, wanted) }
            }
            if count <= 0 { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        return bytes
    }

    /// A file's text; `nil` if it cannot be read.
    package static func text(of path: String, limit: Int = 1 << 20) -> String? {
        read(path, limit: limit).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Makes or replaces a file. No name is left half written: the caller owns the folder alone.
    package static func write(_ path: String, _ bytes: [UInt8], mode: mode_t) throws(Failure) {
        try bytes.withUnsafeBufferPointer { (bytes) throws(Failure) in
            try write(path, UnsafeRawBufferPointer(bytes), mode: mode)
        }
    }

    /// Makes or replaces a file. No name is left half written: the caller owns the folder alone.
    package static func write(_ path: String, _ bytes: UnsafeRawBufferPointer, mode: mode_t) throws(Failure) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
        guard file >= 0 else { throw failure("write", path) }
        defer { close(file) }
        var offset = 0
        while offset < bytes.count {
            let count = retrying { Glibc.write(file, bytes.baseAddress.map { $0 + offset }, bytes.count - offset) }
            guard count > 0 else { throw failure("write", path) }
            offset += count
        }
        // The umask must not decide what a sandbox can read.
        guard fchmod(file, mode) == 0 else { throw failure("set the mode of", path) }
    }

    /// Makes a folder, and the folders above it; an existing folder is kept as it is.
    package static func makeFolder(_ path: String, mode: mode_t) throws(Failure) {
        if mkdir(path, mode) != 0 {
            let code = errno
            if code == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
                try makeFolder(String(path[..<slash]), mode: mode)
                guard mkdir(path, mode) == 0 || errno == EEXIST else { throw failure("make the folder", path) }
            } else if code != EEXIST {
                throw failure("make the folder", path, code)
            } else if kind(path) != .folder {
                throw failure("make the folder", path, ENOTDIR)
            } else {
                return
            }
        }
        guard chmod(path, mode) == 0 else { throw failure("set the mode of", path) }
    }

    /// What a path is.
    package enum Kind: Sendable {
        case file, folder, link, other
    }

    /// What a path is; `nil` if it is not there.
    package static func kind(_ path: String, followingLinks: Bool = true) -> Kind? {
        var status = stat()
        guard (followingLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .folder
        case S_IFLNK: return .link
        default: return .other
        }
    }

    /// Whether a path is on a mount that runs no programs (noexec).
    package static func forbidsPrograms(_ path: String) -> Bool {
        // See statvfs(3): ST_NOEXEC, which Swift does not see.
        let noExec: UInt = 8
        var status = statvfs()
        return statvfs(path, &status) == 0 && status.f_flag & noExec != 0
    }

    /// Where a link points; `nil` if the path is not a link.
    package static func target(ofLink path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { room in
                room.baseAddress.map { readlink(path, $0, room.count) } ?? -1
            }
        }
        return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// The path without links; `nil` if it is not there.
    package static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The names in a folder, sorted; empty if it cannot be read.
    package static func names(in path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a file or a folder with everything in it; follows no link; what cannot be removed stays.
    package static func remove(_ path: String) {
        guard let kind = kind(path, followingLinks: false) else { return }
        guard kind == .folder else {
            unlink(path)
            return
        }
        for name in names(in: path) { remove(path + "/" + name) }
        rmdir(path)
    }

    /// Waits until one of the descriptors is readable or hung up, or the time is over.
    ///
    /// - Returns: which of them are; empty when the time is over.
    package static func wait(for descriptors: [Int32], until deadline: Instant) -> [Int32] {
        var events = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while true {
            let left = deadline.nanoseconds(since: .now())
            let milliseconds = Int32(clamping: (left + 999_999) / 1_000_000)
            let count = poll(&events, nfds_t(events.count), milliseconds)
            if (count < 0 && errno == EINTR) || (count == 0 && left > 0) { continue }
            return events.filter { $0.revents != 0 }.map(\.fd)
        }
    }
}
