package import Model

/// Removes the files of packages whose rows are gone, as soon as no container has them. Thread-safe.
package final class PackageSweeper: Sendable {
    private let store: Store
    private let packages: PackageStore
    private let isUsed: @Sendable (Digest) -> Bool
    private let log: @Sendable (String) -> Void
    /// Packages whose rows went, and whose files are still there.
    private let pending = Lock<Set<Digest>>([])

    /// - Parameters:
    ///   - isUsed: whether a container has a package's files or soon will; must not wait.
    ///   - log: told what could not be removed.
    package init(
        store: Store, packages: PackageStore, isUsed: @escaping @Sendable (Digest) -> Bool,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.store = store
        self.packages = packages
        self.isUsed = isUsed
        self.log = log
    }

    /// Notes which packages went with a commit. Does not block.
    ///
    /// - Returns: whether there is something to ``sweep()`` now.
    package func note(_ changes: [Change]) -> Bool {
        let gone = changes.filter { $0.row.kind == .package && $0.action == .delete }
            .compactMap { try? Digest($0.row.key, field: "package") }
        pending.withLock { $0.formUnion(gone) }
        return !gone.isEmpty
    }

    /// Whether files wait for the end of containers.
    package var isPending: Bool { pending.withLock { !$0.isEmpty } }

    /// Removes what nobody needs any more. Blocks.
    package func sweep() {
        var removed = false
        let gone = pending.withLock { pending in
            defer { pending = [] }
            return pending
        }
        for digest in gone {
            do throws(Failure) {
                switch try packages.remove(digest, need: { need(digest) }) {
                case .none: removed = true
                case .forNow: _ = pending.withLock { $0.insert(digest) }
                case .stored: break
                }
            } catch {
                _ = pending.withLock { $0.insert(digest) }
                log("package \(digest) was not removed: \(error.message)")
            }
        }
        guard removed else { return }
        do throws(Failure) { try packages.forgetArchives() } catch {
            log("archives of removed packages were not forgotten: \(error.message)")
        }
    }

    /// Removes all files without a row: what a crash left, or an import that failed. Blocks.
    package func sweepAll() throws(Failure) {
        let all = try packages.all()
        pending.withLock { $0.formUnion(all) }
        sweep()
        try packages.forgetArchives()
    }

    /// Forgets packages that nobody uses, nor asked for within ``Surroundings/packageGraceNanos``.
    ///
    /// - Throws: as ``Store/change(_:_:)``.
    package func dropUnused() async throws(Failure) {
        try await store.change(ChangeContext(now: packages.now())) { (transaction) throws(Failure) in
            transaction.dropUnusedPackages()
        }
    }

    private func need(_ digest: Digest) -> PackageNeed {
        let row = try? store.read { (tables) throws(Failure) in tables.find(.package, in: nil, key: digest.description)
        }
        if row.flatMap({ $0 }) != nil { return .stored }
        return isUsed(digest) ? .forNow : .none
    }
}
