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
        /// How many bytes the value of the secret with this id has.
        ///
        /// - Throws: if it cannot be opened.
        package var open: @Sendable ([UInt8], Identifier) throws(Failure) -> Int

        package init(
            id: [UInt8], open: @escaping @Sendable ([UInt8], Identifier) throws(Failure) -> Int
        ) {
            self.id = id
            self.open = open
        }
    }

    /// What was verified.
    package struct Content: Sendable {
        let entities: [ImportedEntity]
        /// Records, and how many.
        let calls: ArchivedCalls
        let callCount: Int
        /// By their members' names.
        let packages: [String: StoredPackage]
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

    /// Checks every checksum, and every row as the requests are checked that could make it; nothing is stored.
    ///
    /// - Throws: `invalid` for an archive that is damaged or not whole, or holds what no request could have made, naming
    ///   entity and field; `precondition` for one that this daemon cannot take: of a newer format, with entities of a
    ///   newer daemon, with secrets of another key.
    package func verify(_ surroundings: Surroundings, _ key: Key) throws(Failure) -> Content {
        let reader = try ArchiveReader(file.descriptor)
        let manifest = try Self.manifest(reader)
        var rows: [Row] = []
        let calls = try folder.makeFile()
        var callIDs: Set<Identifier> = []
        var specs: Set<Digest> = []
        var packages: [String: UInt64] = [:]
        for member in manifest.members {
            guard let (name, bytes) = try reader.next(), name == member.name, bytes == member.bytes else {
                throw Failure(.invalid, "the archive has no \(quoted(member.name)) where its manifest says")
            }
            var records = RecordFile()
            let digest = try reader.read { (piece) throws(Failure) in
                switch name {
                case ArchiveManifest.entitiesName:
                    try records.take(piece) { (bytes) throws(Failure) in
                        rows.append(try ArchivedEntity(decoding: bytes, strict: true, quota: MemoryQuota.answer).row())
                    }
                case ArchiveManifest.callsName:
                    try records.take(piece) { (bytes) throws(Failure) in
                        let archived = try ArchivedCall(decoding: bytes, strict: true, quota: MemoryQuota.answer)
                        let call = try archived.record()
                        try call.checkImported()
                        try archived.checkSpec(&specs)
                        guard callIDs.insert(call.meta.id).inserted else {
                            throw Failure(.invalid, "call \(call.meta.id): id: it is in the archive twice")
                        }
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
                packages[name] = bytes
            }
        }
        guard try reader.next() == nil else { throw Failure(.invalid, "the archive has more than its manifest says") }
        let counts = Dictionary(grouping: rows, by: \.kind.rawValue).mapValues(\.count)
        guard counts == manifest.entities, callIDs.count == manifest.calls else {
            throw Failure(.invalid, "the archive does not hold what its manifest says")
        }
        if rows.contains(where: { $0.kind == .secret }), manifest.keyID != Export.hex(key.id) {
            throw Failure(
                .precondition,
                "the archive's secrets are encrypted with another key (\(manifest.keyID)) than this daemon's "
                    + "(\(Export.hex(key.id))); start the daemon with the key file of where it was exported "
                    + "(secret-key-file)")
        }
        let entities = try ImportedEntity.checked(rows, surroundings, key)
        return Content(
            entities: entities, calls: ArchivedCalls(file: calls), callCount: callIDs.count,
            packages: try Self.packages(of: entities, packages))
    }

    /// The packages by their members' names: each is there, and has the size that its entity says.
    private static func packages(
        of entities: [ImportedEntity], _ members: [String: UInt64]
    ) throws(Failure) -> [String: StoredPackage] {
        var result: [String: StoredPackage] = [:]
        for case let package as StoredPackage in entities.map(\.entity) {
            let name = ArchiveManifest.packageName(package.digest)
            guard let bytes = members[name] else {
                throw Failure(.invalid, "package \(package.digest): \(quoted(name)) is not in the archive")
            }
            guard bytes == package.bytes else {
                throw Failure(
                    .invalid, "package \(package.digest): bytes: \(package.bytes) is not the size of its tar, \(bytes)")
            }
            result[name] = package
        }
        guard result.count == members.count else {
            throw Failure(.invalid, "the archive has packages that it has no entities of")
        }
        return result
    }

    /// Stores the packages, each verified once more; those that are known already are passed over. Without their rows
    /// nobody sees them.
    package func storePackages(_ content: Content, in packages: PackageStore) throws(Failure) {
        guard !content.packages.isEmpty else { return }
        let reader = try ArchiveReader(file.descriptor)
        while let (name, bytes) = try reader.next() {
            guard let package = content.packages[name] else { continue }
            let (upload, stored): (String, StoredPackage?)
            var offset: UInt64 = 0
            switch try packages.begin(archiveDigest: package.digest, archiveBytes: bytes) {
            case .open(let id, let held): (upload, stored, offset) = (id, nil, held)
            case .stored(let known): (upload, stored) = ("", known)
            }
            if let stored {
                held.withLock { $0.append(stored.digest) }
                try Self.check(stored, package, name)
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
            try Self.check(made, package, name)
        }
    }

    /// The packages have their rows now, or will never have them: whatever nothing needs may go.
    package func releasePackages(in packages: PackageStore) {
        for digest in held.withLock({ $0 }) { packages.release(digest) }
        held.withLock { $0 = [] }
    }

    private static func check(_ made: StoredPackage, _ package: StoredPackage, _ name: String) throws(Failure) {
        guard made.digest == package.digest else {
            throw Failure(.invalid, "\(quoted(name)) is no package: unpacked and packed again it is \(made.digest)")
        }
        guard made.entries == package.entries else {
            throw Failure(
                .invalid, "package \(package.digest): entries: \(package.entries) is not what it has, \(made.entries)")
        }
    }

    /// Whether the entities could be stored now.
    ///
    /// - Throws: `exists` naming what is there already.
    package func check(_ content: Content, for store: Store, _ context: ChangeContext) async throws(Failure) {
        let entities = content.entities
        _ = try await store.preview(context) { (transaction) throws(Failure) in
            try transaction.importEntities(entities)
        }
    }

    /// Stores all entities and all records of calls in one transaction.
    ///
    /// - Returns: how many entities were made, packages and calls.
    /// - Throws: `exists` naming what is there already; nothing is changed then.
    package func store(
        _ content: Content, in store: Store, _ context: ChangeContext
    ) async throws(Failure) -> ImportResponse {
        let (entities, calls) = (content.entities, content.calls)
        let hasCalls = content.callCount > 0
        let made = try await store.change(context) { (transaction) throws(Failure) in
            if hasCalls { transaction.add(calls) }
            return try transaction.importEntities(entities)
        }
        return ImportResponse(
            entities: UInt64(made), packages: UInt64(content.packages.count), calls: UInt64(content.callCount))
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
}
