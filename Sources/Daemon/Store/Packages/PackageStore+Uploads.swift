internal import Archive
internal import Glibc
package import Model
internal import Synchronization

/// One archive on its way. Thread-safe: everything happens under its lock.
final class Upload: Sendable {
    let archive: Digest
    let bytes: UInt64
    let path: String
    let state: Mutex<State>

    struct State {
        /// Bytes that are held.
        var offset: UInt64
        /// Removed, by a commit or a refusal.
        var isGone = false
    }

    init(archive: Digest, bytes: UInt64, path: String, offset: UInt64) {
        self.archive = archive
        self.bytes = bytes
        self.path = path
        state = Mutex(State(offset: offset))
    }

    static func id(archive: Digest, bytes: UInt64) -> String { "\(archive.hex)-\(bytes)" }

    /// What an id says; `nil` for what ``id(archive:bytes:)`` does not produce.
    static func parse(_ id: String) -> (archive: Digest, bytes: UInt64)? {
        let parts = id.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let archive = try? Digest("sha256:" + parts[0], field: "archive"),
            let bytes = UInt64(parts[1]), Self.id(archive: archive, bytes: bytes) == id
        else { return nil }
        return (archive, bytes)
    }
}

extension PackageStore {
    /// Starts an upload, or takes up one that was broken off: by this caller, by another, or by an earlier run of the
    /// daemon. A package that is stored already is held: ``release(_:)`` it when its row is stored.
    ///
    /// - Parameters:
    ///   - archiveDigest: of the bytes that will be sent.
    ///   - archiveBytes: how many they are.
    /// - Throws: `invalid` for 0 bytes, `tooLarge` over the limit, `busy` if there are too many uploads.
    package func begin(archiveDigest: Digest, archiveBytes: UInt64) throws(Failure) -> Begin {
        if let package = try stored(archive: archiveDigest) { return .stored(package) }
        guard archiveBytes > 0 else {
            throw Failure(.invalid, "archive_bytes: 0 is out of range; an archive has bytes")
        }
        guard archiveBytes <= limits.uploadBytes else {
            throw Failure(
                .tooLarge, "archive_bytes: \(archiveBytes) are over the limit of \(limits.uploadBytes) bytes")
        }
        for _ in 0..<3 {
            let upload = try findOrMake(archiveDigest, archiveBytes)
            // Not under the registry's lock: a commit holds an upload's lock for long.
            if let offset = upload.state.withLock({ $0.isGone ? nil : $0.offset }) {
                return .open(uploadID: Upload.id(archive: archiveDigest, bytes: archiveBytes), offset: offset)
            }
            if let package = try stored(archive: archiveDigest) { return .stored(package) }
        }
        throw Failure(.conflict, "the same archive is uploaded and refused again and again; try again")
    }

    private func findOrMake(_ archive: Digest, _ bytes: UInt64) throws(Failure) -> Upload {
        let id = Upload.id(archive: archive, bytes: bytes)
        if uploads.withLock({ $0[id] == nil && $0.count >= limits.uploads }) { makeRoom() }
        return try uploads.withLock { (uploads) throws(Failure) in
            if let known = uploads[id] { return known }
            guard uploads.count < limits.uploads else {
                throw Failure(.busy, "there are \(limits.uploads) uploads already, which is the limit; try again later")
            }
            let path = root + "/uploads/" + id
            let raw = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard raw >= 0 else { throw FileIO.failure("the upload cannot be started") }
            close(raw)
            let upload = Upload(archive: archive, bytes: bytes, path: path, offset: 0)
            uploads[id] = upload
            return upload
        }
    }

    /// Takes a chunk. Bytes that are held already are passed over, so a chunk may be sent again.
    ///
    /// - Returns: where the next chunk starts.
    /// - Throws: `notFound` for an unknown upload; `tooLarge` over 256 KiB; `precondition` if the chunk leaves a gap,
    ///   naming the expected offset; `invalid` beyond the announced size.
    package func write(uploadID: String, offset: UInt64, bytes: [UInt8]) throws(Failure) -> UInt64 {
        guard bytes.count <= Limits.chunkBytes else {
            throw Failure(
                .tooLarge, "data: \(bytes.count) bytes are over the limit of \(Limits.chunkBytes) of one chunk")
        }
        let upload = try find(uploadID)
        return try upload.state.withLock { (state) throws(Failure) in
            if state.isGone { throw Self.noUpload(uploadID) }
            let (end, overflow) = offset.addingReportingOverflow(UInt64(bytes.count))
            guard !overflow, end <= upload.bytes else {
                throw Failure(
                    .invalid, "data: the chunk goes beyond the \(upload.bytes) bytes that were announced")
            }
            guard offset <= state.offset else {
                throw Failure(.precondition, "offset: \(offset) leaves a gap; \(state.offset) was expected")
            }
            if end <= state.offset { return state.offset }
            let raw = open(upload.path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
            guard raw >= 0 else { throw FileIO.failure("the upload cannot be written") }
            let file = Descriptor(owning: raw)
            let fresh = bytes.dropFirst(Int(state.offset - offset))
            guard lseek(file.raw, off_t(state.offset), SEEK_SET) >= 0 else {
                throw FileIO.failure("the upload cannot be written")
            }
            do throws(Failure) {
                try fresh.withUnsafeBufferPointer { (piece) throws(Failure) in
                    try FileIO.write(UnsafeRawBufferPointer(piece), to: file.raw, naming: "the upload")
                }
            } catch {
                // The file's size is the offset after a restart: no half chunk may stay.
                _ = ftruncate(file.raw, off_t(state.offset))
                throw error
            }
            state.offset = end
            return end
        }
    }

    func find(_ id: String) throws(Failure) -> Upload {
        guard let upload = uploads.withLock({ $0[id] }) else { throw Self.noUpload(id) }
        return upload
    }

    static func noUpload(_ id: String) -> Failure {
        Failure(.notFound, "upload \(quoted(id)) was not found; begin it again")
    }

    /// Forgets an upload. Its lock is held by the caller.
    func drop(_ upload: Upload, _ state: inout Upload.State) {
        state.isGone = true
        unlink(upload.path)
        uploads.withLock { $0[Upload.id(archive: upload.archive, bytes: upload.bytes)] = nil }
    }

    /// Finds the uploads of the daemon's earlier runs. At start only.
    func loadUploads() throws(Failure) {
        for name in try Disk.names(in: root + "/uploads") {
            let path = root + "/uploads/" + name
            var info = stat()
            guard let (archive, bytes) = Upload.parse(name), lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG,
                info.st_size >= 0, UInt64(info.st_size) <= bytes, bytes <= limits.uploadBytes, !isStale(info)
            else {
                try Disk.remove(path)
                continue
            }
            let upload = Upload(archive: archive, bytes: bytes, path: path, offset: UInt64(info.st_size))
            uploads.withLock { $0[name] = upload }
        }
    }

    /// Makes room: removes what is stale, else the upload that has waited longest for its next chunk.
    private func makeRoom() {
        removeStaleUploads()
        guard uploads.withLock({ $0.count >= limits.uploads }) else { return }
        var oldest: (upload: Upload, seconds: Int)?
        for upload in uploads.withLock({ Array($0.values) }) {
            var info = stat()
            guard lstat(upload.path, &info) == 0 else { continue }
            if oldest.map({ info.st_mtim.tv_sec < $0.seconds }) ?? true { oldest = (upload, info.st_mtim.tv_sec) }
        }
        guard let oldest, now().nanoseconds / 1_000_000_000 - Int64(oldest.seconds) > limits.idleSeconds else { return }
        _ = oldest.upload.state.withLockIfAvailable { drop(oldest.upload, &$0) }
    }

    /// Removes the uploads whose last chunk is older than the limit.
    package func removeStaleUploads() {
        for upload in uploads.withLock({ Array($0.values) }) {
            // One whose lock is taken is in use.
            upload.state.withLockIfAvailable { state in
                var info = stat()
                if lstat(upload.path, &info) != 0 || isStale(info) { drop(upload, &state) }
            }
        }
    }

    private func isStale(_ info: stat) -> Bool {
        now().nanoseconds / 1_000_000_000 - Int64(info.st_mtim.tv_sec) > limits.uploadSeconds
    }
}
