internal import Archive
package import Model
package import Wire

/// An archive on its way into a store: received whole, verified whole, and then stored in one transaction. Used by one
/// at a time; the methods that are not `async` block.
package final class Import: Sendable {
    /// Packages that the package store keeps for this import.
    private let held = Lock<[Digest]>([])
    /// How sealed values are checked: by the key's id, and by opening each.
    package struct Key: Sendable {
        package var id: [UInt8]
        /// - Throws: if the value of the secret with this id cannot be opened.
        package var verify: @Sendable ([UInt8], Identifier) throws(Failure) -> Void

        package init(
            id: [UInt8], verify: @escaping @Sendable ([UInt8], Identifier) throws(Failure) -> Void
        ) {
            self.id = id
            self.verify = verify
        }
    }

    /// What was verified.
    package struct Content: Sendable {
        let entities: [ImportedEntity]
        /// Records, and how many.
        let calls: SpoolFile
        let callCount: Int
        /// By their members' names.
        let packages: [String: Digest]
    }

    private let folder: TransferFolder
    private let file: SpoolFile

    /// - Throws: `busy` if there are too many.
    package init(in folder: TransferFolder) throws(Failure) {
        try folder.enter()
        self.folder = folder
        do throws(Failure) { file = try folder.makeFile() } catch {
            folder.leave()
            throw error
        }
    }

    deinit { folder.leave() }

    /// Takes the next piece of the archive.
    ///
    /// - Throws: `tooLarge` for a piece over 256 KiB, or beyond the setting `max-import-mib`.
    package func append(_ bytes: [UInt8]) throws(Failure) {
        guard bytes.count <= Export.pieceBytes else {
            throw Failure(
                .tooLarge, "data: \(bytes.count) bytes are over the limit of \(Export.pieceBytes) of one chunk")
        }
        guard UInt64(bytes.count) <= folder.maxImportBytes - min(file.bytes, folder.maxImportBytes) else {
            throw Failure(
                .tooLarge, "data: the archive is over the limit of \(folder.maxImportBytes) bytes (max-import-mib)",
                quota: "max-import-mib")
        }
        try file.append(bytes)
    }

    /// Checks every checksum and decodes every row; nothing is stored.
    ///
    /// - Throws: `invalid` for an archive that is damaged or not whole; `precondition` for one that this daemon cannot
    ///   take: of a newer format, with entities of a newer api_version, with secrets of another key.
    package func verify(_ dialects: Dialects, _ key: Key) throws(Failure) -> Content {
        let reader = try ArchiveReader(file.descriptor)
        let manifest = try Self.manifest(reader)
        var rows: [Row] = []
        let calls = try folder.makeFile()
        var callCount = 0
        var packages: [String: Digest] = [:]
        for member in manifest.members {
            guard let (name, bytes) = try reader.next(), name == member.name, bytes == member.bytes else {
                throw Failure(.invalid, "the archive has no \(quoted(member.name)) where its manifest says")
            }
            var records = RecordFile()
            let digest = try reader.read { (piece) throws(Failure) in
                switch name {
                case ArchiveManifest.entitiesName:
                    try records.take(piece) { (bytes) throws(Failure) in
                        rows.append(try ArchivedEntity(decoding: bytes, strict: true).row())
                    }
                case ArchiveManifest.callsName:
                    try records.take(piece) { (bytes) throws(Failure) in
                        _ = try Self.call(bytes)
                        callCount += 1
                    }
                    try calls.append(Array(piece))
                default: break
                }
            }
            guard digest.description == member.digest else {
                throw Failure(.invalid, "\(quoted(name)) is damaged: it is \(digest), not \(member.digest)")
            }
            try records.finish()
            if name != ArchiveManifest.entitiesName && name != ArchiveManifest.callsName {
                guard ArchiveManifest.packageName(digest) == name else {
                    throw Failure(.invalid, "\(quoted(name)) is no part of an export")
                }
                packages[name] = digest
            }
        }
        guard try reader.next() == nil else { throw Failure(.invalid, "the archive has more than its manifest says") }
        let counts = Dictionary(grouping: rows, by: \.kind.rawValue).mapValues(\.count)
        guard counts == manifest.entities, callCount == manifest.calls,
            Set(rows.filter { $0.kind == .package }.map(\.key)) == Set(packages.values.map(\.description))
        else { throw Failure(.invalid, "the archive does not hold what its manifest says") }
        if rows.contains(where: { $0.kind == .secret }), manifest.keyID != Export.hex(key.id) {
            throw Failure(
                .precondition,
                "the archive's secrets are encrypted with another key (\(manifest.keyID)) than this daemon's "
                    + "(\(Export.hex(key.id))); start the daemon with the key file of where it was exported "
                    + "(secret-key-file)")
        }
        return Content(
            entities: try ImportedEntity.checked(rows, dialects, key), calls: calls, callCount: callCount,
            packages: packages)
    }

    /// Stores the packages, each verified once more; those that are known already are passed over. Without their rows
    /// nobody sees them.
    package func storePackages(_ content: Content, in packages: PackageStore) throws(Failure) {
        guard !content.packages.isEmpty else { return }
        let reader = try ArchiveReader(file.descriptor)
        while let (name, bytes) = try reader.next() {
            guard let digest = content.packages[name] else { continue }
            let (upload, stored): (String, StoredPackage?)
            var offset: UInt64 = 0
            switch try packages.begin(archiveDigest: digest, archiveBytes: bytes) {
            case .open(let id, let held): (upload, stored, offset) = (id, nil, held)
            case .stored(let known): (upload, stored) = ("", known)
            }
            if let stored {
                held.withLock { $0.append(stored.digest) }
                try Self.check(stored, digest, name)
                continue
            }
            var position: UInt64 = 0
            try reader.read { (piece) throws(Failure) in
                // What an upload that was broken off has already is passed over by the package store.
                if position + UInt64(piece.count) > offset {
                    offset = try packages.write(uploadID: upload, offset: position, bytes: Array(piece))
                }
                position += UInt64(piece.count)
            }
            let made = try packages.commit(uploadID: upload)
            held.withLock { $0.append(made.digest) }
            try Self.check(made, digest, name)
        }
    }

    /// The packages have their rows now, or will never have them: whatever nothing needs may go.
    package func releasePackages(in packages: PackageStore) {
        for digest in held.withLock({ $0 }) { packages.release(digest) }
        held.withLock { $0 = [] }
    }

    private static func check(_ package: StoredPackage, _ digest: Digest, _ name: String) throws(Failure) {
        guard package.digest == digest else {
            throw Failure(
                .invalid, "\(quoted(name)) is no package: unpacked and packed again it is \(package.digest)")
        }
    }

    /// Whether the entities could be stored now.
    ///
    /// - Throws: `exists` naming what is there already.
    package func check(_ content: Content, for store: Store, _ context: ChangeContext) async throws {
        let entities = content.entities
        _ = try await store.preview(context) { (transaction) throws(Failure) in
            try transaction.importEntities(entities)
        }
        guard content.callCount > 0, try await store.driver.callCount() > 0 else { return }
        try await Self.eachBatch(of: content.calls) { calls in
            for call in calls where try await store.driver.call(call.meta.id) != nil {
                throw Failure(.exists, "call \(call.meta.id) is recorded already; nothing was imported")
            }
        }
    }

    /// Stores all entities in one transaction, then the records of calls.
    ///
    /// - Returns: how many entities were made, packages and calls.
    /// - Throws: `exists` naming what is there already; nothing is changed then.
    package func store(
        _ content: Content, in store: Store, _ context: ChangeContext
    ) async throws -> ImportResponse {
        let entities = content.entities
        let made = try await store.change(context) { (transaction) throws(Failure) in
            try transaction.importEntities(entities)
        }
        try await Self.eachBatch(of: content.calls) { try await store.driver.append($0) }
        return ImportResponse(
            entities: UInt64(made), packages: UInt64(content.packages.count), calls: UInt64(content.callCount))
    }

    private static func eachBatch(
        of file: SpoolFile, _ body: ([CallRecord]) async throws -> Void
    ) async throws {
        try file.rewind()
        var records = RecordFile()
        var buffer = [UInt8](repeating: 0, count: Export.pieceBytes)
        while true {
            let count = try FileIO.read(file.descriptor, into: &buffer, naming: "a temporary file")
            if count == 0 { return }
            var batch: [CallRecord] = []
            try records.take(buffer.prefix(count)) { (bytes) throws(Failure) in batch.append(try call(bytes)) }
            if !batch.isEmpty { try await body(batch) }
        }
    }

    private static func manifest(_ reader: ArchiveReader) throws(Failure) -> ArchiveManifest {
        guard let (name, bytes) = try reader.next(), name == ArchiveManifest.name else {
            throw Failure(.invalid, "the archive does not begin with \(ArchiveManifest.name); it is no export")
        }
        guard bytes <= ArchiveManifest.maxBytes else {
            throw Failure(
                .tooLarge, "\(name): \(bytes) bytes are over the limit of \(ArchiveManifest.maxBytes) of a manifest")
        }
        var text: [UInt8] = []
        try reader.read { (piece) throws(Failure) in text += piece }
        return try ArchiveManifest.decode(text)
    }

    private static func call(_ bytes: [UInt8]) throws(Failure) -> CallRecord {
        try ArchivedCall(decoding: bytes, strict: true).record()
    }
}
