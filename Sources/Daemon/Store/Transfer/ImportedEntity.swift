internal import Model
internal import Wire

/// A row of an archive that was found to be good.
struct ImportedEntity: Sendable {
    /// Bytes of a token's hash.
    private static let hashBytes = 32

    let row: Row
    /// A runtime that every daemon has, under an id of its own.
    let isBuiltIn: Bool

    /// Checks rows one by one and against one another: each is what its message says, and needs only others of the
    /// archive.
    ///
    /// - Returns: parents first, and packages and runtimes before what refers to them.
    /// - Throws: `invalid`; `precondition` for a row that is newer than this daemon, or a secret that cannot be opened.
    static func checked(
        _ rows: [Row], _ dialects: Dialects, _ key: Import.Key
    ) throws(Failure) -> [ImportedEntity] {
        var byID: [Identifier: Row] = [:]
        for row in rows where byID.updateValue(row, forKey: row.id) != nil {
            throw Failure(.invalid, "\(row.kind.rawValue) \(row.id) is in the archive twice")
        }
        var result: [ImportedEntity] = []
        for row in rows.sorted(by: { ($0.kind.depth, $0.id) < ($1.kind.depth, $1.id) }) {
            let parent = row.parent.flatMap { byID[$0] }
            guard parent?.kind == row.kind.parent, (row.parent == nil) == (parent == nil) else {
                throw Failure(.invalid, "\(row.kind.rawValue) \(row.id): what it belongs to is not in the archive")
            }
            for id in row.references where byID[id] == nil {
                throw Failure(.invalid, "\(row.kind.rawValue) \(row.id): \(id), which it needs, is not in the archive")
            }
            let entity = try dialects.decode(row, row.message(app: parent?.key ?? ""))
            try check(row, entity)
            try check(sealed: row, key)
            result.append(ImportedEntity(row: row, isBuiltIn: (entity as? Runtime)?.isBuiltIn ?? false))
        }
        return result
    }

    private static func check(_ row: Row, _ entity: any Entity) throws(Failure) {
        let meta = entity.meta
        guard type(of: entity).kind == row.kind, entity.key == row.key, entity.parentID == row.parent,
            entity.claims == row.claims, meta.id == row.id, meta.apiVersion == row.apiVersion,
            meta.revision == row.revision, meta.createdAt == row.createdAt, meta.updatedAt == row.updatedAt,
            Row.body(of: row.body, row.kind) == row.body
        else { throw Failure(.invalid, "\(row.kind.rawValue) \(row.id): its columns are not what its message says") }
        // Every change adds to it.
        guard (1...UInt64(Int64.max) / 2).contains(row.revision) else {
            throw Failure(.invalid, "\(row.kind.rawValue) \(row.id): revision \(row.revision) is out of range")
        }
        let spec = (entity as? Function)?.spec ?? (entity as? Version)?.spec
        if let spec { _ = try spec.validated() }
    }

    private static func check(sealed row: Row, _ key: Import.Key) throws(Failure) {
        switch row.kind {
        case .secret: try key.verify(row.sealed, row.id)
        case .token where row.sealed.count == hashBytes: break
        case _ where row.sealed.isEmpty: break
        default: throw Failure(.invalid, "\(row.kind.rawValue) \(row.id): sealed: it has no such value")
        }
    }
}
