internal import Model
internal import Wire

/// A row of an archive that was found to be good.
struct ImportedEntity: Sendable {
    /// Bytes of a token's hash.
    private static let hashBytes = 32

    let row: Row
    let entity: any Entity
    /// A runtime that every daemon has, under an id of its own.
    var isBuiltIn: Bool { (entity as? Runtime)?.isBuiltIn ?? false }

    /// Checks rows one by one and against one another, by the rules of the requests that could have made them: each is
    /// what its message says, and needs only others of the archive.
    ///
    /// - Returns: parents first, and packages and runtimes before what refers to them.
    /// - Throws: `invalid` naming entity and fields; `precondition` for a row that is newer than this daemon, or a secret
    ///   that cannot be opened; `busy` for a function with too many versions.
    static func checked(
        _ rows: [Row], _ surroundings: Surroundings, _ key: Import.Key
    ) throws(Failure) -> [ImportedEntity] {
        let archive = Transaction(tables: try tables(rows), surroundings: surroundings)
        let sorted = rows.sorted { ($0.kind.depth, $0.id) < ($1.kind.depth, $1.id) }
        var result: [ImportedEntity] = []
        // What others refer to is looked into only when all are what they say.
        for row in sorted {
            let entity = try within(row, archive) { () throws(Failure) in
                let message = archive.tables.message(of: row)
                let entity = try surroundings.dialects.decode(row, message)
                try surroundings.dialects.checkRewritable(row, message, archive.tables.name(of: row))
                try check(row, entity)
                try check(sealed: row, entity, key)
                return entity
            }
            result.append(ImportedEntity(row: row, entity: entity))
        }
        for imported in result {
            try within(imported.row, archive) { () throws(Failure) in
                try archive.check(imported: imported.entity, imported.row)
            }
        }
        return result
    }

    /// The rows alone, as if they were a store.
    private static func tables(_ rows: [Row]) throws(Failure) -> Tables {
        var byID: [Identifier: Row] = [:]
        for row in rows where byID.updateValue(row, forKey: row.id) != nil {
            throw Failure(.invalid, "\(row.kind.rawValue) \(row.id): id: it is in the archive twice")
        }
        var tables = Tables(indexesReferrers: true)
        for row in rows {
            let name = "\(row.kind.rawValue) \(row.id)"
            let parent = row.parent.flatMap { byID[$0] }
            guard parent?.kind == row.kind.parent, (row.parent == nil) == (parent == nil) else {
                throw Failure(.invalid, "\(name): what it belongs to is not in the archive")
            }
            for id in row.references where byID[id] == nil {
                throw Failure(.invalid, "\(name): \(id), which it needs, is not in the archive")
            }
            guard tables.find(row.kind, in: row.parent, key: row.key) == nil else {
                throw Failure(.invalid, "\(name): name: \(quoted(row.key)) is in the archive twice")
            }
            for claim in row.claims where tables.claimant(row.kind, in: row.parent, claim: claim) != nil {
                throw Failure(.invalid, "\(name): \(quoted(claim)) is taken by another one of the archive")
            }
            tables.apply(old: nil, new: row)
        }
        return tables
    }

    /// Runs a check; what it throws names the entity.
    private static func within<R>(
        _ row: Row, _ archive: Transaction, _ check: () throws(Failure) -> R
    ) throws(Failure) -> R {
        do throws(Failure) { return try check() } catch {
            throw error.within("\(row.kind.rawValue) \(quoted(archive.tables.name(of: row)))")
        }
    }

    private static func check(_ row: Row, _ entity: any Entity) throws(Failure) {
        try row.checkSize()
        let meta = entity.meta
        guard type(of: entity).kind == row.kind, entity.key == row.key, entity.parentID == row.parent,
            entity.claims == row.claims, meta.id == row.id, meta.apiVersion == row.apiVersion,
            meta.revision == row.revision, meta.createdAt == row.createdAt, meta.updatedAt == row.updatedAt,
            Row.body(of: row.body, row.kind) == row.body
        else { throw Failure(.invalid, "its columns are not what its message says") }
        // Every change adds to it.
        guard (1...Row.maxSetRevision).contains(row.revision) else {
            throw Failure(.invalid, "revision: \(row.revision) is out of range; 1 to \(Row.maxSetRevision)")
        }
        guard row.createdAt <= row.updatedAt else {
            throw Failure(.invalid, "updated_at: \(row.updatedAt) is before created_at, \(row.createdAt)")
        }
    }

    private static func check(sealed row: Row, _ entity: any Entity, _ key: Import.Key) throws(Failure) {
        switch entity {
        case let secret as Secret:
            let count = try key.open(row.sealed, row.id)
            guard UInt32(clamping: count) == secret.valueBytes else {
                throw Failure(.invalid, "value_bytes: \(secret.valueBytes) is not the size of its value, \(count)")
            }
        case is Token where row.sealed.count == hashBytes: break
        case _ where row.sealed.isEmpty: break
        default: throw Failure(.invalid, "sealed: \(row.sealed.count) bytes are no such value of its")
        }
    }
}

extension Failure {
    /// The same about a part of an archive. What a request is refused for because something is not there or taken is a
    /// mistake of the archive; what this daemon cannot take stays what it is.
    ///
    /// - Parameter entity: to which it belongs.
    func within(_ entity: String) -> Failure {
        let isOurs = [.precondition, .busy, .tooLarge].contains(code)
        return Failure(
            isOurs ? code : .invalid, "\(entity): \(message)", quota: quota, further: further.map { "\(entity): \($0)" }
        )
    }
}
