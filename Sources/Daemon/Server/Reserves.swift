internal import Calls
internal import Catalog
internal import Model
internal import Pool
internal import Store

/// What functions want kept for them without being called: room of the machine (`reserved_containers`), brought from the store
/// to the ledger, and containers (`min_containers`), to the catalog. Thread-safe.
final class Reserves: Sendable {
    private let store: Store
    private let catalog: Catalog
    private let dispatcher: Dispatcher
    private let log: @Sendable (String) -> Void
    /// What is wanted, and whether it is kept.
    private let wanted = Lock<[Identifier: (room: Resources, isKept: Bool)]>([:])

    init(store: Store, catalog: Catalog, dispatcher: Dispatcher, log: @escaping @Sendable (String) -> Void) {
        self.store = store
        self.catalog = catalog
        self.dispatcher = dispatcher
        self.log = log
    }

    /// Learns of every function that there is, in steps; blocks.
    func learnAll() throws(Failure) {
        var walk = FunctionWalk(store)
        while let (_, row) = try walk.next() {
            if Self.mayWantRoom(row) { learn(row.id) }
            let hasAlias = try store.read { !$0.children(.alias, of: row.id).isEmpty }
            if hasAlias || Self.mayWantContainers(row) { catalog.keepMinimum(of: row.id) }
        }
    }

    /// Learns of committed changes that the catalog has learnt of.
    func learn(_ changes: [Change]) {
        for change in changes {
            switch change.row.kind {
            case .function:
                let id = change.row.id
                if change.new.map(Self.mayWantRoom) ?? true || wanted.withLock({ $0[id] != nil }) { learn(id) }
                if change.new.map(Self.mayWantContainers) ?? false { catalog.keepMinimum(of: id) }
            case .alias: if let id = change.row.parent, change.new != nil { catalog.keepMinimum(of: id) }
            default: break
            }
        }
    }

    private static func mayWantRoom(_ row: Row) -> Bool { mayHave(47, row) }
    private static func mayWantContainers(_ row: Row) -> Bool { mayHave(18, row) }

    /// Whether a function's message may have more than 0 in a field of its spec; nearly none does, and is not decoded for
    /// that. In what release 1 and the test versions on it (0, 2) write, the field's tag is somewhere then.
    ///
    /// - Parameter field: number of a varint, 16 to 2047.
    private static func mayHave(_ field: UInt16, _ row: Row) -> Bool {
        guard row.apiVersion <= 2 else { return true }
        // The key is field × 8, and a varint of two bytes (protobuf encoding, "Message Structure").
        let (first, second) = (UInt8(truncatingIfNeeded: field << 3) | 0x80, UInt8(field >> 4))
        return row.body.withUnsafeBufferPointer { body in
            (0..<max(body.count - 2, 0)).contains { body[$0] == first && body[$0 + 1] == second && body[$0 + 2] != 0 }
        }
    }

    /// What the store has now counts, in whichever order changes are learnt of.
    private func learn(_ id: Identifier) {
        wanted.withLock { wanted in
            let room = spec(of: id)?.reserve ?? .none
            guard room != wanted[id]?.room ?? .none else { return }
            set(id, room, &wanted)
            // There may be room now for others.
            for (other, state) in wanted where !state.isKept { set(other, state.room, &wanted) }
        }
    }

    /// Of a working copy; `nil`: it is not there, or a newer daemon has stored it.
    private func spec(of id: Identifier) -> FunctionSpec? {
        let found = try? store.read { (tables) throws(Failure) -> (row: Row, app: String)? in
            guard let row = tables[id], row.kind == .function, let app = row.parent else { return nil }
            return tables[app].map { (row, $0.key) }
        }
        guard let (row, app) = found.flatMap({ $0 }) else { return nil }
        let function: Function? = try? store.surroundings.dialects.decode(row, row.message(app: app))
        return function?.spec
    }

    private func set(_ id: Identifier, _ room: Resources, _ wanted: inout [Identifier: (room: Resources, isKept: Bool)])
    {
        let isKept = dispatcher.reserve(room, for: id)
        if !isKept, wanted[id]?.room != room {
            log("function \(id): \(room.memoryMiB) MiB are not kept for it: others have them (reserved_containers)")
        }
        wanted[id] = room == .none ? nil : (room, isKept)
    }
}

extension Ledger {
    /// Whether room can be kept for a function; `nil`: one that is not there yet.
    ///
    /// - Throws: `invalid` if it is more than the machine has; `precondition` if it is more than what is not kept for others.
    func checkReserve(_ function: Identifier?, _ spec: FunctionSpec) throws(Failure) {
        let room = spec.reserve
        let unreserved = unreserved(beside: function)
        guard !room.fits(in: unreserved) else { return }
        let isTooLarge = !room.fits(in: total)
        let limit = isTooLarge ? total : unreserved
        let (wanted, there, unit) =
            room.memoryMiB > limit.memoryMiB
            ? (room.memoryMiB, limit.memoryMiB, "MiB") : (room.cpuMilli, limit.cpuMilli, "thousandths of a core")
        let whose =
            isTooLarge
            ? "this machine has \(there) for all containers (max-memory-mib, max-cpu-milli)"
            : "\(there) are not kept for other functions"
        throw Failure(
            isTooLarge ? .invalid : .precondition,
            "reserved_containers: \(spec.reservedContainers) need \(wanted) \(unit); \(whose)")
    }
}
