package import Model
package import Wire

extension Transaction {
    /// Entities that an answer names as staying.
    static let maxRefusedShown = 100

    /// Removes entities of a test version, children first. What something else needs stays, and so do functions and
    /// versions with running calls, and what those need.
    ///
    /// - Throws: `invalid` for a release or an unknown kind.
    package func purge(_ request: PurgeByApiVersionRequest) throws(Failure) -> PurgeByApiVersionResponse {
        guard let version = request.apiVersion else {
            throw Failure(.invalid, "api_version: it is missing; name the test version whose entities are to go")
        }
        guard version % 2 == 0 else {
            throw Failure(
                .invalid,
                "api_version: \(version) is a release, and entities of releases are never purged; only test versions "
                    + "(0 and even numbers) are")
        }
        let kind = try EntityKind.named(request.kind)
        var purge = Purge(tables.all.filter { $0.apiVersion == version && (kind == nil || $0.kind == kind) })
        keep(purge.inOrder, &purge)
        // Versions of a function that has to stay are asked for one by one.
        for kind in [EntityKind.function, .version] {
            for row in purge.inOrder where row.kind == kind { try stopCalls(of: row, &purge) }
        }
        let going = purge.inOrder
        let keptParents = Set(going.filter { $0.kind == .version }.compactMap(\.parent)).subtracting(going.map(\.id))
        let refused = purge.refused
        var deletion = remove(going)
        for id in keptParents { if let parent = tables[id] { try refreshVersions(of: parent) } }
        deletion.done = request.confirm
        return PurgeByApiVersionResponse(
            deletion: deletion, refused: Array(refused.prefix(Self.maxRefusedShown)),
            refusedCount: UInt64(refused.count))
    }

    /// Takes out what has to stay, until nothing outside of the set needs any of it.
    private func keep(_ candidates: [Row], _ purge: inout Purge) {
        var next = candidates
        while let row = next.popLast() {
            guard purge.contains(row), let reason = reasonToKeep(row, purge) else { continue }
            purge.keep(row, "\(row.kind.rawValue) \(tables.name(of: row)): \(reason)")
            next += needed(by: row)
        }
    }

    /// Closes a function or version to calls, or lets it and what it needs stay.
    private func stopCalls(of row: Row, _ purge: inout Purge) throws(Failure) {
        guard purge.contains(row) else { return }
        let target: GateTarget
        if row.kind == .function {
            target = .function(row.id)
        } else {
            guard let function = row.parent.flatMap({ tables[$0] }), !purge.contains(function) else { return }
            target = .version(VersionKey.number(row.key), of: function.id)
        }
        let name = "\(row.kind.rawValue) \(tables.name(of: row))"
        do throws(Failure) { try close(target, name) } catch {
            guard error.code == .precondition else { throw error }
            purge.keep(row, "\(name): calls run or wait")
            keep(needed(by: row), &purge)
        }
    }

    /// The rows that a row is nothing without.
    private func needed(by row: Row) -> [Row] {
        (row.references + (row.parent.map { [$0] } ?? [])).compactMap { tables[$0] }
    }

    /// `nil`: nothing outside of the set needs it.
    private func reasonToKeep(_ row: Row, _ purge: Purge) -> String? {
        if row.kind == .runtime, FunctionSpec.Runtime.allCases.contains(where: { $0.rawValue == row.key }) {
            return "it is built in"
        }
        if row.kind == .version, let parent = row.parent.flatMap({ tables[$0] }), !purge.contains(parent),
            !isRewritable(parent)
        {
            return "its function was stored by a newer fnrpcd, which alone can say that the version is gone"
        }
        for user in tables.referrers(of: row.id) where !purge.contains(user) {
            return "\(user.kind.rawValue) \(tables.name(of: user)) uses it"
        }
        for kind in EntityKind.allCases where kind.parent == row.kind {
            for child in tables.children(kind, of: row.id) where !purge.contains(child) {
                return "\(kind.rawValue) \(tables.name(of: child)) belongs to it"
            }
        }
        return nil
    }
}

/// What goes in a purge, and what was found to stay.
private struct Purge {
    private var going: [Identifier: Row]
    /// Why each stays, sorted.
    var refused: [String] { reasons.sorted() }
    private var reasons: [String] = []

    init(_ rows: [Row]) {
        going = Dictionary(rows.map { ($0.id, $0) }) { first, _ in first }
    }

    /// Children first.
    var inOrder: [Row] {
        going.values.sorted { ($0.kind.depth, $0.kind.rawValue, $0.id) > ($1.kind.depth, $1.kind.rawValue, $1.id) }
    }

    func contains(_ row: Row) -> Bool { going[row.id] != nil }

    mutating func keep(_ row: Row, _ reason: String) {
        going[row.id] = nil
        reasons.append(reason)
    }
}

extension EntityKind {
    /// How many parents it has: 0 for what belongs to nothing.
    var depth: Int { parent.map { $0.depth + 1 } ?? 0 }

    /// The kind of a request; `nil`: all kinds.
    ///
    /// - Throws: `invalid` for what is none.
    static func named(_ text: String) throws(Failure) -> EntityKind? {
        if text.isEmpty { return nil }
        guard let kind = EntityKind(rawValue: text) else {
            let known = allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(.invalid, "kind: \(quoted(text)) is not known; use one of: \(known)")
        }
        return kind
    }
}
