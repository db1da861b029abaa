// Generated from proto/fnrpc/v1/packages.proto by scripts/swift-messages.
package import CWire
package import Model

/// Starts or resumes an upload.
package struct BeginUploadRequest: WireMessage {
    /// "sha256:<64 hex digits>" of the bytes that will be sent.
    package var archiveDigest: String
    /// How many they are.
    package var archiveBytes: UInt64

    package init(archiveDigest: String = "", archiveBytes: UInt64 = 0) {
        self.archiveDigest = archiveDigest
        self.archiveBytes = archiveBytes
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__BeginUploadRequest>) {
        fnrpc__v1__begin_upload_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__BeginUploadRequest) throws(Failure) {
        self.init(archiveDigest: text(raw.archive_digest), archiveBytes: raw.archive_bytes)
    }

    package func write(to raw: inout Fnrpc__V1__BeginUploadRequest, _ builder: Builder) {
        raw.archive_digest = builder.string(archiveDigest)
        raw.has_archive_bytes = 1
        raw.archive_bytes = archiveBytes
    }
}

/// Where to go on.
package struct BeginUploadResponse: WireMessage {
    package var uploadID: String
    /// Bytes that the daemon holds already.
    package var offset: UInt64
    /// Of the stored package; empty or absent: the archive has to be sent.
    package var packageDigest: String

    package init(uploadID: String = "", offset: UInt64 = 0, packageDigest: String = "") {
        self.uploadID = uploadID
        self.offset = offset
        self.packageDigest = packageDigest
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__BeginUploadResponse>) {
        fnrpc__v1__begin_upload_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__BeginUploadResponse) throws(Failure) {
        self.init(uploadID: text(raw.upload_id), offset: raw.offset, packageDigest: text(raw.package_digest))
    }

    package func write(to raw: inout Fnrpc__V1__BeginUploadResponse, _ builder: Builder) {
        raw.upload_id = builder.string(uploadID)
        raw.has_offset = 1
        raw.offset = offset
        if !packageDigest.isEmpty { raw.package_digest = builder.string(packageDigest) }
    }
}

/// A piece of the archive.
package struct UploadChunkRequest: WireMessage {
    package var uploadID: String
    package var offset: UInt64
    /// At most 256 KiB.
    package var data: [UInt8]

    package init(uploadID: String = "", offset: UInt64 = 0, data: [UInt8] = []) {
        self.uploadID = uploadID
        self.offset = offset
        self.data = data
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__UploadChunkRequest>) {
        fnrpc__v1__upload_chunk_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__UploadChunkRequest) throws(Failure) {
        self.init(uploadID: text(raw.upload_id), offset: raw.offset, data: bytes(raw.data))
    }

    package func write(to raw: inout Fnrpc__V1__UploadChunkRequest, _ builder: Builder) {
        raw.upload_id = builder.string(uploadID)
        raw.has_offset = 1
        raw.offset = offset
        raw.has_data = 1
        raw.data = builder.bytes(data)
    }
}

/// Where the next piece starts.
package struct UploadChunkResponse: WireMessage {
    /// Where the next chunk starts.
    package var offset: UInt64

    package init(offset: UInt64 = 0) {
        self.offset = offset
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__UploadChunkResponse>) {
        fnrpc__v1__upload_chunk_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__UploadChunkResponse) throws(Failure) {
        self.init(offset: raw.offset)
    }

    package func write(to raw: inout Fnrpc__V1__UploadChunkResponse, _ builder: Builder) {
        raw.has_offset = 1
        raw.offset = offset
    }
}

/// Checks and stores the archive.
package struct CommitUploadRequest: WireMessage {
    package var uploadID: String

    package init(uploadID: String = "") {
        self.uploadID = uploadID
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CommitUploadRequest>) {
        fnrpc__v1__commit_upload_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CommitUploadRequest) throws(Failure) {
        self.init(uploadID: text(raw.upload_id))
    }

    package func write(to raw: inout Fnrpc__V1__CommitUploadRequest, _ builder: Builder) {
        raw.upload_id = builder.string(uploadID)
    }
}

/// The stored package.
package struct CommitUploadResponse: WireMessage {
    package var packageDigest: String
    package var packageBytes: UInt64
    package var entries: UInt32

    package init(packageDigest: String = "", packageBytes: UInt64 = 0, entries: UInt32 = 0) {
        self.packageDigest = packageDigest
        self.packageBytes = packageBytes
        self.entries = entries
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CommitUploadResponse>) {
        fnrpc__v1__commit_upload_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CommitUploadResponse) throws(Failure) {
        self.init(packageDigest: text(raw.package_digest), packageBytes: raw.package_bytes, entries: raw.entries)
    }

    package func write(to raw: inout Fnrpc__V1__CommitUploadResponse, _ builder: Builder) {
        raw.package_digest = builder.string(packageDigest)
        raw.has_package_bytes = 1
        raw.package_bytes = packageBytes
        raw.has_entries = 1
        raw.entries = entries
    }
}
