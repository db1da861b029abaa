internal import Extensions
internal import Model

// Listeners stand around the store, so every way to change something passes them: they are asked about what an operation
// would do, and the operation is run only if it still does that. What was done they hear by ``ListenerFeed``.
extension Store {
    /// How often an operation is tried whose outcome others change all the time.
    private static let maxTries = 16

    /// One entity and what becomes of it: all that listeners were asked about. It is the same when an operation is run
    /// again, with the same time and seed, unless others have changed something that it looks at.
    private struct Step: Hashable {
        let type: EventType
        /// What is replaced or removed, by its id and revision.
        let id: Identifier
        let revision: UInt64
        /// The same seed makes the same ids, whatever they are for.
        let key: String
        let parent: Identifier?
        /// What it becomes; empty where it is removed.
        let body: [UInt8]
        let references: [Identifier]

        init?(_ change: Change) {
            guard !change.isSilent, let type = Dialects.eventType(of: change) else { return nil }
            self.type = type
            (id, key, parent) = (change.row.id, change.row.key, change.row.parent)
            revision = change.old?.revision ?? 0
            body = change.new?.body ?? []
            references = change.new?.references ?? []
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(type)
            hasher.combine(id)
            hasher.combine(revision)
        }
    }

    func change<R: Sendable>(
        _ context: ChangeContext, asking listeners: ListenerRegistry,
        _ operation: @escaping @Sendable (Transaction) throws(Failure) -> R
    ) async throws(Failure) -> R {
        var approved: Set<Step> = []
        var (_, planned) = try await submit(context, isDry: true, operation).get()
        for _ in 0..<Self.maxTries {
            for change in planned {
                guard let step = Step(change), approved.insert(step).inserted,
                    let event = surroundings.dialects.event(of: change)
                else { continue }
                try await listeners.before(step.type, event)
            }
            let wanted = approved
            let other = Lock<[Change]?>(nil)
            let result = await submit(context, isDry: false) { (transaction) throws(Failure) -> R in
                // It may run again, alone, if the disk refuses its batch.
                other.withLock { $0 = nil }
                let before = transaction.changes.count
                let made = try operation(transaction)
                let done = Array(transaction.changes[before...])
                guard done.allSatisfy({ Step($0).map(wanted.contains) ?? true }) else {
                    other.withLock { $0 = done }
                    throw Failure(.conflict, "others changed the same entities meanwhile; try again")
                }
                return made
            }
            guard let done = other.withLock({ $0 }) else { return try result.get().0 }
            // Others changed something, or calls that run keep from going what a dry run, which asks no calls, let go:
            // they are asked about what it did, and it is tried again.
            planned = done
        }
        throw Failure(
            .conflict, "others changed the same entities \(Self.maxTries) times meanwhile; try again",
            retryNanos: 100_000_000)
    }
}
