internal import Archive
internal import Foundation
internal import Model

/// Folders and small files, made so that a crash leaves the old or the new one. Everything blocks.
enum Disk {
    /// Makes a folder and, with mode 0755, what is above it. One that exists is left as it is.
    static func makeFolders(_ path: String, mode: mode_t) throws(Failure) {
        var info = stat()
        if stat(path, &info) == 0 {
            guard info.st_mode & S_IFMT == S_IFDIR else { throw Failure(.invalid, "\(quoted(path)) is not a folder") }
            return
        }
        if let slash = path.dropLast().lastIndex(of: "/"), slash > path.startIndex {
            try makeFolders(String(path[..<slash]), mode: 0o755)
        }
        guard mkdir(path, mode) == 0 || errno == EEXIST else {
            throw FileIO.failure("folder \(quoted(path)) cannot be made")
        }
        // The umask may have taken bits away.
        guard chmod(path, mode) == 0 else { throw FileIO.failure("folder \(quoted(path)) cannot be made") }
    }

    /// Whether something, be it a dangling link, has this name.
    static func exists(_ path: String) -> Bool {
        var info = stat()
        return lstat(path, &info) == 0
    }

    /// Whether a file, or a link to one, has this name.
    static func isFile(_ path: String) -> Bool {
        var info = stat()
        return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
    }

    /// Removes a file, or a folder with everything in it, without following links. What is absent is removed already.
    static func remove(_ path: String) throws(Failure) {
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            guard lstat(path, &info) == 0 else { return }
            throw Failure(.internalError, "\(quoted(path)) cannot be removed: \(error.localizedDescription)")
        }
    }

    /// The names in a folder, without `.` and `..`.
    static func names(in path: String) throws(Failure) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw Failure(.internalError, "\(quoted(path)) cannot be listed: \(error.localizedDescription)")
        }
    }

    /// Writes a small file under a temporary name, syncs it, and gives it its name.
    static func replace(_ path: String, with text: String, temporary: String) throws(Failure) {
        let raw = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard raw >= 0 else { throw FileIO.failure("a file cannot be made") }
        let descriptor = Descriptor(owning: raw)
        do {
            try Array(text.utf8).withUnsafeBufferPointer { (bytes) throws(Failure) in
                try FileIO.write(UnsafeRawBufferPointer(bytes), to: descriptor.raw, naming: "a file")
            }
            try sync(descriptor.raw)
            try move(temporary, to: path)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Renames, and syncs the folder that got the new name.
    static func move(_ source: String, to target: String) throws(Failure) {
        guard rename(source, target) == 0 else { throw FileIO.failure("a file cannot be given its name") }
        guard let slash = target.lastIndex(of: "/") else { return }
        let raw = open(String(target[..<slash]), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard raw >= 0 else { throw FileIO.failure("a folder cannot be opened") }
        let folder = Descriptor(owning: raw)
        try sync(folder.raw)
    }

    static func sync(_ descriptor: Int32) throws(Failure) {
        guard fsync(descriptor) == 0 else { throw FileIO.failure("a file cannot be brought to disk") }
    }
}
