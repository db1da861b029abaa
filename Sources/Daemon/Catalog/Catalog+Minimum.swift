package import Model

/// Functions that have containers though nobody called them (`min_containers`).
extension Catalog {
    /// Takes whoever starts the least number of a runnable's containers and keeps it. Called for what a change has made, on the
    /// thread that made it, without a lock; more than once for the same.
    package func onKeep(_ body: @escaping @Sendable (Runnable) -> Void) {
        keeping.withLock { $0 = body }
    }

    /// Sees to the containers of a function that nobody may have called yet.
    package func keepMinimum(of id: Identifier) {
        // Who wants none takes no memory.
        if state.withLock({ $0.rows[id] == nil }) {
            guard let contents = source.function(id: id).contents, !CatalogEntry(contents).wanting.isEmpty else {
                return
            }
            _ = entry(id)
        }
        keepMinimum(ofKnown: id)
    }

    /// As ``keepMinimum(of:)``, of one that was called or kept before.
    func keepMinimum(ofKnown id: Identifier) {
        guard let entry = state.withLock({ $0.rows[id]?.entry }) else { return }
        let keep = keeping.withLock { $0 }
        for slot in entry.wanting {
            // Whoever replaces the entry meanwhile sees to the next one.
            guard let runnable = slot.runnable.load() ?? makeRunnable(slot, of: entry) else { return }
            if runnable.refusal == nil { keep(runnable) }
        }
    }
}
