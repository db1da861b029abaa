package import Model
internal import Wire

/// An archive that can be read at any place, for uploads.
package protocol UploadSource {
    /// SHA-256 of all its bytes.
    var digest: Digest { get }
    /// How many they are.
    var byteCount: UInt64 { get }
    /// Reads a piece; exactly `count` bytes.
    func read(at offset: UInt64, count: Int) throws(Failure) -> [UInt8]
}

/// A package that the daemon holds.
package struct UploadedPackage: Sendable, Hashable {
    /// Its name.
    package let digest: String
    /// Bytes that had to be sent; 0 if the daemon had them all.
    package let sentBytes: UInt64

    package init(digest: String, sentBytes: UInt64) {
        self.digest = digest
        self.sentBytes = sentBytes
    }
}

/// The rules of an upload.
package enum UploadLimits {
    /// Bytes of one chunk; the daemon takes no more.
    package static let chunkBytes = 256 << 10
    /// How often an upload goes on after the connection was lost without a byte of progress in between.
    package static let attempts = 3
    /// Longest wait for the answer to a chunk or to the commit, which unpacks and syncs the package.
    package static let timeout = Duration.seconds(120)
}

extension Client {
    /// Uploads an archive in chunks; goes on where an earlier upload of the same archive, by anybody, ended.
    ///
    /// - Parameter progress: told the bytes that the daemon holds, after every chunk.
    package func upload(
        _ source: some UploadSource, progress: (UInt64) -> Void = { _ in }
    ) async throws(ClientError) -> UploadedPackage {
        var state = UploadState()
        var failures = 0
        while true {
            let before = state.sent
            do throws(ClientError) {
                return try await uploadOnce(source, &state, progress)
            } catch {
                failures = state.sent > before ? 1 : failures + 1
                guard error.code == .unavailable || error.code == .conflict, failures < UploadLimits.attempts else {
                    throw error
                }
            }
        }
    }

    private struct UploadState {
        var sent: UInt64 = 0
    }

    private func uploadOnce(
        _ source: some UploadSource, _ state: inout UploadState, _ progress: (UInt64) -> Void
    ) async throws(ClientError) -> UploadedPackage {
        let service = "fnrpc.v1.Packages"
        let total = source.byteCount
        let begun: BeginUploadResponse = try await call(
            service, "Begin", BeginUploadRequest(archiveDigest: source.digest.description, archiveBytes: total),
            timeout: UploadLimits.timeout)
        if !begun.packageDigest.isEmpty {
            progress(total)
            return UploadedPackage(digest: begun.packageDigest, sentBytes: state.sent)
        }
        var offset = begun.offset
        progress(offset)
        while offset < total {
            let count = Int(min(UInt64(UploadLimits.chunkBytes), total - offset))
            let data: [UInt8]
            do throws(Failure) { data = try source.read(at: offset, count: count) } catch { throw ClientError(error) }
            let answer: UploadChunkResponse = try await call(
                service, "Upload", UploadChunkRequest(uploadID: begun.uploadID, offset: offset, data: data),
                timeout: UploadLimits.timeout)
            // Anything else would send for ever, or leave a gap.
            guard answer.offset > offset, answer.offset <= total else {
                throw ClientError(
                    .internalError,
                    "the daemon answered offset \(answer.offset) to a chunk at \(offset) of \(total) bytes")
            }
            state.sent += answer.offset - offset
            offset = answer.offset
            progress(offset)
        }
        guard offset == total else {
            throw ClientError(.internalError, "the daemon holds \(offset) bytes of an archive of \(total)")
        }
        let committed: CommitUploadResponse = try await call(
            service, "Commit", CommitUploadRequest(uploadID: begun.uploadID), timeout: UploadLimits.timeout)
        return UploadedPackage(digest: committed.packageDigest, sentBytes: state.sent)
    }
}
