package import Model

/// What a loop does for its connections. All of it is loop-confined.
extension EventLoop {
    /// How often ``sweep(now:)`` looks after every connection, milliseconds.
    package static let sweepMilliseconds: UInt64 = 1000
    /// Connections that wake each other in one turn get so many rounds before the loop looks at its descriptors again.
    private static let maxRounds = 8

    /// Open connections of this loop.
    package var connectionCount: Int { connections.count }

    func add(_ connection: Connection) {
        connection.index = connections.count
        connections.append(connection)
        guard connections.count == 1 else { return }
        let timer = sweeper ?? LoopTimer(self) { [unowned self] in self.sweep(now: .now()) }
        sweeper = timer
        timer.start(milliseconds: Self.sweepMilliseconds, every: Self.sweepMilliseconds)
    }

    func remove(_ connection: Connection) {
        let index = connection.index
        guard index >= 0 else { return }
        connection.index = -1
        let last = connections.removeLast()
        if last !== connection {
            connections[index] = last
            last.index = index
        }
        guard connections.isEmpty else { return }
        sweeper?.stop()
        connections = []
    }

    /// Applies the time limits to every connection and takes back memory that idle ones hold; runs by itself.
    package func sweep(now: Instant) {
        // From the end: closing one moves the last, which has been looked at, into its place.
        var index = connections.count - 1
        while index >= 0 {
            connections[index].sweep(now: now)
            index = min(index, connections.count) - 1
        }
    }

    /// Closes every connection without telling its owner: the loop ends.
    func abandonConnections() {
        let all = connections
        connections = []
        sweeper = nil
        for connection in all { connection.abandon() }
        dirty = []
        unread = []
    }

    private func flushAll() {
        if flushing.count >= SendRing.leastConnections, let ring = sendRing { return ring.flush(flushing) }
        var index = 0
        while index < flushing.count {
            flushing[index].flush()
            index += 1
        }
    }

    /// Runs before the loop waits: lets go of input and output that no descriptor announces.
    func endTurn() {
        turn &+= 1
        var rounds = 0
        while !(dirty.isEmpty && unread.isEmpty) && rounds < Self.maxRounds {
            swap(&unread, &continuing)
            var index = 0
            while index < continuing.count {
                continuing[index].continueInput()
                index += 1
            }
            continuing.removeAll(keepingCapacity: true)
            swap(&dirty, &flushing)
            flushAll()
            flushing.removeAll(keepingCapacity: true)
            rounds += 1
        }
        if rounds > 0 { goOn(!(dirty.isEmpty && unread.isEmpty)) }
    }
}
