internal import Archive
internal import Glibc
package import Model
internal import Synchronization

extension PackageStore {
    /// Makes a package of an upload: checks the archive's digest, unpacks it with every check, and stores its canonical
    /// tar. A refused archive leaves nothing, not even the upload. If the same is committed twice, at once or after a
    /// lost answer, both get the same package. The result's `meta` is made here; the store keeps the first. The package
    /// is held: ``release(_:)`` it when its row is stored.
    ///
    /// - Throws: `notFound` for an unknown upload; `precondition` if bytes are missing; `invalid` or `tooLarge` for an
    ///   archive that is refused.
    package func commit(uploadID: String) throws(Failure) -> StoredPackage {
        guard let upload = uploads.withLock({ $0[uploadID] }) else { return try stored(uploadID) }
        return try upload.state.withLock { (state) throws(Failure) in
            if state.isGone { return try stored(uploadID) }
            guard state.offset == upload.bytes else {
                throw Failure(
                    .precondition, "the upload has \(state.offset) of \(upload.bytes) bytes; send the rest first")
            }
            do throws(Failure) {
                let package = try store(upload)
                drop(upload, &state)
                return package
            } catch {
                // After a full disk the upload is still good.
                if error.code == .invalid || error.code == .tooLarge { drop(upload, &state) }
                throw error
            }
        }
    }

    /// The package that an archive became, held; `nil` if it was never committed, or its tar is gone.
    func stored(archive: Digest) throws(Failure) -> StoredPackage? {
        guard let (digest, bytes, entries) = try record(named: archive.hex) else { return nil }
        hold(digest)
        if Disk.exists(tarPath(digest)) { return package(digest, bytes, entries) }
        release(digest)
        return nil
    }

    /// What `archives/<name>` says; `nil` if it is not there or unreadable.
    func record(named name: String) throws(Failure) -> (digest: Digest, bytes: UInt64, entries: UInt32)? {
        let folder = try FolderCursor(path: root + "/archives")
        guard let contents = try FileIO.contents(of: name, in: folder.descriptor, limit: 1024) else { return nil }
        let words = String(decoding: contents, as: UTF8.self).split(separator: " ")
        guard words.count == 3, let digest = try? Digest(String(words[0]), field: "package"),
            let bytes = UInt64(words[1]), let entries = UInt32(words[2].dropLast()), words[2].hasSuffix("\n")
        else { return nil }
        return (digest, bytes, entries)
    }

    /// For an upload that is gone: the package that it became.
    private func stored(_ uploadID: String) throws(Failure) -> StoredPackage {
        guard let (archive, _) = Upload.parse(uploadID), let package = try stored(archive: archive) else {
            throw Self.noUpload(uploadID)
        }
        return package
    }

    private func package(_ digest: Digest, _ bytes: UInt64, _ entries: UInt32) -> StoredPackage {
        let time = now()
        return StoredPackage(
            meta: Meta(id: Identifier.random(at: time), createdAt: time), digest: digest, bytes: bytes, entries: entries
        )
    }

    private func store(_ upload: Upload) throws(Failure) -> StoredPackage {
        let raw = open(upload.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard raw >= 0 else { throw FileIO.failure("the upload cannot be read") }
        let file = Descriptor(owning: raw)
        let actual = try SHA256.digest(ofDescriptor: file.raw)
        guard actual == upload.archive else {
            throw Failure(
                .invalid, "the archive that was sent is \(actual), not \(upload.archive) as announced; send it again")
        }
        let folder = try makeTemporaryFolder()
        let tar = temporaryPath()
        do throws(Failure) {
            try Unpacker.unpack(file.raw, into: folder, limits: limits.archive)
            let canonical = try CanonicalTar(folder: folder, limits: limits.archive)
            let digest = try write(canonical, to: tar)
            let package = package(digest, canonical.bytes, UInt32(canonical.entries.count))
            hold(digest)
            do throws(Failure) {
                try place(tar, digest)
                try placeTree(folder, digest)
                for archive in Set([upload.archive, digest]) { try record(archive, package) }
            } catch {
                release(digest)
                throw error
            }
            return package
        } catch {
            unlink(tar)
            try? Disk.remove(folder)
            throw error
        }
    }

    /// Writes and syncs a tar, and gives its digest.
    private func write(_ canonical: CanonicalTar, to path: String) throws(Failure) -> Digest {
        let raw = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard raw >= 0 else { throw FileIO.failure("the package cannot be stored") }
        let file = Descriptor(owning: raw)
        var hash = try SHA256()
        try canonical.write { (piece) throws(Failure) in
            hash.update(piece)
            try FileIO.write(piece, to: file.raw, naming: "the package")
        }
        try Disk.sync(file.raw)
        return hash.finish()
    }

    /// Gives a tar its name. If the name is taken, by the same bytes then, the new one is dropped.
    private func place(_ temporary: String, _ digest: Digest) throws(Failure) {
        if Disk.exists(tarPath(digest)) {
            unlink(temporary)
        } else {
            try Disk.move(temporary, to: tarPath(digest))
        }
    }

    private func record(_ archive: Digest, _ package: StoredPackage) throws(Failure) {
        try Disk.replace(
            root + "/archives/" + archive.hex, with: "\(package.digest) \(package.bytes) \(package.entries)\n",
            temporary: temporaryPath())
    }
}
