internal import Calls
internal import Model
internal import Store
internal import Wire

/// `fnrpc.v1.Packages`.
struct PackagesHandler: Sendable {
    let context: AdminContext

    func register(in list: inout MethodList) {
        let context = context
        list.add("fnrpc.v1.Packages", "Begin", .admin) { (request: BeginUploadRequest, _: Caller) in
            let digest = try Digest(request.archiveDigest, field: "archive_digest")
            let upload = try await context.blocking { () throws(Failure) in
                try context.packages.begin(archiveDigest: digest, archiveBytes: request.archiveBytes)
            }
            switch upload {
            case .open(let id, let offset): return BeginUploadResponse(uploadID: id, offset: offset)
            case .stored(let package):
                defer { context.packages.release(package.digest) }
                // A crash may have come between the bytes and their row.
                let known = try await context.store.change { (transaction) throws(Failure) in
                    try transaction.addPackage(package)
                }
                return BeginUploadResponse(offset: package.bytes, packageDigest: known.digest.description)
            }
        }
        list.add("fnrpc.v1.Packages", "Upload", .admin) { (request: UploadChunkRequest, _: Caller) in
            let offset = try await context.blocking { () throws(Failure) in
                try context.packages.write(uploadID: request.uploadID, offset: request.offset, bytes: request.data)
            }
            return UploadChunkResponse(offset: offset)
        }
        list.addChange("fnrpc.v1.Packages", "Commit", target: { [("upload", $0.uploadID)] }) {
            (request: CommitUploadRequest, _: Caller) in
            let stored = try await context.blocking { () throws(Failure) in
                try context.packages.commit(uploadID: request.uploadID)
            }
            defer { context.packages.release(stored.digest) }
            let package = try await context.store.change { (transaction) throws(Failure) in
                try transaction.addPackage(stored)
            }
            return CommitUploadResponse(
                packageDigest: package.digest.description, packageBytes: package.bytes, entries: package.entries)
        }
    }
}
