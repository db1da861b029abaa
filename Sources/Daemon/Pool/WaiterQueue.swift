/// Waiters in order of arrival; one that gives up leaves a hole that is skipped, so that leaving is cheap.
struct WaiterQueue {
    private var ring: [Waiter?] = []
    private var head = 0
    private(set) var count = 0

    mutating func append(_ waiter: Waiter, of call: AnyObject) {
        precondition(waiter.owner == nil, "BUG: the call waits already")
        waiter.owner = call
        ring.append(waiter)
        count += 1
    }

    /// Before all others.
    mutating func prepend(_ waiter: Waiter, of call: AnyObject) {
        precondition(waiter.owner == nil, "BUG: the call waits already")
        waiter.owner = call
        if head > 0 {
            head -= 1
            ring[head] = waiter
        } else {
            ring.insert(waiter, at: 0)
        }
        count += 1
    }

    /// Who is next.
    var first: Waiter? { ring[head...].lazy.compactMap { $0 }.first { $0.owner != nil } }

    mutating func popFirst() -> AnyObject? {
        while head < ring.count {
            let candidate = ring[head]
            ring[head] = nil
            head += 1
            guard let waiter = candidate, let call = waiter.owner else { continue }
            waiter.owner = nil
            count -= 1
            compact()
            return call
        }
        compact()
        return nil
    }

    mutating func remove(_ waiter: Waiter) -> Bool {
        guard waiter.owner != nil else { return false }
        waiter.owner = nil
        count -= 1
        if count == 0 {
            ring.removeAll(keepingCapacity: true)
            head = 0
        } else if ring.count - head > 2 * count + 64 {
            // Holes of those that gave up must not pile up behind one that stays.
            ring = ring[head...].filter { $0?.owner != nil }
            head = 0
        }
        return true
    }

    mutating func removeAll() -> [AnyObject] {
        var all: [AnyObject] = []
        while let call = popFirst() { all.append(call) }
        return all
    }

    private mutating func compact() {
        if head == ring.count {
            ring.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 1024 && head * 2 > ring.count {
            ring.removeFirst(head)
            head = 0
        }
    }
}
