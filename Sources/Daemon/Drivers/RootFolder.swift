import Glibc
import Model

/// An administrator's folder that is the root of sandboxes, checked. Making one looks at the file system.
package struct RootFolder: Sendable, Equatable {
    /// Where it is, without links.
    package let path: String

    /// Bytes of the path as it is written.
    package static let maxPathBytes = 4096

    /// Checks a folder.
    ///
    /// Nobody but root, the daemon's user and its owner may be able to change or replace it, and it must neither hold nor
    /// lie in what functions are not to see.
    ///
    /// - Parameters:
    ///   - dataDirectory: the daemon's folder, which no function sees.
    ///   - hiddenPaths: what the administrator hides from functions.
    /// - Throws: `invalid` for what is no absolute path, `precondition` for a folder that cannot be used, with what is
    ///   wrong with it.
    package init(_ written: String, dataDirectory: String, hiddenPaths: [String]) throws(Failure) {
        guard written.hasPrefix("/"), written.utf8.count <= Self.maxPathBytes, !written.utf8.contains(0) else {
            throw Failure(
                .invalid, "root: \(quoted(written)) is not an absolute path of at most \(Self.maxPathBytes) bytes")
        }
        guard let path = Posix.resolved(written) else {
            throw Failure(.precondition, "root: \(quoted(written)) cannot be found: \(Posix.text(errno))")
        }
        guard Posix.kind(path) == .folder else {
            throw Failure(.precondition, "root: \(quoted(written)) is not a folder")
        }
        for (what, other) in [("the data directory", dataDirectory)] + hiddenPaths.map({ ("a hidden path", $0) }) {
            let other = Posix.resolved(other) ?? other
            if Self.contains(path, other) {
                throw Failure(.precondition, "root: \(quoted(written)) contains \(what), \(quoted(other))")
            }
            if Self.contains(other, path) {
                throw Failure(.precondition, "root: \(quoted(written)) is inside \(what), \(quoted(other))")
            }
        }
        try RootSkeleton.checkReachable(path, field: "root")
        try Self.checkOwners(path)
        self.path = path
    }

    /// Whether the second path is the first, or below it.
    private static func contains(_ folder: String, _ path: String) -> Bool {
        path == folder || path.hasPrefix(folder == "/" ? "/" : folder + "/")
    }

    private static func checkOwners(_ path: String) throws(Failure) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Posix.failure("look at", path) }
        guard status.st_mode & 0o022 == 0 else {
            throw Failure(
                .precondition,
                "root: \(path) has mode 0\(String(status.st_mode & 0o7777, radix: 8)), so others than its owner can "
                    + "change what functions run; run: chmod go-w \(path)")
        }
        let owners: Set<uid_t> = [0, geteuid(), status.st_uid]
        var above = path
        while let slash = above.lastIndex(of: "/"), above != "/" {
            above = slash == above.startIndex ? "/" : String(above[..<slash])
            guard stat(above, &status) == 0 else { throw Posix.failure("look at", above) }
            // In a sticky folder, as /tmp is one, everybody can make names but only owners can change them.
            guard owners.contains(status.st_uid), status.st_mode & 0o022 == 0 || status.st_mode & S_ISVTX != 0 else {
                throw Failure(
                    .precondition,
                    "root: \(above), which is above \(quoted(path)), belongs to user \(status.st_uid) and has mode "
                        + "0\(String(status.st_mode & 0o7777, radix: 8)), so others can replace the folder")
            }
        }
    }
}
