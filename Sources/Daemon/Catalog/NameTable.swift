internal import Glibc
internal import Model

/// What an object is found by: one or two texts, and what they name.
struct NameKey: Equatable {
    /// What is named. The raw value stands between the texts.
    enum Kind: UInt8 {
        /// An app and a function.
        case function = 0x2F
        /// The sixteen bytes of an id, and nothing.
        case identifier = 0x23
        /// An app, or nothing, and a service.
        case service = 0x3A
        /// An app, and nothing.
        case app = 0x40
    }

    let kind: Kind
    /// No name has the byte that stands between the texts, so no two pairs look the same.
    let bytes: [UInt8]
    let hash: UInt64

    init(_ kind: Kind, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) {
        self.kind = kind
        bytes = first + [kind.rawValue] + second
        hash = Self.hash(kind, first, second)
    }

    init(_ kind: Kind, _ first: String, _ second: String) {
        self = Array(first.utf8).withUnsafeBytes { first in
            Array(second.utf8).withUnsafeBytes { NameKey(kind, first, $0) }
        }
    }

    /// Never 0.
    @inline(__always)
    static func hash(_ kind: Kind, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> UInt64 {
        var hash = FNV1a()
        hash.add(first)
        hash.add(kind.rawValue)
        hash.add(second)
        return hash.value | 1
    }

    @inline(__always)
    func matches(_ kind: Kind, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Bool {
        guard self.kind == kind, bytes.count == first.count + 1 + second.count else { return false }
        return bytes.withUnsafeBytes { bytes in
            bytes[first.count] == kind.rawValue && Self.equal(bytes, first, at: 0)
                && Self.equal(bytes, second, at: first.count + 1)
        }
    }

    @inline(__always)
    private static func equal(_ bytes: UnsafeRawBufferPointer, _ part: UnsafeRawBufferPointer, at start: Int) -> Bool {
        guard let own = bytes.baseAddress, let other = part.baseAddress else { return part.isEmpty }
        return memcmp(own + start, other, part.count) == 0
    }

    static func == (left: Self, right: Self) -> Bool { left.kind == right.kind && left.bytes == right.bytes }
}

/// From names to objects by open addressing. A look-up by bytes allocates nothing.
struct NameTable<Value: AnyObject> {
    private struct Slot {
        let key: NameKey
        var value: Value
    }

    /// 0: the place is free. A power of two or none, at most half full.
    private var hashes: [UInt64] = []
    private var slots: [Slot?] = []
    private(set) var count = 0

    func find(
        _ hash: UInt64, _ kind: NameKey.Kind, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
    ) -> Value? {
        guard count > 0 else { return nil }
        var place = home(hash)
        while hashes[place] != 0 {
            if hashes[place] == hash, slots[place]?.key.matches(kind, first, second) == true {
                return slots[place]?.value
            }
            place = next(place)
        }
        return nil
    }

    func find(_ key: NameKey) -> Value? { place(of: key).flatMap { slots[$0]?.value } }

    mutating func set(_ key: NameKey, _ value: Value) {
        if let known = place(of: key) {
            slots[known]?.value = value
            return
        }
        if (count + 1) * 2 > hashes.count { grow() }
        insert(Slot(key: key, value: value))
        count += 1
    }

    mutating func remove(_ key: NameKey) {
        guard var hole = place(of: key) else { return }
        count -= 1
        var place = next(hole)
        // What comes behind moves up, where its way from its home leads over the hole.
        while hashes[place] != 0 {
            let mask = hashes.count - 1
            if (place - home(hashes[place])) & mask >= (place - hole) & mask {
                hashes[hole] = hashes[place]
                slots[hole] = slots[place]
                hole = place
            }
            place = next(place)
        }
        hashes[hole] = 0
        slots[hole] = nil
        if count == 0 { (hashes, slots) = ([], []) }
    }

    private func place(of key: NameKey) -> Int? {
        guard count > 0 else { return nil }
        var place = home(key.hash)
        while hashes[place] != 0 {
            if hashes[place] == key.hash, slots[place]?.key == key { return place }
            place = next(place)
        }
        return nil
    }

    private mutating func insert(_ slot: Slot) {
        var place = home(slot.key.hash)
        while hashes[place] != 0 { place = next(place) }
        hashes[place] = slot.key.hash
        slots[place] = slot
    }

    private mutating func grow() {
        let old = slots
        let size = max(8, hashes.count * 2)
        hashes = [UInt64](repeating: 0, count: size)
        slots = [Slot?](repeating: nil, count: size)
        for case let slot? in old { insert(slot) }
    }

    /// The upper bits choose the shard, the lowest one is always set.
    private func home(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash >> 20) & (hashes.count - 1) }
    private func next(_ place: Int) -> Int { (place + 1) & (hashes.count - 1) }
}

/// A ``NameTable`` in parts with a lock each, so that callers on many threads hardly meet. Thread-safe.
final class SharedNameTable<Value: AnyObject & Sendable>: Sendable {
    private static var shardBits: UInt64 { 6 }

    private let shards: [Lock<NameTable<Value>>] = (0..<1 << shardBits).map { _ in Lock(NameTable()) }

    /// Finds an object by names as they came off the wire.
    func find(_ kind: NameKey.Kind, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Value? {
        let hash = NameKey.hash(kind, first, second)
        return shard(hash).withLock { $0.find(hash, kind, first, second) }
    }

    func find(_ key: NameKey) -> Value? { shard(key.hash).withLock { $0.find(key) } }
    func set(_ key: NameKey, _ value: Value) { shard(key.hash).withLock { $0.set(key, value) } }
    func remove(_ key: NameKey) { shard(key.hash).withLock { $0.remove(key) } }

    /// How many names there are.
    var count: Int { shards.reduce(0) { $0 + $1.withLock { $0.count } } }

    private func shard(_ hash: UInt64) -> Lock<NameTable<Value>> { shards[Int(hash >> (64 - Self.shardBits))] }
}
