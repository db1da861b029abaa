internal import CLinux
internal import Glibc
internal import Model

/// Descriptors that seldom have something to read, watched as one: an epoll instance of their own inside the loop's, so that
/// one system call tells for all of them that there is nothing. Loop-confined.
///
/// Once something was announced, the loop is not woken for the next 5 ms: to wake a thread costs a writer far more than what it
/// writes. But where so much was there that its writer may wait for room, the loop rests no more for a while.
package final class QuietDescriptors {
    /// One descriptor's place.
    package final class Entry {
        fileprivate let descriptor: Int32
        fileprivate let onReadable: () -> Bool
        fileprivate var isRemoved = false

        fileprivate init(_ descriptor: Int32, _ onReadable: @escaping () -> Bool) {
            self.descriptor = descriptor
            self.onReadable = onReadable
        }
    }

    private static let eventsAtOnce = 64
    private static let restMilliseconds: UInt64 = 5
    /// How long nothing rests after a lot was found, nanoseconds.
    private static let busyNanos: UInt64 = 200_000_000

    private let epoll: Int32
    private unowned let loop: EventLoop
    private var watcher: Watcher?
    private var rest: LoopTimer?
    /// Something was announced a moment ago, and nothing more is for now.
    package private(set) var isResting = false
    /// Until when nothing rests.
    private var busyUntil = Instant(nanoseconds: 0)
    private var entries: [Int32: Entry] = [:]
    /// The turn of the loop that was looked at last.
    private var seenTurn: UInt64 = 0

    init(_ loop: EventLoop) {
        self.loop = loop
        epoll = fnrpc_epoll()
        precondition(epoll >= 0, "BUG: no epoll instance; are the descriptors used up?")
        let watcher = Watcher(loop, epoll) { [unowned self] _ in self.announced() }
        watcher.watch(.readable)
        self.watcher = watcher
        rest = LoopTimer(loop) { [unowned self] in self.rested() }
    }

    /// The loop has ended.
    func close() {
        watcher?.close()
        watcher = nil
        rest?.close()
        rest = nil
        Glibc.close(epoll)
    }

    /// Watches a descriptor, which stays the caller's, who removes it before it is closed.
    ///
    /// - Parameter onReadable: runs on the loop, again and again until nothing is left to read; whether it found so much that
    ///   the writer may wait for room.
    package func add(_ descriptor: Int32, onReadable: @escaping () -> Bool) -> Entry {
        let entry = Entry(descriptor, onReadable)
        entries[descriptor] = entry
        let result = fnrpc_epoll_change(epoll, descriptor, 1)
        precondition(result == 0, "BUG: a descriptor cannot be watched")
        return entry
    }

    /// Watches it no more; idempotent.
    package func remove(_ entry: Entry) {
        guard !entry.isRemoved else { return }
        entry.isRemoved = true
        entries[entry.descriptor] = nil
        _ = fnrpc_epoll_change(epoll, entry.descriptor, 0)
    }

    /// Has everything read that was there when this turn of the loop began; the first caller of a turn does it for all.
    package func lookOnce() {
        guard seenTurn != loop.turn else { return }
        _ = look()
    }

    /// As ``lookOnce()``, where something may be there that was not announced: what comes from now on is told apart from it.
    package func settle() {
        if isResting { lookOnce() }
    }

    private func announced() {
        let isMuch = look()
        let now = Instant.now()
        if isMuch { busyUntil = now.advanced(byNanoseconds: Self.busyNanos) }
        guard now >= busyUntil else { return }
        watcher?.watch([])
        isResting = true
        rest?.start(milliseconds: Self.restMilliseconds)
    }

    private func rested() {
        isResting = false
        watcher?.watch(.readable)
    }

    /// Whether there may be more at once.
    private func look() -> Bool {
        seenTurn = loop.turn
        return withUnsafeTemporaryAllocation(of: Int32.self, capacity: Self.eventsAtOnce) { descriptors in
            let count = Int(fnrpc_epoll_readable(epoll, descriptors.baseAddress, Int32(descriptors.count)))
            guard count > 0 else { return false }
            var hasMore = count == descriptors.count
            for descriptor in descriptors[..<count] where entries[descriptor]?.onReadable() == true { hasMore = true }
            return hasMore
        }
    }
}
