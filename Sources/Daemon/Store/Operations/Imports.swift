internal import Model

extension Transaction {
    /// Conflicts that an error names.
    static let maxConflictsShown = 20

    /// Stores entities as they are: ids, revisions and times stay. Packages that are there already take the place of the
    /// archive's, and so do built-in runtimes, with what was changed of them in one of the two places.
    ///
    /// - Parameter entities: parents first, and packages and runtimes before what refers to them.
    /// - Returns: how many were made.
    /// - Throws: `exists` naming ids, names, services and paths that are taken; `busy` beyond `max-entities`;
    ///   `precondition` for a built-in runtime that this daemon does not have.
    func importEntities(_ entities: [ImportedEntity]) throws(Failure) -> Int {
        var own: [Identifier: Identifier] = [:]
        var conflicts: [String] = []
        var made = 0
        for entity in entities {
            let row = entity.row
            let known = tables.find(row.kind, in: row.parent, key: row.key)
            if entity.isBuiltIn {
                guard let known, let runtime = entity.entity as? Runtime, try (self.entity(known) as Runtime).isBuiltIn
                else {
                    throw Failure(
                        .precondition,
                        "runtime \(quoted(row.key)) is built into the daemon that was exported, not into this")
                }
                own[row.id] = known.id
                if try !takeChanges(of: runtime, to: known) { conflicts.append("runtime \(quoted(row.key))") }
                continue
            }
            if let known, row.kind == .package {
                own[row.id] = known.id
                continue
            }
            guard known == nil, tables[row.id] == nil, claimant(of: row) == nil else {
                conflicts.append("\(row.kind.rawValue) \(quoted(tables.name(of: row)))")
                continue
            }
            try checkRoom()
            put(
                Row(
                    kind: row.kind, id: row.id, parent: row.parent, key: row.key, apiVersion: row.apiVersion,
                    revision: row.revision, createdAt: row.createdAt, updatedAt: row.updatedAt,
                    references: row.references.map { own[$0] ?? $0 }, claims: row.claims, sealed: row.sealed,
                    body: row.body))
            made += 1
        }
        try checkRoom(forTokens: tables.children(.token, of: nil).count)
        guard conflicts.isEmpty else {
            let more =
                conflicts.count > Self.maxConflictsShown ? " and \(conflicts.count - Self.maxConflictsShown) more" : ""
            throw Failure(
                .exists,
                "the archive has what is here already, by id or name: "
                    + conflicts.prefix(Self.maxConflictsShown).joined(separator: ", ") + more
                    + "; import into a daemon that has none of it")
        }
        return made
    }

    /// Changes a built-in runtime as it was changed where it was exported; its id, root and command are those of this
    /// daemon.
    ///
    /// - Returns: whether it could: not if it was changed here too, and otherwise.
    private func takeChanges(of exported: Runtime, to known: Row) throws(Failure) -> Bool {
        let present: Runtime = try entity(known)
        var runtime = present
        runtime.meta.labels = exported.meta.labels
        runtime.meta.extra = exported.meta.extra
        runtime.description = exported.description
        runtime.zygote = exported.zygote
        runtime.poolSize = exported.poolSize
        guard exported.meta.revision > 1 else { return true }
        guard present.meta.revision == 1 else { return runtime == present }
        guard isRewritable(known) else { return false }
        runtime.meta.apiVersion = exported.meta.apiVersion
        runtime.meta.revision = exported.meta.revision
        runtime.meta.createdAt = exported.meta.createdAt
        runtime.meta.updatedAt = exported.meta.updatedAt
        put(try row(runtime, references: known.references, sealed: known.sealed))
        return true
    }

    private func claimant(of row: Row) -> Row? {
        for claim in row.claims {
            if let other = tables.claimant(row.kind, in: row.parent, claim: claim) { return other }
        }
        return nil
    }
}
