package import Model

extension Transaction {
    /// Remembers a package; if its digest is known, nothing happens and the known one is returned.
    package func addPackage(_ package: StoredPackage) throws(Failure) -> StoredPackage {
        if let known = tables.find(.package, in: nil, key: package.key) { return try entity(known) }
        try create(package)
        return package
    }

    /// Forgets packages that nothing uses and that are older than a time: uploads that nobody deployed.
    package func dropUnusedPackages(before time: Timestamp) {
        for row in tables.children(.package, of: nil)
        where row.createdAt < time && tables.referrers(of: row.id).isEmpty { delete(row) }
    }
}
