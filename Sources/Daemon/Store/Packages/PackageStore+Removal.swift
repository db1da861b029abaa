internal import Archive
internal import Glibc
package import Model
internal import Synchronization

/// Whether somebody needs the files of a package.
package enum PackageNeed: Hashable, Sendable {
    /// Nobody.
    case none
    /// For now: a container has them, or their row is about to be stored.
    case forNow
    /// The store has its row.
    case stored
}

extension PackageStore {
    /// Keeps a package's files until ``release(_:)``.
    func hold(_ digest: Digest) { holds.withLock { $0[digest, default: 0] += 1 } }

    /// The row of a package that ``begin(archiveDigest:archiveBytes:)`` or ``commit(uploadID:)`` gave is stored, or never
    /// will be. Does not block.
    package func release(_ digest: Digest) {
        holds.withLock { holds in
            guard let count = holds[digest] else { preconditionFailure("BUG: package \(digest) is not held") }
            holds[digest] = count > 1 ? count - 1 : nil
        }
    }

    /// Removes the files of a package that nobody needs. After a crash they are gone, or whole, or in `temporary/`.
    ///
    /// - Parameter need: asked while no package can be held and no tree be given out, so what it says stays true; must not
    ///   wait nor use this object.
    /// - Returns: who needs the files; ``PackageNeed/none``: they are gone.
    package func remove(_ digest: Digest, need: () -> PackageNeed) throws(Failure) -> PackageNeed {
        let (tar, tree) = (temporaryPath(), temporaryPath())
        let found = try holds.withLock { (holds) throws(Failure) -> PackageNeed in
            if holds[digest] != nil { return .forNow }
            let need = need()
            guard need == .none else { return need }
            try Self.putAway(treePath(digest), to: tree)
            try Self.putAway(tarPath(digest), to: tar)
            return .none
        }
        guard found == .none else { return found }
        try Disk.remove(tar)
        try Disk.remove(tree)
        return .none
    }

    /// Gives something, if it is there, a temporary name. Not synced: what a crash brings back is removed at start.
    private static func putAway(_ path: String, to temporary: String) throws(Failure) {
        guard Disk.exists(path) else { return }
        guard rename(path, temporary) == 0 else { throw FileIO.failure("\(quoted(path)) cannot be removed") }
    }

    /// The packages that have files.
    package func all() throws(Failure) -> Set<Digest> {
        let tars = try Disk.names(in: root).filter { $0.hasSuffix(".tar") }.map { $0.dropLast(4) }
        let names = try tars.map(String.init) + Disk.names(in: trees)
        return Set(names.compactMap { try? Digest("sha256:" + $0, field: "package") })
    }

    /// Forgets which archives became packages that are gone.
    package func forgetArchives() throws(Failure) {
        for name in try Disk.names(in: root + "/archives") {
            guard let (digest, _, _) = try record(named: name) else { continue }
            holds.withLock { holds in
                if holds[digest] == nil && !Disk.exists(tarPath(digest)) { unlink(root + "/archives/" + name) }
            }
        }
    }
}
