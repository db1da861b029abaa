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
    /// How many rows there are of each kind and api_version: nobody counts them one by one while everybody waits.
    package private(set) var counts: [EntityKind: [UInt32: Int]] = [:]
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

    /// A part of ``children(_:of:)``.
    ///
    /// - Parameters:
    ///   - key: the first one wanted, or where it would be.
    ///   - limit: at most so many.
    package func children(
        _ kind: EntityKind, of parent: Identifier?, from key: String, limit: Int
    ) -> ArraySlice<Row> {
        let all = children(kind, of: parent)
        return Array(all[all.place(of: key)...].prefix(limit))[...]
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

    /// Those that refer to a row, by kind and key.
    package func referrers(of id: Identifier) -> [Row] {
        (referrers[id] ?? []).compactMap { rows[$0] }
            .sorted { ($0.kind.rawValue, $0.key, $0.id) < ($1.kind.rawValue, $1.key, $1.id) }
    }

    /// Makes a change, or takes one back when `old` and `new` are exchanged.
    package mutating func apply(old: Row?, new: Row?) {
        if let old {
            rows[old.id] = nil
            count(old, -1)
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
            count(new, 1)
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

    private mutating func count(_ row: Row, _ change: Int) {
        let count = (counts[row.kind]?[row.apiVersion] ?? 0) + change
        counts[row.kind, default: [:]][row.apiVersion] = count == 0 ? nil : count
        if counts[row.kind]?.isEmpty == true { counts[row.kind] = nil }
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

    /// Looks at rows one after the other.
    ///
    /// - Parameters:
    ///   - after: the key before the first one wanted; `nil`: from the beginning.
    ///   - descending: from the last to the first.
    ///   - goesOn: takes a row; `false` ends it.
    func visit(
        after: String?, descending: Bool, _ goesOn: (Row) throws(Failure) -> Bool
    ) throws(Failure) {
        var next = descending ? count - 1 : 0
        if let after {
            next = place(of: after)
            if descending { next -= 1 } else if next < count, self[next].key == after { next += 1 }
        }
        while indices.contains(next), try goesOn(self[next]) { next += descending ? -1 : 1 }
    }
}
