internal import Glibc
package import Model

/// From the paths of requests to what answers them, for one app: its triggers as a tree of segments. Immutable.
///
/// Of several sources that match, one without `*` wins over one with it; then, of prefixes, the longest; then the one
/// with the most literal segments; then the one with a literal where the others have a parameter, looked at from the
/// left. Only one source can be best, unless two have the same ``TriggerSource/conflictKey``.
package struct PathTable: Sendable {
    /// What answers a path.
    package struct Match: Sendable {
        /// What was given with the source.
        package let target: Identifier
        /// The source that matched.
        package let source: TriggerSource
        /// In the order of the path.
        package let parameters: [PathParameter]
    }

    /// How good a match is: the greater one wins.
    private struct Rank: Comparable, Sendable {
        let isWhole: Bool
        let length: Int
        let literals: Int
        /// The first segment is the highest bit.
        let places: UInt64

        init(_ source: TriggerSource) {
            var places: UInt64 = 0
            for (index, segment) in source.segments.enumerated() {
                // At most 64 segments: TriggerSource.Limits.
                if case .literal = segment { places |= 1 << UInt64(63 - index) }
            }
            isWhole = !source.isPrefix
            length = source.segments.count
            literals = places.nonzeroBitCount
            self.places = places
        }

        static func < (left: Self, right: Self) -> Bool {
            if left.isWhole != right.isWhole { return right.isWhole }
            return (left.length, left.literals, left.places) < (right.length, right.literals, right.places)
        }
    }

    private struct Entry: Sendable {
        let source: TriggerSource
        let target: Identifier
        let rank: Rank
    }

    /// A place in the tree. Numbers are indexes of `nodes` and `entries`.
    private struct Node: Sendable {
        /// Sorted by their bytes.
        var literals: [(segment: [UInt8], node: Int)] = []
        var parameter: Int?
        /// What ends here.
        var whole: Int?
        /// What has its `*` here.
        var prefix: Int?
    }

    private var nodes = [Node()]
    private var entries: [Entry] = []

    /// - Parameter sources: in any order. Of two with the same ``TriggerSource/conflictKey`` the one with the smaller
    ///   id counts, so that the result does not depend on the order.
    package init(_ sources: [(source: TriggerSource, target: Identifier)]) {
        entries.reserveCapacity(sources.count)
        for (source, target) in sources.sorted(by: { $0.target < $1.target }) {
            var place = 0
            for segment in source.segments { place = child(of: place, segment) }
            guard (source.isPrefix ? nodes[place].prefix : nodes[place].whole) == nil else { continue }
            if source.isPrefix { nodes[place].prefix = entries.count } else { nodes[place].whole = entries.count }
            entries.append(Entry(source: source, target: target, rank: Rank(source)))
        }
    }

    /// Whether nothing can match.
    package var isEmpty: Bool { entries.isEmpty }

    /// How many places the tree has: one for each different beginning of a source. No match looks at more.
    var size: Int { nodes.count }

    /// Finds what answers a path; `nil`: nothing does.
    ///
    /// - Parameter path: as it came off the wire, without its query.
    /// - Throws: `invalid` for what ``PathSegments`` refuses.
    package func match(path: UnsafeRawBufferPointer) throws(Failure) -> Match? {
        var looks = 0
        return match(try PathSegments(path, field: "path"), looks: &looks)
    }

    /// - Parameter looks: counts the places that were looked at. A place has one way to it, so none is looked at twice.
    func match(_ path: PathSegments, looks: inout Int) -> Match? {
        var best: Int?
        look(at: 0, depth: 0, path, &best, &looks)
        guard let best else { return nil }
        let entry = entries[best]
        var parameters: [PathParameter] = []
        for (index, segment) in entry.source.segments.enumerated() {
            guard case .parameter(let name) = segment else { continue }
            parameters.append(PathParameter(name: name, value: path.decoded(index)))
        }
        return Match(target: entry.target, source: entry.source, parameters: parameters)
    }

    /// As deep as the longest source, which has at most 64 segments.
    private func look(at place: Int, depth: Int, _ path: PathSegments, _ best: inout Int?, _ looks: inout Int) {
        looks += 1
        consider(nodes[place].prefix, &best)
        guard depth < path.count else { return consider(nodes[place].whole, &best) }
        let segment = path[depth]
        if let next = literal(at: place, segment) { look(at: next, depth: depth + 1, path, &best, &looks) }
        // A parameter stands for something: the end of `/users/` is no id.
        if let next = nodes[place].parameter, !segment.isEmpty {
            look(at: next, depth: depth + 1, path, &best, &looks)
        }
    }

    private func consider(_ found: Int?, _ best: inout Int?) {
        guard let found else { return }
        guard let known = best else {
            best = found
            return
        }
        if entries[known].rank < entries[found].rank { best = found }
    }

    private func literal(at place: Int, _ segment: ArraySlice<UInt8>) -> Int? {
        let literals = nodes[place].literals
        let index = Self.position(of: segment, in: literals)
        guard index < literals.count, literals[index].segment.elementsEqual(segment) else { return nil }
        return literals[index].node
    }

    /// Where a segment is, or belongs.
    private static func position(of segment: ArraySlice<UInt8>, in literals: [(segment: [UInt8], node: Int)]) -> Int {
        var low = 0
        var high = literals.count
        while low < high {
            let middle = (low + high) / 2
            if precedes(literals[middle].segment[...], segment) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func precedes(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Bool {
        let common = min(left.count, right.count)
        let order = left.withUnsafeBytes { left in
            right.withUnsafeBytes { right -> Int32 in
                guard common > 0, let left = left.baseAddress, let right = right.baseAddress else { return 0 }
                return memcmp(left, right, common)
            }
        }
        return order == 0 ? left.count < right.count : order < 0
    }

    private mutating func child(of place: Int, _ segment: TriggerSource.Segment) -> Int {
        switch segment {
        case .parameter:
            if let next = nodes[place].parameter { return next }
            nodes[place].parameter = nodes.count
        case .literal(let bytes):
            let index = Self.position(of: bytes[...], in: nodes[place].literals)
            if index < nodes[place].literals.count, nodes[place].literals[index].segment == bytes {
                return nodes[place].literals[index].node
            }
            nodes[place].literals.insert((bytes, nodes.count), at: index)
        }
        nodes.append(Node())
        return nodes.count - 1
    }
}
