package import Model

/// The triggers of an app, as calls by path need them. Immutable.
package final class AppPaths: Sendable {
    package let app: Identifier
    /// By their ids.
    package let triggers: [Identifier: Trigger]
    /// From paths to ids of triggers.
    package let table: PathTable

    init(app: Identifier, triggers: [Trigger]) {
        self.app = app
        self.triggers = Dictionary(triggers.map { ($0.meta.id, $0) }) { $1 }
        // A source that a newer daemon wrote may be none here: then nothing answers it.
        table = PathTable(
            triggers.compactMap { trigger in
                (try? TriggerSource(trigger.source, field: "source")).map { (source: $0, target: trigger.meta.id) }
            })
    }
}

extension Catalog {
    /// What answers the paths of an app; `nil`: there is no such app. Allocates nothing if it was asked for before.
    ///
    /// - Parameter app: name or id as it came off the wire.
    package func paths(_ app: UnsafeRawBufferPointer) -> AppPaths? {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        if let known = pathTables.find(.app, app, nothing) { return known }
        let text = String(decoding: app.prefix(Name.maxBytes + 1), as: UTF8.self)
        let key = NameKey(.app, app, nothing)
        while true {
            let seen = generation
            guard let found = source.triggers(app: text) else { return nil }
            let made = AppPaths(app: found.app, triggers: found.triggers)
            let isCurrent = state.withLock { state in
                guard state.generation == seen else { return false }
                if pathTables.find(key) == nil { state.paths[found.app, default: []].append(key) }
                pathTables.set(key, made)
                return true
            }
            if isCurrent { return made }
        }
    }

    /// The app's triggers may have changed.
    func forgetPaths(of app: Identifier, _ state: inout State) {
        for key in state.paths.removeValue(forKey: app) ?? [] { pathTables.remove(key) }
    }
}
