internal import CLinux
internal import Glibc

/// Descriptors that seldom have something to read, watched as one: an epoll instance of their own inside the loop's, so that
/// one system call tells for all of them that there is nothing. Loop-confined.
package final class QuietDescriptors {
    /// One descriptor's place.
    package final class Entry {
        fileprivate let descriptor: Int32
        fileprivate let onReadable: () -> Void
        fileprivate var isRemoved = false

        fileprivate init(_ descriptor: Int32, _ onReadable: @escaping () -> Void) {
            self.descriptor = descriptor
            self.onReadable = onReadable
        }
    }

    private static let eventsAtOnce = 64

    private let epoll: Int32
    private unowned let loop: EventLoop
    private var watcher: Watcher?
    private var entries: [Int32: Entry] = [:]
    /// The turn of the loop that was looked at last.
    private var seenTurn: UInt64 = 0

    init(_ loop: EventLoop) {
        self.loop = loop
        epoll = fnrpc_epoll()
        precondition(epoll >= 0, "BUG: no epoll instance; are the descriptors used up?")
        let watcher = Watcher(loop, epoll) { [unowned self] _ in self.look() }
        watcher.watch(.readable)
        self.watcher = watcher
    }

    /// The loop has ended.
    func close() {
        watcher?.close()
        watcher = nil
        Glibc.close(epoll)
    }

    /// Watches a descriptor, which stays the caller's, who removes it before it is closed.
    ///
    /// - Parameter onReadable: runs on the loop, again and again until nothing is left to read.
    package func add(_ descriptor: Int32, onReadable: @escaping () -> Void) -> Entry {
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
        look()
    }

    private func look() {
        seenTurn = loop.turn
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: Self.eventsAtOnce) { descriptors in
            let count = fnrpc_epoll_readable(epoll, descriptors.baseAddress, Int32(descriptors.count))
            guard count > 0 else { return }
            for descriptor in descriptors[..<Int(count)] { entries[descriptor]?.onReadable() }
        }
    }
}
