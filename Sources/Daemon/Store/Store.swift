package import Extensions
package import Model

/// What the daemon remembers. All rows are in memory and answered from there; a change is answered when the driver has it.
/// Thread-safe.
package final class Store: Sendable {
    package let driver: any StoreDriver
    package let surroundings: Surroundings
    /// Committed rows only.
    private let tables: Lock<Tables>
    let writer: Writer
    private let followers: Followers
    private let observers: Observers
    private let listeners: Lock<ListenerRegistry>
    /// One for each listener.
    private let feeds: Lock<[ListenerFeed]>

    /// The newest event when it was opened, and the sequence of the first one since.
    private let opening: (last: UInt64, next: UInt64)

    /// Reads everything. Blocks.
    ///
    /// - Parameter firstSequence: events of this store have sequences from here on, if there are no higher ones. A time
    ///   does: a copy of the data that is put back then uses no number again that its original used since.
    /// - Throws: `internalError` if the data is damaged.
    package init(
        _ driver: any StoreDriver, surroundings: Surroundings = Surroundings(), firstSequence: UInt64 = 1
    ) throws(Failure) {
        var committed = Tables(indexesReferrers: false)
        var working = Tables(indexesReferrers: true)
        try driver.load { (row) throws(Failure) in
            committed.apply(old: nil, new: row)
            working.apply(old: nil, new: row)
        }
        let sequence = try driver.lastSequence()
        let opening = (last: sequence, next: max(sequence + 1, firstSequence))
        self.opening = opening
        let tables = Lock(committed)
        let (observers, followers) = (Observers(), Followers())
        self.driver = driver
        self.followers = followers
        listeners = Lock(ListenerRegistry())
        let feeds = Lock<[ListenerFeed]>([])
        self.feeds = feeds
        self.surroundings = surroundings
        self.tables = tables
        self.observers = observers
        writer = Writer(
            transaction: Transaction(tables: working, surroundings: surroundings), driver: driver,
            sequence: opening.next - 1,
            committed: { changes, events in
                tables.withLock { for change in changes { $0.apply(old: change.old, new: change.new) } }
                for observer in observers.all { observer(changes) }
                for feed in feeds.withLock({ $0 }) { feed.append(changes) }
                if let last = events.last { followers.announce(last.sequence) }
            })
        followers.announce(sequence)
    }

    /// Is told of changes when they are durable and readable, before their callers are answered; on the writer's thread,
    /// so it must not wait.
    package func observe(_ observer: @escaping @Sendable ([Change]) -> Void) { observers.add(observer) }

    /// Ends the writer after what it has, and closes the data. Blocks.
    package func close() throws(Failure) {
        writer.stop()
        followers.close()
        try driver.close()
    }

    // MARK: - Reading

    /// Looks at the rows. The body must be short: everybody else waits.
    package func read<R>(_ body: (borrowing Tables) throws(Failure) -> R) throws(Failure) -> R {
        try tables.withLock { (tables) -> Result<R, Failure> in
            do throws(Failure) { return .success(try body(tables)) } catch { return .failure(error) }
        }.get()
    }

    /// Reads an entity.
    package func entity<E: Entity>(
        _ find: (borrowing Tables) throws(Failure) -> Row, as type: E.Type = E.self
    ) throws(Failure) -> E {
        let (row, message) = try read { (tables) throws(Failure) in
            let row = try find(tables)
            return (row, tables.message(of: row))
        }
        return try surroundings.dialects.decode(row, message)
    }

    /// The message of an entity as callers read it.
    ///
    /// - Throws: `precondition` if it is newer than this daemon.
    package func message(_ find: (borrowing Tables) throws(Failure) -> Row) throws(Failure) -> [UInt8] {
        let (row, message) = try read { (tables) throws(Failure) in
            let row = try find(tables)
            return (row, tables.message(of: row))
        }
        return try surroundings.dialects.readable(row, message)
    }

    // MARK: - Changing

    /// Runs an operation as one transaction; when it returns, what it did is on disk.
    ///
    /// - Throws: what the operation throws; `busy` if too many wait; `internalError` if the disk does not take it. Then
    ///   nothing of it has happened.
    package func change<R: Sendable>(
        _ context: ChangeContext = ChangeContext(now: .now()),
        _ operation: @escaping @Sendable (Transaction) throws(Failure) -> R
    ) async throws(Failure) -> R {
        let listeners = listeners.withLock { $0 }
        guard listeners.wantsChanges else { return try await submit(context, isDry: false, operation).get().0 }
        return try await change(context, asking: listeners, operation)
    }

    /// Who is asked before changes of apps, functions and triggers, and told after them in the order of the commits; at
    /// start.
    ///
    /// - Parameter log: told when listeners take so long that they do not hear of everything.
    package func listen(_ listeners: ListenerRegistry, log: @escaping @Sendable (String) -> Void = { _ in }) {
        self.listeners.withLock { $0 = listeners }
        feeds.withLock { feeds in
            feeds = listeners.entities.map { ListenerFeed(surroundings.dialects, $0, log: log) }
        }
    }

    /// Asks before an app is read or apps are listed.
    ///
    /// - Parameter name: as asked for; `nil`: a list.
    package func beforeReading(_ name: String?) async throws(Failure) {
        let listeners = listeners.withLock { $0 }
        if let name {
            try await listeners.before(.appGet, .get(name))
        } else {
            try await listeners.before(.appList, .list)
        }
    }

    /// Tells that an app was read, or that apps were listed.
    package func afterReading(_ app: App?) {
        let listeners = listeners.withLock { $0 }
        if let app { listeners.after(.appGet, .got(app)) } else { listeners.after(.appList, .list) }
    }

    /// An app by its name or id; listeners are asked before and told after.
    package func app(_ name: String) async throws(Failure) -> App {
        try await beforeReading(name)
        let app: App = try entity { (tables) throws(Failure) in try tables.named(name, .app) }
        afterReading(app)
        return app
    }

    /// Whether somebody has to be asked or told when an app is read.
    package var isReadingListenedTo: Bool {
        let listeners = listeners.withLock { $0 }
        return listeners.wants(.appGet, .before) || listeners.wants(.appGet, .after)
    }

    /// What an operation would do.
    package func preview<R: Sendable>(
        _ context: ChangeContext = ChangeContext(now: .now()),
        _ operation: @escaping @Sendable (Transaction) throws(Failure) -> R
    ) async throws(Failure) -> (R, [Change]) {
        try await submit(context, isDry: true, operation).get()
    }

    /// Whether somebody has to be asked before an operation.
    package var asksBeforeChanges: Bool { listeners.withLock { $0.wantsChanges } }

    /// Begins an operation without asking listeners, and says on the writer's thread how it ended, as ``change(_:_:)`` does; that
    /// must be short.
    package func begin<R: Sendable>(
        _ context: ChangeContext, _ operation: @escaping @Sendable (Transaction) throws(Failure) -> R,
        then: @escaping @Sendable (Result<R, Failure>) -> Void
    ) {
        submit(context, isDry: false, operation) { result in then(result.map { $0.0 }) }
    }

    func submit<R: Sendable>(
        _ context: ChangeContext, isDry: Bool,
        _ operation: @escaping @Sendable (Transaction) throws(Failure) -> R
    ) async -> Result<(R, [Change]), Failure> {
        await withCheckedContinuation { continuation in
            submit(context, isDry: isDry, operation) { continuation.resume(returning: $0) }
        }
    }

    private func submit<R: Sendable>(
        _ context: ChangeContext, isDry: Bool, _ operation: @escaping @Sendable (Transaction) throws(Failure) -> R,
        then: @escaping @Sendable (Result<(R, [Change]), Failure>) -> Void
    ) {
        let value = Lock<R?>(nil)
        writer.submit(
            Writer.Job(
                context: context,
                run: { (transaction) throws(Failure) in
                    let made = try operation(transaction)
                    value.withLock { $0 = made }
                },
                finish: { result in
                    then(
                        result.flatMap { changes in
                            guard let made = value.withLock({ $0 }) else {
                                return .failure(Failure(.internalError, "an operation ended without its result"))
                            }
                            return .success((made, changes))
                        })
                }, isDry: isDry))
    }

    // MARK: - Events

    /// Events after a sequence, oldest first; waits until there is one. Empty: the store is closing.
    ///
    /// - Parameter sequence: of an event that the caller has seen; 0: from the oldest.
    /// - Throws: `precondition` if events may be missing behind it: they are not kept any more, or it is an event that
    ///   this store never had, because its data are a copy that was made before.
    package func nextEvents(after sequence: UInt64, limit: Int) async throws(Failure) -> [ChangeEvent] {
        guard await followers.wait(after: sequence) else { return [] }
        do throws(Failure) {
            let events = try await driver.events(after: sequence, limit: limit)
            if let first = events.first {
                if sequence == 0 || first.sequence == sequence + 1 { return events }
                // Where a daemon was started numbers are left out. Then nothing is missing if what was seen is there.
                if (sequence, first.sequence) == opening { return events }
                let seen = try await driver.events(after: sequence - 1, limit: 1)
                if seen.first?.sequence == sequence { return events }
            }
        } catch {
            // The store was closed while they were read.
            guard followers.isClosed else { throw error }
            return []
        }
        throw lostEvents(after: sequence)
    }

    /// Why nobody can go on behind an event.
    package func lostEvents(after sequence: UInt64) -> Failure {
        Failure(
            .precondition,
            "after: what followed event \(sequence) is not kept any more, or was lost when a copy of the database was "
                + "put back; read the catalog anew and follow from \(lastSequence)")
    }

    /// The sequence of the newest event.
    package var lastSequence: UInt64 { followers.last }

    /// Whether there is an event at all.
    package func hasEvents() async throws(Failure) -> Bool {
        !(try await driver.events(after: 0, limit: 1).isEmpty)
    }
}

/// Who is told of commits. Thread-safe.
private final class Observers: Sendable {
    private let list = Lock<[@Sendable ([Change]) -> Void]>([])

    var all: [@Sendable ([Change]) -> Void] { list.withLock { $0 } }

    func add(_ observer: @escaping @Sendable ([Change]) -> Void) { list.withLock { $0.append(observer) } }
}
