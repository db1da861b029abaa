internal import Archive
internal import Glibc
package import Model

/// The tar of a stored package, open: readable to its end, whatever happens to the package. Thread-safe; reading blocks.
package final class PackageFile: Sendable {
    package let digest: Digest
    /// Its size.
    package let bytes: UInt64
    private let file: Descriptor

    fileprivate init(_ digest: Digest, _ file: consuming Descriptor) throws(Failure) {
        var info = stat()
        guard fstat(file.raw, &info) == 0, info.st_size >= 0 else {
            throw FileIO.failure("package \(digest) cannot be read")
        }
        self.digest = digest
        bytes = UInt64(info.st_size)
        self.file = file
    }

    /// A piece of it.
    ///
    /// - Parameters:
    ///   - offset: at most ``bytes``.
    ///   - count: at most so many bytes; fewer at the end only.
    package func read(at offset: UInt64, count: Int) throws(Failure) -> [UInt8] {
        let wanted = Int(min(UInt64(count), bytes - min(offset, bytes)))
        var piece = [UInt8](repeating: 0, count: wanted)
        var done = 0
        while done < wanted {
            let got = piece.withUnsafeMutableBytes {
                pread(file.raw, $0.baseAddress.map { $0 + done }, wanted - done, off_t(offset) + off_t(done))
            }
            if got < 0 && errno == EINTR { continue }
            if got < 0 { throw FileIO.failure("package \(digest) cannot be read") }
            guard got > 0 else {
                throw Failure(.internalError, "package \(digest) is damaged on disk; deploy the function again")
            }
            done += got
        }
        return piece
    }
}

extension PackageStore {
    /// Opens the tar of a package, as it was stored; `nil` if it is not there.
    package func file(of digest: Digest) throws(Failure) -> PackageFile? {
        let raw = Glibc.open(tarPath(digest), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        if raw < 0 && errno == ENOENT { return nil }
        guard raw >= 0 else { throw FileIO.failure("package \(digest) cannot be opened") }
        return try PackageFile(digest, Descriptor(owning: raw))
    }
}
