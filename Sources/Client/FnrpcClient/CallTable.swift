/// Which call waits on which stream of one connection. A pure machine: no I/O, no clock.
struct CallTable<Waiter> {
    /// ttrpc's ids are 32 bits; clients take the odd ones, each once.
    static var lastStreamID: UInt32 { .max }

    /// Why no stream was opened.
    enum Refusal: Error, Equatable {
        /// The connection is closed, or has used its last id.
        case ended
        /// Too many calls wait already.
        case full
    }

    private var waiters: [UInt32: Waiter] = [:]
    private var nextID: UInt32? = 1
    private let lastID: UInt32
    private let limit: Int

    /// - Parameters:
    ///   - lastID: the last id that may be used.
    ///   - limit: most calls that wait at once.
    init(lastID: UInt32, limit: Int) {
        self.lastID = lastID
        self.limit = limit
    }

    /// Whether another stream can be opened, now or after a reply.
    var isOpen: Bool { nextID != nil }

    /// Whether nobody waits.
    var isEmpty: Bool { waiters.isEmpty }

    /// How many wait.
    var count: Int { waiters.count }

    /// Who waits on a stream.
    subscript(id: UInt32) -> Waiter? { waiters[id] }

    /// Opens the next stream.
    mutating func open(_ waiter: Waiter) throws(Refusal) -> UInt32 {
        guard isOpen else { throw .ended }
        guard waiters.count < limit else { throw .full }
        guard let id = reserve() else { throw .ended }
        waiters[id] = waiter
        return id
    }

    /// Takes the next id for somebody who does not count as waiting; `nil` if there is none.
    mutating func reserve() -> UInt32? {
        guard let id = nextID else { return nil }
        nextID = id <= lastID - min(lastID, 2) ? id + 2 : nil
        return id
    }

    /// Ends a stream; `nil` if nobody waits on it: a late or repeated reply.
    mutating func take(_ id: UInt32) -> Waiter? {
        waiters.removeValue(forKey: id)
    }

    /// Opens no further stream.
    mutating func close() {
        nextID = nil
    }

    /// Ends the streams above an id.
    mutating func takeAll(above id: UInt32) -> [Waiter] {
        waiters.keys.filter { $0 > id }.compactMap { take($0) }
    }

    /// Ends everything: no stream opens any more.
    mutating func end() -> [Waiter] {
        defer { waiters = [:] }
        nextID = nil
        return Array(waiters.values)
    }
}
