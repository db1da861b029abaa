package import Model

/// From what callers write to rows. Parents come first: in a missing app every function is reported as a missing app.
extension Tables {
    /// The one of a kind by name or id.
    ///
    /// - Parameters:
    ///   - parent: what it has to belong to.
    ///   - field: how errors call it.
    /// - Throws: `invalid` for what is neither a name nor an id; `notFound`.
    package func named(
        _ text: String, _ kind: EntityKind, in parent: Row? = nil, field: String? = nil
    ) throws(Failure) -> Row {
        if let id = Identifier(text) {
            if let row = self[id], row.kind == kind, row.parent == parent?.id { return row }
        } else {
            // What is found by its very bytes is a name. (Swift also takes U+212A for a "K".)
            // Only what may be one is hashed: everybody waits meanwhile.
            if text.utf8.count <= Name.maxBytes, let row = find(kind, in: parent?.id, key: text),
                row.key.utf8.count == text.utf8.count
            {
                return row
            }
            _ = try Name(text, field: field ?? kind.rawValue)
        }
        throw notFound(kind, text, parent)
    }

    /// A function by the names or ids of its app and itself.
    package func function(_ app: String, _ function: String) throws(Failure) -> Row {
        try named(function, .function, in: try named(app, .app))
    }

    /// A published version by its number.
    ///
    /// - Throws: `invalid` for 0; `notFound`.
    package func version(_ number: UInt32, of function: Row) throws(Failure) -> Row {
        guard number > 0 else { throw Failure(.invalid, "version: 0 is out of range; versions count from 1") }
        guard let row = find(.version, in: function.id, key: VersionKey.text(number)) else {
            let highest = children(.version, of: function.id).last.map { VersionKey.number($0.key) }
            let hint = highest.map { "the highest is \($0)" } ?? "it has no versions"
            throw Failure(.notFound, "version \(number) of \(name(of: function)) was not found; \(hint)")
        }
        return row
    }

    /// An entity's name with its parents: `app/function@3`, `app/trigger`.
    package func name(of row: Row) -> String {
        let own = row.kind == .version ? "\(VersionKey.number(row.key))" : row.key
        guard let parent = row.parent.flatMap({ self[$0] }) else { return own }
        switch row.kind {
        case .version, .alias: return name(of: parent) + "@" + own
        default: return name(of: parent) + "/" + own
        }
    }

    private func notFound(_ kind: EntityKind, _ text: String, _ parent: Row?) -> Failure {
        let place = parent.map { " in \($0.kind.rawValue) \(quoted(name(of: $0)))" } ?? ""
        return Failure(.notFound, "\(kind.rawValue) \(quoted(text)) was not found\(place)")
    }
}

/// Version numbers as keys that sort like numbers.
package enum VersionKey {
    /// Ten digits.
    package static func text(_ number: UInt32) -> String {
        let digits = String(number)
        return String(repeating: "0", count: 10 - digits.utf8.count) + digits
    }

    /// The number of a key.
    package static func number(_ key: String) -> UInt32 { UInt32(key) ?? 0 }
}
