import Glibc
import Model

/// Opens what is beneath a folder, one path component after the other, and never through a link: what somebody swaps
/// for a link meanwhile is refused, not followed. Remembers the last parent, since neighbours come together.
/// Not thread-safe.
package struct FolderCursor: ~Copyable, Sendable {
    private let root: Descriptor
    private var parent: Descriptor?
    private var parentDescriptor: Int32 = -1
    private var parentPath = ""

    /// - Parameter path: the folder; the path itself may go through links.
    package init(path: String) throws(Failure) {
        let raw = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard raw >= 0 else {
            if errno == ENOENT { throw Failure(.notFound, "folder \(quoted(path)) does not exist") }
            if errno == ENOTDIR { throw Failure(.invalid, "\(quoted(path)) is not a folder") }
            throw FileIO.failure("folder \(quoted(path)) cannot be opened")
        }
        root = Descriptor(owning: raw)
    }

    /// The folder's own descriptor; valid as long as the cursor.
    package var descriptor: Int32 { root.raw }

    /// The open folder that holds `path`, and the last component of `path`.
    ///
    /// - Parameter path: relative, components joined by single slashes, none of them `.` or `..`.
    /// - Returns: the descriptor is valid until the next call.
    package mutating func parent(of path: String) throws(Failure) -> (descriptor: Int32, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (root.raw, path) }
        let folder = String(path[..<slash])
        let name = String(path[path.utf8.index(after: slash)...])
        if parentDescriptor >= 0, folder.utf8.elementsEqual(parentPath.utf8) { return (parentDescriptor, name) }
        let raw = try openFolder(folder)
        parent = Descriptor(owning: raw)
        parentDescriptor = raw
        parentPath = folder
        return (raw, name)
    }

    /// Opens a folder beneath; `""` is the root. The caller owns the descriptor.
    package func openFolder(_ path: String) throws(Failure) -> Int32 {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        var current = Descriptor(owning: try Self.open(root.raw, ".", flags, naming: path))
        for component in path.pathComponents {
            current = Descriptor(owning: try Self.open(current.raw, component, flags, naming: path))
        }
        let copy = fcntl(current.raw, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw FileIO.failure("\(quoted(path)) cannot be opened") }
        return copy
    }

    /// Opens a regular file beneath for reading. The caller owns the descriptor.
    package mutating func openFile(_ path: String) throws(Failure) -> Int32 {
        let (folder, name) = try parent(of: path)
        // Without O_NONBLOCK a FIFO put there meanwhile would hold us for ever.
        return try Self.open(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, naming: path)
    }

    private static func open(
        _ folder: Int32, _ name: String, _ flags: Int32, naming path: String
    ) throws(Failure) -> Int32 {
        let raw = openat(folder, name, flags)
        guard raw >= 0 else { throw FileIO.failure("\(quoted(path)) cannot be opened") }
        return raw
    }
}
