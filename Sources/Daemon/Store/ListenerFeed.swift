internal import Extensions
internal import Model

/// Tells listeners of what was committed, change by change in the order of the commits, in a task of its own: no listener
/// holds the writer up. Thread-safe.
final class ListenerFeed: Sendable {
    /// Changes that may wait to be told. What comes beyond is not told; the log says how much.
    static let maxWaiting = 65_536

    private struct State {
        var listeners = ListenerRegistry()
        var log: @Sendable (String) -> Void = { _ in }
        var waiting: [Change] = []
        /// Of ``waiting``, and those that are being told.
        var count = 0
        var lost = 0
        var isTelling = false
    }

    private let state = Lock(State())
    private let dialects: Dialects
    private let limit: Int

    init(_ dialects: Dialects, limit: Int = ListenerFeed.maxWaiting) {
        self.dialects = dialects
        self.limit = limit
    }

    /// Who is told from now on, and where it is said that they were not.
    func listen(_ listeners: ListenerRegistry, log: @escaping @Sendable (String) -> Void) {
        state.withLock { state in
            state.listeners = listeners
            state.log = log
        }
    }

    /// Takes what was committed. Does not wait.
    func append(_ changes: [Change]) {
        let mustStart = state.withLock { state in
            guard state.listeners.wantsChanges else { return false }
            let told = changes.filter { !$0.isSilent && Dialects.hasListeners($0.row.kind) }
            let taken = told.prefix(max(limit - state.count, 0))
            state.waiting += taken
            state.count += taken.count
            state.lost += told.count - taken.count
            guard !state.isTelling, !taken.isEmpty else { return false }
            state.isTelling = true
            return true
        }
        if mustStart { Task { tell() } }
    }

    private func tell() {
        var told = 0
        while let (changes, listeners) = next(after: told) {
            for change in changes {
                if let (type, event) = dialects.event(of: change) { listeners.after(type, event) }
            }
            told = changes.count
        }
    }

    /// What is told next; `nil`: there is nothing.
    ///
    /// - Parameter told: how many were told since the last time.
    private func next(after told: Int) -> (changes: [Change], listeners: ListenerRegistry)? {
        let (found, lost, log) = state.withLock { state in
            state.count -= told
            let (changes, lost) = (state.waiting, state.lost)
            state.waiting = []
            state.lost = 0
            state.isTelling = !changes.isEmpty
            return (changes.isEmpty ? nil : (changes, state.listeners), lost, state.log)
        }
        if lost > 0 {
            log("extensions were not told of \(lost) changes: \(limit) waited to be told already, the limit")
        }
        return found
    }
}

// MARK: - What listeners hear of

extension Dialects {
    /// Whether changes of a kind are told.
    static func hasListeners(_ kind: EntityKind) -> Bool {
        switch kind {
        case .app, .function, .trigger: true
        case .version, .alias, .runtime, .secret, .token, .package: false
        }
    }

    /// What listeners hear of a change; `nil`: nothing.
    func event(of change: Change) -> (EventType, EntityEvent)? {
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
            row.flatMap { try? decode($0, $0.message(app: app)) }
        }
        let row = change.row
        switch (change.action, entity(change.old), entity(change.new)) {
        case (.create, _, let new?): return (E.events.create, .create(new))
        case (.update, let old?, let new?): return (E.events.update, .update(from: old, to: new))
        default: return (E.events.delete, .delete(E.events, id: row.id, name: row.key))
        }
    }
}
