/// What is open on a connection, by stream id: open addressing, because ids come one after the other, so that the id itself
/// is a perfect hash, and each call puts in and takes out one entry on either of its connections.
///
/// Public for the reason that ``Lock`` has. Memory follows what is open; a burst's is given back when the last entry leaves.
public struct StreamTable<Value> {
    @usableFromInline
    struct Entry {
        @usableFromInline let id: UInt32
        @usableFromInline var value: Value
        @inlinable
        init(id: UInt32, value: Value) {
            self.id = id
            self.value = value
        }
    }

    /// A power of two of places, at most half of them taken.
    @usableFromInline var places: [Entry?] = []
    /// Entries.
    public private(set) var count = 0
    /// Places that stay when nothing is open.
    @usableFromInline static var keptPlaces: Int { 16 }

    public init() {}

    /// The entry of an id.
    @inlinable public subscript(id: UInt32) -> Value? { find(id).flatMap { places[$0]?.value } }

    /// All of them, in no order.
    @inlinable public var all: [(id: UInt32, value: Value)] {
        places.compactMap { entry in entry.map { ($0.id, $0.value) } }
    }

    /// Adds an entry, or replaces the one of the same id.
    @inlinable
    public mutating func insert(_ value: Value, _ id: UInt32) {
        if let place = find(id) {
            places[place]?.value = value
            return
        }
        if 2 * (count + 1) > places.count { grow() }
        put(Entry(id: id, value: value))
        changeCount(by: 1)
    }

    /// Takes an entry out.
    @inlinable @discardableResult
    public mutating func remove(_ id: UInt32) -> Value? {
        guard var hole = find(id) else { return nil }
        let value = places[hole]?.value
        places[hole] = nil
        changeCount(by: -1)
        // What was put behind its own place because of this one moves up (Knuth 6.4, algorithm R).
        let mask = places.count - 1
        var next = (hole + 1) & mask
        while let entry = places[next] {
            if (next &- place(of: entry.id)) & mask >= (next &- hole) & mask {
                places[hole] = entry
                places[next] = nil
                hole = next
            }
            next = (next + 1) & mask
        }
        if count == 0, places.count > Self.keptPlaces { places = [] }
        return value
    }

    /// Takes all entries out.
    public mutating func removeAll() {
        places = []
        count = 0
    }

    @usableFromInline mutating func changeCount(by difference: Int) { count += difference }

    /// Ids of one side are all odd.
    @inlinable func place(of id: UInt32) -> Int { Int(id >> 1) & (places.count - 1) }

    @inlinable
    func find(_ id: UInt32) -> Int? {
        guard !places.isEmpty else { return nil }
        var place = place(of: id)
        while let entry = places[place] {
            if entry.id == id { return place }
            place = (place + 1) & (places.count - 1)
        }
        return nil
    }

    @inlinable
    mutating func put(_ entry: Entry) {
        var place = place(of: entry.id)
        while places[place] != nil { place = (place + 1) & (places.count - 1) }
        places[place] = entry
    }

    @usableFromInline
    mutating func grow() {
        let old = places
        places = [Entry?](repeating: nil, count: max(Self.keptPlaces, old.count * 2))
        for case let entry? in old { put(entry) }
    }
}
