package import Model

/// What can be called: a table from names to functions that is filled when a function is first called. Thread-safe.
///
/// A change replaces what is known of its function only, and look-ups that find something take one lock of many and
/// allocate nothing. What was answered before ``changed(function:)`` and the like return may be as it was; later
/// look-ups never are.
///
/// Lock order: `state`, then a part of a table or a pool, then nothing. The source is never asked with a lock held; whether it
/// answered too early says the generation, which every change raises.
package final class Catalog: Sendable {
    /// Where everything comes from: for those who only want to know what there is.
    package let source: any CatalogSource
    let names = SharedNameTable<CatalogEntry>()
    let pathTables = SharedNameTable<AppPaths>()
    let state = Lock(State())
    let retirement = Lock<@Sendable (Runnable) -> Void> { _ in }
    let keeping = Lock<@Sendable (Runnable) -> Void> { _ in }

    /// What is known, and by which names.
    struct State {
        /// How many changes have begun.
        var generation: UInt64 = 0
        var rows: [Identifier: Row] = [:]
        /// The functions in `rows` by their app.
        var functions: [Identifier: Set<Identifier>] = [:]
        /// The names in `pathTables` by their app.
        var paths: [Identifier: [NameKey]] = [:]
        /// How many deletions refuse calls of what.
        var gates: [GateTarget: Int] = [:]
    }

    struct Row {
        var entry: CatalogEntry
        /// What leads to it in `names`.
        var keys: [NameKey]
    }

    package init(source: any CatalogSource) {
        self.source = source
    }

    /// What a look-up by names found.
    package enum Result {
        case runnable(Runnable)
        case noApp
        case noFunction
        /// Why this daemon cannot read it.
        case unreadable(Failure)
        /// The number that was asked for, or that the alias points to.
        case noVersion(UInt32)
        case noAlias
    }

    /// Finds what a call of a function runs.
    ///
    /// - Parameters:
    ///   - app: name or id as it came off the wire, as `function`.
    ///   - split: ``FNV1a`` of what decides between two versions of an alias: the value that the request's metadata has
    ///     for this key, else the call's id as text. Not called for anything else.
    package func find(
        app: UnsafeRawBufferPointer, function: UnsafeRawBufferPointer, _ choice: VersionChoice = .working,
        split: (_ stickyKey: String) -> UInt64
    ) -> Result {
        while true {
            let entry: CatalogEntry
            if let known = names.find(.function, app, function) {
                entry = known
            } else {
                switch load(app, function) {
                case .success(let loaded): entry = loaded
                case .failure(let absence): return absence.result
                }
            }
            if let result = resolve(entry, choice, split) { return result }
        }
    }

    /// As ``find(app:function:_:split:)``, by the function's id.
    package func find(
        function id: Identifier, _ choice: VersionChoice = .working, split: (_ stickyKey: String) -> UInt64
    ) -> Result {
        while true {
            let entry: CatalogEntry
            switch self.entry(id) {
            case .success(let found): entry = found
            case .failure(let absence): return absence.result
            }
            if let result = resolve(entry, choice, split) { return result }
        }
    }

    /// The name of an alias of a function; `nil`: there is none with this id.
    package func alias(_ id: Identifier, of function: Identifier) -> String? {
        guard case .success(let entry) = entry(function) else { return nil }
        return entry.alias(id)?.name.text
    }

    func entry(_ id: Identifier) -> Swift.Result<CatalogEntry, Absence> {
        withUnsafeBytes(of: (id.high, id.low)) { bytes in
            let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
            if let known = names.find(.identifier, bytes, nothing) { return .success(known) }
            return load(NameKey(.identifier, bytes, nothing)) { source.function(id: id) }
        }
    }

    /// Everything that was called since it last changed, in no order.
    package var all: [Runnable] {
        state.withLock { $0.rows.values.map(\.entry) }.flatMap(\.runnables)
    }

    /// Functions that are in memory, and the names that lead to them.
    package var size: (functions: Int, names: Int) { (state.withLock { $0.rows.count }, names.count) }

    // MARK: - Filling

    /// What a choice leads to; `nil`: the entry was replaced meanwhile.
    func resolve(_ entry: CatalogEntry, _ choice: VersionChoice, _ split: (String) -> UInt64) -> Result? {
        switch entry.resolve(choice, split) {
        case .noVersion(let number): .noVersion(number)
        case .noAlias: .noAlias
        case .unreadable(let failure): .unreadable(failure)
        case .slot(let slot): (slot.runnable.load() ?? makeRunnable(slot, of: entry)).map { .runnable($0) }
        }
    }

    /// Under the lock, so that whoever replaces the entry sees all that it has.
    func makeRunnable(_ slot: CatalogEntry.Slot, of entry: CatalogEntry) -> Runnable? {
        state.withLock { state in
            guard state.rows[entry.id]?.entry === entry else { return nil }
            if let known = slot.runnable.load() { return known }
            let made = entry.makeRunnable(slot)
            state.refuseCalls(of: made)
            let stored = slot.runnable.storeIfNil(made)
            entry.shareMinimum()
            return stored
        }
    }

    enum Absence: Error {
        case noApp
        case noFunction
        case unreadable(Failure)

        var result: Result {
            switch self {
            case .noApp: .noApp
            case .noFunction: .noFunction
            case .unreadable(let failure): .unreadable(failure)
            }
        }
    }

    private func load(
        _ app: UnsafeRawBufferPointer, _ function: UnsafeRawBufferPointer
    ) -> Swift.Result<CatalogEntry, Absence> {
        // What is longer is nobody's name.
        let app = UnsafeRawBufferPointer(rebasing: app.prefix(Name.maxBytes + 1))
        let function = UnsafeRawBufferPointer(rebasing: function.prefix(Name.maxBytes + 1))
        let (appText, name) = (String(decoding: app, as: UTF8.self), String(decoding: function, as: UTF8.self))
        return load(NameKey(.function, app, function)) { source.function(app: appText, name: name) }
    }

    private func load(_ key: NameKey, _ read: () -> CatalogAnswer) -> Swift.Result<CatalogEntry, Absence> {
        while true {
            let seen = generation
            switch read() {
            case .found(let contents):
                if let entry = insert(contents, key, ifStill: seen) { return .success(entry) }
            case .noApp: return .failure(.noApp)
            case .noFunction: return .failure(.noFunction)
            case .unreadable(let failure): return .failure(.unreadable(failure))
            }
        }
    }

    var generation: UInt64 { state.withLock { $0.generation } }

    /// Notes a name of a function, and the function if it is new; `nil`: something has changed since the contents were
    /// read, and they may be old.
    func insert(_ contents: CatalogFunction, _ key: NameKey, ifStill generation: UInt64) -> CatalogEntry? {
        state.withLock { state in
            guard state.generation == generation else { return nil }
            let id = contents.function.meta.id
            var row = state.rows[id] ?? Row(entry: CatalogEntry(contents), keys: [])
            if !row.keys.contains(key) { row.keys.append(key) }
            names.set(key, row.entry)
            state.rows[id] = row
            state.functions[contents.app.meta.id, default: []].insert(id)
            return row.entry
        }
    }
}
