package import Model

/// All rows in memory, with the indexes that the rules ask. A plain value without any rules.
package struct Tables {
    /// Rows of one kind in one parent.
    package struct List: Hashable {
        let kind: EntityKind
        let parent: Identifier?
    }

    /// A name or a claim in a list.
    private struct Text: Hashable {
        let list: List
        let text: String
    }

    private var rows: [Identifier: Row] = [:]
    /// Each sorted by key.
    private var lists: [List: ContiguousArray<Row>] = [:]
    /// What ``lists`` has, by key: names are what calls and reads come with.
    private var names: [Text: Row] = [:]
    private var claims: [Text: Identifier] = [:]
    /// From a service to the functions that serve it, one of each app.
    private var servers: [String: Set<Identifier>] = [:]
    /// From a row to those that refer to it; only where rules are checked.
    private var referrers: [Identifier: Set<Identifier>] = [:]
    private let indexesReferrers: Bool

    /// - Parameter indexesReferrers: whether ``referrers(of:)`` will be asked.
    package init(indexesReferrers: Bool) {
        self.indexesReferrers = indexesReferrers
    }

    /// How many rows there are.
    package var count: Int { rows.count }
    /// Every row, in no order.
    package var all: Dictionary<Identifier, Row>.Values { rows.values }

    package subscript(id: Identifier) -> Row? { rows[id] }

    /// Those of a kind that belong to a parent, by key.
    package func children(_ kind: EntityKind, of parent: Identifier?) -> ContiguousArray<Row> {
        lists[List(kind: kind, parent: parent)] ?? []
    }

    /// The one with a key.
    package func find(_ kind: EntityKind, in parent: Identifier?, key: String) -> Row? {
        names[Text(list: List(kind: kind, parent: parent), text: key)]
    }

    /// The one that has claimed a text.
    package func claimant(_ kind: EntityKind, in parent: Identifier?, claim: String) -> Row? {
        claims[Text(list: List(kind: kind, parent: parent), text: claim)].flatMap { rows[$0] }
    }

    /// The functions that serve a service, in no order.
    package func servers(of service: String) -> [Row] { (servers[service] ?? []).compactMap { rows[$0] } }

    /// Every service with the functions that serve it.
    package var allServers: [String: [Row]] { servers.mapValues { $0.compactMap { rows[$0] } } }

    /// Those that refer to a row, by kind and key.
    package func referrers(of id: Identifier) -> [Row] {
        (referrers[id] ?? []).compactMap { rows[$0] }
            .sorted { ($0.kind.rawValue, $0.key, $0.id) < ($1.kind.rawValue, $1.key, $1.id) }
    }

    /// Makes a change, or takes one back when `old` and `new` are exchanged.
    package mutating func apply(old: Row?, new: Row?) {
        if let old {
            rows[old.id] = nil
            let list = List(kind: old.kind, parent: old.parent)
            for claim in old.claims {
                claims[Text(list: list, text: claim)] = nil
                guard old.kind == .function else { continue }
                servers[claim]?.remove(old.id)
                if servers[claim]?.isEmpty == true { servers[claim] = nil }
            }
            if indexesReferrers { for target in Set(old.references) { remove(old.id, from: target) } }
            if new?.key != old.key || new?.parent != old.parent { removeFromList(old, list) }
        }
        if let new {
            rows[new.id] = new
            let list = List(kind: new.kind, parent: new.parent)
            names[Text(list: list, text: new.key)] = new
            for claim in new.claims {
                claims[Text(list: list, text: claim)] = new.id
                if new.kind == .function { servers[claim, default: []].insert(new.id) }
            }
            if indexesReferrers { for target in new.references { referrers[target, default: []].insert(new.id) } }
            let place = (lists[list] ?? []).place(of: new.key)
            if let old, old.key == new.key, old.parent == new.parent {
                lists[list]?[place] = new
            } else {
                lists[list, default: []].insert(new, at: place)
            }
        }
    }

    private mutating func removeFromList(_ row: Row, _ list: List) {
        names[Text(list: list, text: row.key)] = nil
        let place = (lists[list] ?? []).place(of: row.key)
        lists[list]?.remove(at: place)
        if lists[list]?.isEmpty == true { lists[list] = nil }
    }

    private mutating func remove(_ id: Identifier, from target: Identifier) {
        referrers[target]?.remove(id)
        if referrers[target]?.isEmpty == true { referrers[target] = nil }
    }
}

// Sorted by key. Keys are ASCII, so Swift's order of them is that of their bytes.
extension ContiguousArray<Row> {
    /// The index of the first row whose key is not before `key`.
    func place(of key: String) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// A part of the list.
    ///
    /// - Parameters:
    ///   - after: the key before the first one wanted; `nil`: from the beginning.
    ///   - descending: from the last to the first.
    ///   - limit: at most so many.
    ///   - matches: which are wanted.
    func page(
        after: String?, descending: Bool, limit: Int, where matches: (Row) throws(Failure) -> Bool
    ) throws(Failure) -> [Row] {
        var result: [Row] = []
        var next = descending ? count - 1 : 0
        if let after {
            next = place(of: after)
            if descending { next -= 1 } else if next < count, self[next].key == after { next += 1 }
        }
        while indices.contains(next) && result.count < limit {
            if try matches(self[next]) { result.append(self[next]) }
            next += descending ? -1 : 1
        }
        return result
    }
}
