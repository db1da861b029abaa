package import Model

extension Transaction {
    /// Remembers a package. One whose digest is known stays what it is, and counts as asked for at the time at which the
    /// new one was made.
    package func addPackage(_ package: StoredPackage) throws(Failure) -> StoredPackage {
        guard let row = tables.find(.package, in: nil, key: package.key) else {
            try create(package)
            return package
        }
        var known: StoredPackage = try entity(row)
        guard row.updatedAt < package.meta.createdAt, isRewritable(row) else { return known }
        known.meta.updatedAt = package.meta.createdAt
        try rewrite(row, as: known)
        return known
    }

    /// Forgets the packages that nothing uses and nobody asked for lately.
    package func dropUnusedPackages() {
        dropPackages(tables.children(.package, of: nil).map(\.id))
    }

    /// Forgets packages that nothing needs any more. Those that somebody uploaded or asked for within the grace time stay
    /// for the deployment that may follow; ``dropUnusedPackages()`` comes back to them.
    ///
    /// - Parameter ids: of rows that were referred to; those of other kinds are left alone.
    func dropPackages(_ ids: [Identifier]) {
        for id in Set(ids) {
            guard let row = tables[id], row.kind == .package, tables.referrers(of: id).isEmpty,
                now.nanoseconds - row.updatedAt.nanoseconds > surroundings.packageGraceNanos
            else { continue }
            delete(row)
        }
    }
}
