package import Model

/// What the store says after each change, before it answers it: on any thread, best on one.
extension Catalog {
    /// Takes whoever ends runnables that calls cannot reach any more: their version is gone, or was replaced, or its
    /// environment was. Called on the thread that made the change, without a lock.
    ///
    /// A call that found such a runnable before the change may still come to its pool.
    package func onRetire(_ body: @escaping @Sendable (Runnable) -> Void) {
        retirement.withLock { $0 = body }
    }

    /// A function was made, or changed: its working copy, a version, an alias, or a secret that it is given. Runnables
    /// that are still right stay, with their containers.
    package func changed(function id: Identifier) { changed(functions: [id], apps: []) }

    /// Functions were made or changed, and apps were made or their config or secrets changed. Each function is read
    /// once, whatever of it has changed.
    package func changed(functions: Set<Identifier>, apps: Set<Identifier>) {
        let all = state.withLock { state in
            state.generation += 1
            return apps.reduce(into: functions) { all, app in
                forgetPaths(of: app, &state)
                all.formUnion(state.functions[app] ?? [])
            }
        }
        // One after the other: calls of the others go on.
        for function in all { reload(function) }
    }

    /// A function was deleted.
    package func removed(function id: Identifier) {
        let retired = state.withLock { state in
            state.generation += 1
            return remove(id, &state)
        }
        retire(retired)
    }

    /// An app's triggers changed: its functions stay what they are.
    package func changedPaths(app id: Identifier) {
        state.withLock { state in
            state.generation += 1
            forgetPaths(of: id, &state)
        }
    }

    /// An app was made, or its config or secrets changed.
    package func changed(app id: Identifier) { changed(functions: [], apps: [id]) }

    /// An app was deleted with all that belongs to it.
    package func removed(app id: Identifier) {
        let retired = state.withLock { state in
            state.generation += 1
            forgetPaths(of: id, &state)
            return (state.functions[id] ?? []).flatMap { remove($0, &state) }
        }
        retire(retired)
    }

    private func reload(_ id: Identifier) {
        while true {
            let seen = generation
            let contents = source.function(id: id).contents
            let retired = state.withLock { state -> [Runnable]? in
                guard state.generation == seen else { return nil }
                guard let contents else { return remove(id, &state) }
                return replace(contents, &state)
            }
            guard let retired else { continue }
            retire(retired)
            return keepMinimum(ofKnown: id)
        }
    }

    /// - Returns: what is not right any more.
    private func replace(_ contents: CatalogFunction, _ state: inout State) -> [Runnable] {
        forgetServices(of: contents, &state)
        let id = contents.function.meta.id
        guard var row = state.rows[id] else { return [] }
        let entry = CatalogEntry(contents, metrics: row.entry.metrics)
        let retired = entry.adopt(row.entry.runnables)
        entry.shareMinimum()
        row.entry = entry
        // Who serves a service may have changed with it.
        for key in row.keys where key.kind == .service { names.remove(key) }
        row.keys.removeAll { $0.kind == .service }
        for key in row.keys { names.set(key, entry) }
        state.rows[id] = row
        return retired
    }

    /// Another function may be known for what this one serves now.
    private func forgetServices(of contents: CatalogFunction, _ state: inout State) {
        let latest = contents.versions.max { $0.number < $1.number }
        let services = Set(contents.function.spec.services + (latest?.spec.services ?? []))
        for service in services {
            for scope in ["", contents.app.name.text] {
                let key = NameKey(.service, scope, service)
                guard let other = names.find(key) else { continue }
                names.remove(key)
                state.rows[other.id]?.keys.removeAll { $0 == key }
            }
        }
    }

    /// - Returns: its runnables.
    func remove(_ id: Identifier, _ state: inout State) -> [Runnable] {
        guard let row = state.rows.removeValue(forKey: id) else { return [] }
        for key in row.keys { names.remove(key) }
        let app = row.entry.contents.app.meta.id
        state.functions[app]?.remove(id)
        if state.functions[app]?.isEmpty == true { state.functions[app] = nil }
        return row.entry.runnables
    }

    func retire(_ runnables: [Runnable]) {
        guard !runnables.isEmpty else { return }
        let end = retirement.withLock { $0 }
        for runnable in runnables { end(runnable) }
    }
}
