internal import Extensions
internal import Model
internal import Wire

// Listeners stand around the store, so every way to change something passes them: they are asked about what an operation
// would do, and the operation is run only if it still does that.
extension Store {
    /// How often an operation is tried whose outcome others change all the time.
    private static let maxTries = 16

    /// One entity and what happens to it, by what stays the same when an operation is run again.
    private struct Step: Hashable {
        let id: Identifier
        /// The same seed makes the same ids, whatever they are for.
        let key: String
        let parent: Identifier?
        let action: ChangeAction
        let revision: UInt64
    }

    func change<R: Sendable>(
        _ context: ChangeContext, asking listeners: ListenerRegistry,
        _ operation: @escaping @Sendable (Transaction) throws(Failure) -> R
    ) async throws(Failure) -> R {
        var approved: Set<Step> = []
        for _ in 0..<Self.maxTries {
            let (_, planned) = try await submit(context, isDry: true, operation).get()
            for change in planned where !change.isSilent && approved.insert(Self.step(change)).inserted {
                guard let (type, event) = event(change) else { continue }
                try await listeners.before(type, event)
            }
            let wanted = approved
            let isOther = Lock(false)
            let result = await submit(context, isDry: false) { (transaction) throws(Failure) -> R in
                // It may run again, alone, if the disk refuses its batch.
                isOther.withLock { $0 = false }
                let before = transaction.changes.count
                let made = try operation(transaction)
                guard transaction.changes[before...].allSatisfy({ $0.isSilent || wanted.contains(Self.step($0)) })
                else {
                    isOther.withLock { $0 = true }
                    throw Failure(.conflict, "others changed the same entities meanwhile; try again")
                }
                return made
            }
            if isOther.withLock({ $0 }) { continue }
            let (made, changes) = try result.get()
            for change in changes where !change.isSilent {
                if let (type, event) = event(change) { listeners.after(type, event) }
            }
            return made
        }
        throw Failure(
            .conflict, "others changed the same entities \(Self.maxTries) times meanwhile; try again",
            retryNanos: 100_000_000)
    }

    private static func step(_ change: Change) -> Step {
        let row = change.row
        return Step(id: row.id, key: row.key, parent: row.parent, action: change.action, revision: row.revision)
    }

    /// What listeners hear of a change; `nil`: nothing.
    private func event(_ change: Change) -> (EventType, EntityEvent)? {
        switch change.row.kind {
        case .app: event(change, of: App.self)
        case .function: event(change, of: Function.self)
        case .trigger: event(change, of: Trigger.self)
        case .version, .alias, .runtime, .secret, .token, .package: nil
        }
    }

    private func event<E: Entity & ListenedEntity>(_ change: Change, of type: E.Type) -> (EventType, EntityEvent)? {
        let app = String(change.name.prefix { $0 != "/" })
        func entity(_ row: Row?) -> E? {
            row.flatMap { try? surroundings.dialects.decode($0, $0.message(app: app)) }
        }
        let row = change.row
        switch (change.action, entity(change.old), entity(change.new)) {
        case (.create, _, let new?): return (E.events.create, .create(new))
        case (.update, let old?, let new?): return (E.events.update, .update(from: old, to: new))
        default: return (E.events.delete, .delete(E.events, id: row.id, name: row.key))
        }
    }
}
