package import Archive
internal import Glibc
package import Model
internal import Synchronization

/// The packages' bytes on disk, and the uploads on their way to become packages. Thread-safe; every method blocks.
///
/// The folder holds:
/// - `<hex>.tar` – a package: its canonical tar, named by its SHA-256. Written to a temporary name, synced, renamed;
///   never changed.
/// - `trees/<boot id>/<hex>/` – a package unpacked, for sandboxes. Only a copy of the tar, good for one boot of the
///   machine: after a loss of power a tree that was not synced could be torn, so trees of other boots are removed and
///   made again when they are wanted. That is why trees are never synced.
/// - `archives/<hex>` – which package an archive that was sent became.
/// - `uploads/<hex>-<bytes>` – what has come of an archive; an upload outlives the daemon.
/// - `temporary/` – emptied at start; what is removed goes through it.
///
/// Files go by ``remove(_:need:)`` only, and not while a package is held: from the moment that its files are promised to
/// somebody until the store has its row.
package final class PackageStore: Sendable {
    /// The bounds of uploads.
    package struct Limits: Hashable, Sendable {
        /// What a package may hold.
        package var archive = ArchiveLimits()
        /// Uploads at once. Together they hold at most this many times ``uploadBytes``.
        package var uploads = 64
        /// Seconds after its last chunk until an upload is removed: at start, every hour, and when there are too many.
        package var uploadSeconds: Int64 = 86_400
        /// Seconds without a chunk after which an upload gives way to a new one when there are too many.
        package var idleSeconds: Int64 = 60
        /// Bytes of an archive as sent: the unpacked limit and room for the headers of every entry.
        package var uploadBytes: UInt64 { archive.bytes + 268_435_456 }
        /// Bytes of one chunk: 256 KiB.
        package static let chunkBytes = 262_144

        package init() {}
    }

    /// Where an upload stands.
    package enum Begin: Hashable, Sendable {
        /// Go on sending at `offset`.
        case open(uploadID: String, offset: UInt64)
        /// The same archive is a package already, and held; nothing has to be sent.
        case stored(StoredPackage)
    }

    let root: String
    let trees: String
    let limits: Limits
    let now: @Sendable () -> Timestamp
    let uploads = Mutex<[String: Upload]>([:])
    /// Who is about to store the row of a package, counted. While it is locked no files go.
    let holds = Mutex<[Digest: Int]>([:])
    /// One tree is made again at a time.
    let rebuilding = Mutex<Void>(())

    /// Opens or makes the folder; removes what a crash left, uploads that are too old, and trees of other boots.
    ///
    /// - Parameters:
    ///   - path: only this object uses it (``DataDirectory`` sees to that).
    ///   - now: the clock for age and for the packages' times.
    package init(
        path: String, limits: Limits = Limits(), now: @escaping @Sendable () -> Timestamp = { Timestamp.now() }
    ) throws(Failure) {
        root = path
        trees = path + "/trees/" + Self.bootID()
        self.limits = limits
        self.now = now
        try Disk.makeFolders(path, mode: 0o711)
        try Disk.makeFolders(path + "/trees", mode: 0o711)
        try Disk.makeFolders(trees, mode: 0o711)
        for name in ["archives", "uploads", "temporary"] { try Disk.makeFolders(path + "/" + name, mode: 0o700) }
        for name in try Disk.names(in: path + "/temporary") { try Disk.remove(path + "/temporary/" + name) }
        for name in try Disk.names(in: path + "/trees") where path + "/trees/" + name != trees {
            try Disk.remove(path + "/trees/" + name)
        }
        try loadUploads()
    }

    /// The unpacked tree of a package, to be mounted read-only; `nil` if the package is not stored. Does not change, and
    /// stays while ``remove(_:need:)`` hears that it is used: who wants that is in use before asking. May take as long as
    /// unpacking if the machine was restarted since.
    ///
    /// - Throws: `internalError` if the tar is damaged.
    package func path(of digest: Digest) throws(Failure) -> String? {
        let tree = treePath(digest)
        // In turn with removals: one that has not seen the user is over.
        let (hasTree, hasTar) = holds.withLock { _ in (Disk.exists(tree), Disk.exists(tarPath(digest))) }
        if hasTree { return tree }
        guard hasTar else { return nil }
        return try rebuilding.withLock { (_) throws(Failure) in
            if Disk.exists(tree) { return tree }
            let raw = open(tarPath(digest), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            guard raw >= 0 else { throw FileIO.failure("package \(digest) cannot be opened") }
            let tar = Descriptor(owning: raw)
            guard try SHA256.digest(ofDescriptor: tar.raw) == digest else {
                // Out of the way of the next upload, which brings it back.
                unlink(tarPath(digest))
                throw Failure(.internalError, "package \(digest) is damaged on disk; deploy the function again")
            }
            let temporary = try makeTemporaryFolder()
            do throws(Failure) {
                // The limits may have been lowered since; what is stored is stored.
                try Unpacker.unpack(tar.raw, into: temporary, limits: ArchiveLimits(entries: .max, bytes: .max))
                try placeTree(temporary, digest)
            } catch {
                try? Disk.remove(temporary)
                throw error
            }
            return tree
        }
    }

    /// Whether one of some files is in a package; `true` too where that takes reading the tar, because it was not unpacked
    /// since the machine started. Two system calls or three, without waiting for anybody.
    ///
    /// - Parameter files: relative to the top, inside the package.
    package func mayHave(_ files: [String], in digest: Digest) -> Bool {
        let tree = treePath(digest)
        return files.contains { Disk.isFile(tree + "/" + $0) } || !Disk.exists(tree)
    }

    func tarPath(_ digest: Digest) -> String { root + "/" + digest.hex + ".tar" }

    func treePath(_ digest: Digest) -> String { trees + "/" + digest.hex }

    func temporaryPath() -> String {
        root + "/temporary/" + Identifier.random(at: now()).description
    }

    func makeTemporaryFolder() throws(Failure) -> String {
        let path = temporaryPath()
        guard mkdir(path, 0o755) == 0, chmod(path, 0o755) == 0 else {
            throw FileIO.failure("a folder to unpack into cannot be made")
        }
        return path
    }

    /// Gives an unpacked tree its place, unless somebody was faster.
    func placeTree(_ temporary: String, _ digest: Digest) throws(Failure) {
        if rename(temporary, treePath(digest)) == 0 { return }
        guard errno == ENOTEMPTY || errno == EEXIST else { throw FileIO.failure("package \(digest) cannot be stored") }
        try Disk.remove(temporary)
    }

    private static func bootID() -> String {
        let raw = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        // Without it every start counts as a new boot.
        let unknown = Identifier.random(at: Timestamp.now()).description
        guard raw >= 0 else { return unknown }
        let file = Descriptor(owning: raw)
        var buffer = [UInt8](repeating: 0, count: 64)
        guard let count = try? FileIO.read(file.raw, into: &buffer, naming: "the boot id"), count > 0 else {
            return unknown
        }
        return String(decoding: buffer.prefix(count).filter { $0 > 0x20 && $0 != UInt8(ascii: "/") }, as: UTF8.self)
    }
}
