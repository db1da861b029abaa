internal import Extensions
internal import Model

/// Tells one listener of what was committed, change by change in the order of the commits, in a task of its own: no listener
/// holds the writer up, nor another listener. Thread-safe.
final class ListenerFeed: Sendable {
    /// Changes that may wait to be told when others come. Those are not told; the log says how many they were. What one
    /// transaction has done is never cut.
    static let maxWaiting = 65_536

    private struct State {
        var waiting: [Change] = []
        /// Of ``waiting``, and those that are being told.
        var count = 0
        var lost = 0
        var isTelling = false
    }

    private let state = Lock(State())
    private let dialects: Dialects
    private let listener: any EntityListener
    private let limit: Int
    private let log: @Sendable (String) -> Void

    /// - Parameter log: where it is said that the listener was not told.
    init(
        _ dialects: Dialects, _ listener: any EntityListener, limit: Int = ListenerFeed.maxWaiting,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.dialects = dialects
        self.listener = listener
        self.limit = limit
        self.log = log
    }

    /// Takes what was committed. Does not wait.
    func append(_ changes: [Change]) {
        let told = changes.filter { change in
            guard !change.isSilent, let type = Dialects.eventType(of: change) else { return false }
            return listener.interest.contains(type, .after)
        }
        guard !told.isEmpty else { return }
        let mustStart = state.withLock { state in
            guard state.count < limit else {
                state.lost += told.count
                return false
            }
            state.waiting += told
            state.count += told.count
            defer { state.isTelling = true }
            return !state.isTelling
        }
        if mustStart { Task { await tell() } }
    }

    private func tell() async {
        while let changes = next() {
            for change in changes {
                await listener.room()
                if let event = dialects.event(of: change) { listener.after(event) }
                state.withLock { $0.count -= 1 }
            }
        }
    }

    /// What is told next; `nil`: there is nothing.
    private func next() -> [Change]? {
        let (changes, lost) = state.withLock { state in
            defer { (state.waiting, state.lost, state.isTelling) = ([], 0, !state.waiting.isEmpty) }
            return (state.waiting, state.lost)
        }
        if lost > 0 {
            log(
                "extension \(listener.name) was not told of \(lost) changes: \(limit) waited to be told already, the limit"
            )
        }
        return changes.isEmpty ? nil : changes
    }
}

// MARK: - What listeners hear of

extension Dialects {
    /// The event of a change; `nil`: nobody is told of its kind.
    static func eventType(of change: Change) -> EventType? {
        let events: EntityEvents
        switch change.row.kind {
        case .app: events = App.events
        case .function: events = Function.events
        case .trigger: events = Trigger.events
        case .version, .alias, .runtime, .secret, .token, .package: return nil
        }
        return switch change.action {
        case .create: events.create
        case .update: events.update
        case .delete: events.delete
        }
    }

    /// What listeners hear of a change; `nil`: nothing.
    func event(of change: Change) -> EntityEvent? {
        switch change.row.kind {
        case .app: event(change, of: App.self)
        case .function: event(change, of: Function.self)
        case .trigger: event(change, of: Trigger.self)
        case .version, .alias, .runtime, .secret, .token, .package: nil
        }
    }

    private func event<E: Entity & ListenedEntity>(_ change: Change, of type: E.Type) -> EntityEvent {
        let app = String(change.name.prefix { $0 != "/" })
        func entity(_ row: Row?) -> E? {
            row.flatMap { try? decode($0, $0.message(app: app)) }
        }
        let row = change.row
        return switch (change.action, entity(change.old), entity(change.new)) {
        case (.create, _, let new?): .create(new)
        case (.update, let old?, let new?): .update(from: old, to: new)
        default: .delete(E.events, id: row.id, name: row.key)
        }
    }
}
