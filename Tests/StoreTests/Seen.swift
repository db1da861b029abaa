import Model
import Store

/// What can be seen of a store.
struct Seen: Equatable {
    let rows: [Row]
    let stored: [Row]
    let sequence: UInt64
    let storedSequence: UInt64
    let events: [ChangeEvent]

    init(_ test: TestStore) async throws {
        let store = test.store
        let stored = Lock<[Row]>([])
        try store.driver.load { row throws(Failure) in stored.withLock { $0.append(row) } }
        rows = try test.rows()
        self.stored = stored.withLock { $0.sorted { $0.id < $1.id } }
        sequence = store.lastSequence
        storedSequence = try store.driver.lastSequence()
        events = try await store.driver.events(after: 0, limit: 100_000)
    }
}

/// Whether a change of rows is exactly what observers were told.
func explains(_ changes: [Change], from old: [Row], to new: [Row]) -> Bool {
    var rows = Dictionary(uniqueKeysWithValues: old.map { ($0.id, $0) })
    for change in changes {
        guard rows[change.row.id] == change.old else { return false }
        rows[change.row.id] = change.new
    }
    return rows.values.sorted { $0.id < $1.id } == new
}
