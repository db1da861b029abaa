// Generated from proto/fnrpc/v1/maintenance.proto by scripts/swift-messages.
package import CWire
package import Model

/// The request of Entities/CountByApiVersion.
package struct CountByApiVersionRequest: WireMessage {
    /// Empty or absent: all kinds.
    package var kind: String

    package init(kind: String = "") {
        self.kind = kind
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CountByApiVersionRequest>) {
        fnrpc__v1__count_by_api_version_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CountByApiVersionRequest) throws(Failure) {
        self.init(kind: text(raw.kind))
    }

    package func write(to raw: inout Fnrpc__V1__CountByApiVersionRequest, _ builder: Builder) {
        if !kind.isEmpty { raw.kind = builder.string(kind) }
    }
}

/// A part of CountByApiVersionResponse.
package struct ApiVersionCount: WireMessage {
    package var kind: String
    package var apiVersion: UInt32
    package var entities: UInt64

    package init(kind: String = "", apiVersion: UInt32 = 0, entities: UInt64 = 0) {
        self.kind = kind
        self.apiVersion = apiVersion
        self.entities = entities
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ApiVersionCount>) {
        fnrpc__v1__api_version_count__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ApiVersionCount) throws(Failure) {
        self.init(kind: text(raw.kind), apiVersion: raw.api_version, entities: raw.entities)
    }

    package func write(to raw: inout Fnrpc__V1__ApiVersionCount, _ builder: Builder) {
        raw.kind = builder.string(kind)
        raw.has_api_version = 1
        raw.api_version = apiVersion
        raw.has_entities = 1
        raw.entities = entities
    }
}

/// The answer of Entities/CountByApiVersion.
package struct CountByApiVersionResponse: WireMessage {
    package var counts: [ApiVersionCount]

    package init(counts: [ApiVersionCount] = []) {
        self.counts = counts
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CountByApiVersionResponse>) {
        fnrpc__v1__count_by_api_version_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CountByApiVersionResponse) throws(Failure) {
        self.init(counts: try list(raw.counts, raw.n_counts))
    }

    package func write(to raw: inout Fnrpc__V1__CountByApiVersionResponse, _ builder: Builder) {
        raw.n_counts = counts.count
        raw.counts = builder.messages(counts)
    }
}

/// Removes entities of a test version: those that nothing outside of them needs, and what belongs to them is among
/// them.
package struct PurgeByApiVersionRequest: WireMessage {
    /// Absent: refused; a release (odd) is never purged.
    package var apiVersion: UInt32?
    /// Empty or absent: all kinds.
    package var kind: String
    /// Absent or false: only say what would go.
    package var confirm: Bool

    package init(apiVersion: UInt32? = nil, kind: String = "", confirm: Bool = false) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.confirm = confirm
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__PurgeByApiVersionRequest>) {
        fnrpc__v1__purge_by_api_version_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__PurgeByApiVersionRequest) throws(Failure) {
        self.init(
            apiVersion: raw.has_api_version != 0 ? raw.api_version : nil, kind: text(raw.kind),
            confirm: raw.confirm != 0)
    }

    package func write(to raw: inout Fnrpc__V1__PurgeByApiVersionRequest, _ builder: Builder) {
        raw.has_api_version = apiVersion == nil ? 0 : 1
        raw.api_version = apiVersion ?? 0
        if !kind.isEmpty { raw.kind = builder.string(kind) }
        raw.has_confirm = 1
        raw.confirm = confirm ? 1 : 0
    }
}

/// The answer of Entities/PurgeByApiVersion.
package struct PurgeByApiVersionResponse: WireMessage {
    package var deletion: Deletion?
    /// What stays, and what needs it; at most the first 100.
    package var refused: [String]
    /// Of all that stay.
    package var refusedCount: UInt64

    package init(deletion: Deletion? = nil, refused: [String] = [], refusedCount: UInt64 = 0) {
        self.deletion = deletion
        self.refused = refused
        self.refusedCount = refusedCount
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__PurgeByApiVersionResponse>) {
        fnrpc__v1__purge_by_api_version_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__PurgeByApiVersionResponse) throws(Failure) {
        self.init(
            deletion: try optional(raw.deletion), refused: texts(raw.refused, raw.n_refused),
            refusedCount: raw.refused_count)
    }

    package func write(to raw: inout Fnrpc__V1__PurgeByApiVersionResponse, _ builder: Builder) {
        raw.deletion = deletion.map { builder.message($0) }
        raw.n_refused = refused.count
        raw.refused = builder.strings(refused)
        raw.has_refused_count = 1
        raw.refused_count = refusedCount
    }
}

/// The request of Entities/GetRaw.
package struct GetRawRequest: WireMessage {
    package var kind: String
    package var id: String

    package init(kind: String = "", id: String = "") {
        self.kind = kind
        self.id = id
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetRawRequest>) {
        fnrpc__v1__get_raw_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetRawRequest) throws(Failure) {
        self.init(kind: text(raw.kind), id: text(raw.id))
    }

    package func write(to raw: inout Fnrpc__V1__GetRawRequest, _ builder: Builder) {
        raw.kind = builder.string(kind)
        raw.id = builder.string(id)
    }
}

/// A stored entity as it is, also one that this daemon is too old to understand.
package struct RawEntity: WireMessage {
    package var kind: String
    package var id: String
    package var parentID: String
    package var name: String
    package var apiVersion: UInt32
    package var revision: UInt64
    package var createdAt: Timestamp
    package var updatedAt: Timestamp
    /// The entity's message in its own api_version.
    package var body: [UInt8]

    package init(
        kind: String = "", id: String = "", parentID: String = "", name: String = "", apiVersion: UInt32 = 0,
        revision: UInt64 = 0, createdAt: Timestamp = Timestamp(nanoseconds: 0),
        updatedAt: Timestamp = Timestamp(nanoseconds: 0), body: [UInt8] = []
    ) {
        self.kind = kind
        self.id = id
        self.parentID = parentID
        self.name = name
        self.apiVersion = apiVersion
        self.revision = revision
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.body = body
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__RawEntity>) {
        fnrpc__v1__raw_entity__init(raw)
    }

    package init(_ raw: Fnrpc__V1__RawEntity) throws(Failure) {
        self.init(
            kind: text(raw.kind), id: text(raw.id), parentID: text(raw.parent_id), name: text(raw.name),
            apiVersion: raw.api_version, revision: raw.revision, createdAt: Timestamp(nanoseconds: raw.created_at),
            updatedAt: Timestamp(nanoseconds: raw.updated_at), body: bytes(raw.body))
    }

    package func write(to raw: inout Fnrpc__V1__RawEntity, _ builder: Builder) {
        raw.kind = builder.string(kind)
        raw.id = builder.string(id)
        raw.parent_id = builder.string(parentID)
        raw.name = builder.string(name)
        raw.has_api_version = 1
        raw.api_version = apiVersion
        raw.has_revision = 1
        raw.revision = revision
        raw.has_created_at = 1
        raw.created_at = createdAt.nanoseconds
        raw.has_updated_at = 1
        raw.updated_at = updatedAt.nanoseconds
        raw.has_body = 1
        raw.body = builder.bytes(body)
    }
}

/// Stores every entity in another api_version, up or down; its meaning, revision and time stay.
package struct MigrateEntitiesRequest: WireMessage {
    /// Absent: refused.
    package var to: UInt32?
    /// Only count.
    package var dryRun: Bool

    package init(to: UInt32? = nil, dryRun: Bool = false) {
        self.to = to
        self.dryRun = dryRun
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__MigrateEntitiesRequest>) {
        fnrpc__v1__migrate_entities_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__MigrateEntitiesRequest) throws(Failure) {
        self.init(to: raw.has_to != 0 ? raw.to : nil, dryRun: raw.dry_run != 0)
    }

    package func write(to raw: inout Fnrpc__V1__MigrateEntitiesRequest, _ builder: Builder) {
        raw.has_to = to == nil ? 0 : 1
        raw.to = to ?? 0
        raw.has_dry_run = 1
        raw.dry_run = dryRun ? 1 : 0
    }
}

/// Sent after every 200 entities; the last one has done + refused = total.
package struct MigrateEntitiesProgress: WireMessage {
    /// converted, or could be
    package var done: UInt64
    /// Of another api_version that this daemon knows, when it began.
    package var total: UInt64
    /// Could not be converted, and stay as they are.
    package var refused: UInt64
    /// why, of the first 20 that were refused
    package var problems: [String]
    /// Of an api_version that this daemon does not know; never touched.
    package var unknown: UInt64
    /// The first 100 of them by their ids, which begin with the time they were made.
    package var unknownIDs: [String]

    package init(
        done: UInt64 = 0, total: UInt64 = 0, refused: UInt64 = 0, problems: [String] = [], unknown: UInt64 = 0,
        unknownIDs: [String] = []
    ) {
        self.done = done
        self.total = total
        self.refused = refused
        self.problems = problems
        self.unknown = unknown
        self.unknownIDs = unknownIDs
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__MigrateEntitiesProgress>) {
        fnrpc__v1__migrate_entities_progress__init(raw)
    }

    package init(_ raw: Fnrpc__V1__MigrateEntitiesProgress) throws(Failure) {
        self.init(
            done: raw.done, total: raw.total, refused: raw.refused, problems: texts(raw.problems, raw.n_problems),
            unknown: raw.unknown, unknownIDs: texts(raw.unknown_ids, raw.n_unknown_ids))
    }

    package func write(to raw: inout Fnrpc__V1__MigrateEntitiesProgress, _ builder: Builder) {
        raw.has_done = 1
        raw.done = done
        raw.has_total = 1
        raw.total = total
        raw.has_refused = 1
        raw.refused = refused
        raw.n_problems = problems.count
        raw.problems = builder.strings(problems)
        raw.has_unknown = 1
        raw.unknown = unknown
        raw.n_unknown_ids = unknownIDs.count
        raw.unknown_ids = builder.strings(unknownIDs)
    }
}

/// The request of Maintenance/Backup.
package struct BackupRequest: WireMessage {
    package init() {}

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__BackupRequest>) {
        fnrpc__v1__backup_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__BackupRequest) throws(Failure) {
        self.init()
    }

    package func write(to raw: inout Fnrpc__V1__BackupRequest, _ builder: Builder) {}
}

/// A copy of the database. What is in `missing` is needed beside it to restore everything.
package struct BackupResponse: WireMessage {
    /// Of the file in the data directory's backups.
    package var name: String
    package var bytes: UInt64
    package var digest: String
    /// Parts of the data directory that are not in it: packages, secret.key.
    package var missing: [String]

    package init(name: String = "", bytes: UInt64 = 0, digest: String = "", missing: [String] = []) {
        self.name = name
        self.bytes = bytes
        self.digest = digest
        self.missing = missing
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__BackupResponse>) {
        fnrpc__v1__backup_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__BackupResponse) throws(Failure) {
        self.init(
            name: text(raw.name), bytes: raw.bytes, digest: text(raw.digest),
            missing: texts(raw.missing, raw.n_missing))
    }

    package func write(to raw: inout Fnrpc__V1__BackupResponse, _ builder: Builder) {
        raw.name = builder.string(name)
        raw.has_bytes = 1
        raw.bytes = bytes
        raw.digest = builder.string(digest)
        raw.n_missing = missing.count
        raw.missing = builder.strings(missing)
    }
}

/// The request of Maintenance/Export.
package struct ExportRequest: WireMessage {
    /// With the records of calls.
    package var calls: Bool

    package init(calls: Bool = false) {
        self.calls = calls
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ExportRequest>) {
        fnrpc__v1__export_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ExportRequest) throws(Failure) {
        self.init(calls: raw.calls != 0)
    }

    package func write(to raw: inout Fnrpc__V1__ExportRequest, _ builder: Builder) {
        raw.has_calls = 1
        raw.calls = calls ? 1 : 0
    }
}

/// The answer of Maintenance/Export.
package struct ArchiveChunk: WireMessage {
    /// At most 256 KiB.
    package var data: [UInt8]

    package init(data: [UInt8] = []) {
        self.data = data
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ArchiveChunk>) {
        fnrpc__v1__archive_chunk__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ArchiveChunk) throws(Failure) {
        self.init(data: bytes(raw.data))
    }

    package func write(to raw: inout Fnrpc__V1__ArchiveChunk, _ builder: Builder) {
        raw.has_data = 1
        raw.data = builder.bytes(data)
    }
}

/// A stored entity as an archive has it.
package struct ArchivedEntity: WireMessage {
    package var kind: String
    package var id: String
    package var parentID: String
    package var key: String
    package var apiVersion: UInt32
    package var revision: UInt64
    package var createdAt: Timestamp
    package var updatedAt: Timestamp
    /// What it needs.
    package var referenceIDs: [String]
    /// What no other of its kind and parent may have.
    package var claims: [String]
    /// A secret's encrypted value, the hash of a token.
    package var sealed: [UInt8]
    /// The entity's message in its own api_version.
    package var body: [UInt8]

    package init(
        kind: String = "", id: String = "", parentID: String = "", key: String = "", apiVersion: UInt32 = 0,
        revision: UInt64 = 0, createdAt: Timestamp = Timestamp(nanoseconds: 0),
        updatedAt: Timestamp = Timestamp(nanoseconds: 0), referenceIDs: [String] = [], claims: [String] = [],
        sealed: [UInt8] = [], body: [UInt8] = []
    ) {
        self.kind = kind
        self.id = id
        self.parentID = parentID
        self.key = key
        self.apiVersion = apiVersion
        self.revision = revision
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.referenceIDs = referenceIDs
        self.claims = claims
        self.sealed = sealed
        self.body = body
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ArchivedEntity>) {
        fnrpc__v1__archived_entity__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ArchivedEntity) throws(Failure) {
        self.init(
            kind: text(raw.kind), id: text(raw.id), parentID: text(raw.parent_id), key: text(raw.key),
            apiVersion: raw.api_version, revision: raw.revision, createdAt: Timestamp(nanoseconds: raw.created_at),
            updatedAt: Timestamp(nanoseconds: raw.updated_at),
            referenceIDs: texts(raw.reference_ids, raw.n_reference_ids), claims: texts(raw.claims, raw.n_claims),
            sealed: bytes(raw.sealed), body: bytes(raw.body))
    }

    package func write(to raw: inout Fnrpc__V1__ArchivedEntity, _ builder: Builder) {
        raw.kind = builder.string(kind)
        raw.id = builder.string(id)
        raw.parent_id = builder.string(parentID)
        raw.key = builder.string(key)
        raw.has_api_version = 1
        raw.api_version = apiVersion
        raw.has_revision = 1
        raw.revision = revision
        raw.has_created_at = 1
        raw.created_at = createdAt.nanoseconds
        raw.has_updated_at = 1
        raw.updated_at = updatedAt.nanoseconds
        raw.n_reference_ids = referenceIDs.count
        raw.reference_ids = builder.strings(referenceIDs)
        raw.n_claims = claims.count
        raw.claims = builder.strings(claims)
        raw.has_sealed = 1
        raw.sealed = builder.bytes(sealed)
        raw.has_body = 1
        raw.body = builder.bytes(body)
    }
}

/// The record of a call as an archive has it.
package struct ArchivedCall: WireMessage {
    package var call: CallRecord
    /// Empty: there was none, or it was removed.
    package var log: [UInt8]
    /// Likewise.
    package var input: [UInt8]
    /// The CallSpec that the call's spec_digest names, once for all calls that share it.
    package var spec: [UInt8]

    package init(call: CallRecord, log: [UInt8] = [], input: [UInt8] = [], spec: [UInt8] = []) {
        self.call = call
        self.log = log
        self.input = input
        self.spec = spec
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ArchivedCall>) {
        fnrpc__v1__archived_call__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ArchivedCall) throws(Failure) {
        self.init(
            call: try required(raw.call, "call"), log: bytes(raw.log), input: bytes(raw.input), spec: bytes(raw.spec))
    }

    package func write(to raw: inout Fnrpc__V1__ArchivedCall, _ builder: Builder) {
        raw.call = builder.message(call)
        raw.has_log = 1
        raw.log = builder.bytes(log)
        raw.has_input = 1
        raw.input = builder.bytes(input)
        raw.has_spec = 1
        raw.spec = builder.bytes(spec)
    }
}

/// The answer of Maintenance/Import.
package struct ImportResponse: WireMessage {
    /// Made; without those that were there (built-in runtimes, packages).
    package var entities: UInt64
    package var packages: UInt64
    package var calls: UInt64

    package init(entities: UInt64 = 0, packages: UInt64 = 0, calls: UInt64 = 0) {
        self.entities = entities
        self.packages = packages
        self.calls = calls
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ImportResponse>) {
        fnrpc__v1__import_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ImportResponse) throws(Failure) {
        self.init(entities: raw.entities, packages: raw.packages, calls: raw.calls)
    }

    package func write(to raw: inout Fnrpc__V1__ImportResponse, _ builder: Builder) {
        raw.has_entities = 1
        raw.entities = entities
        raw.has_packages = 1
        raw.packages = packages
        raw.has_calls = 1
        raw.calls = calls
    }
}
