internal import CLinux
internal import Glibc

/// Sends what many connections have with one system call: their peers are woken by it, and on busy processors each would otherwise
/// push the loop aside as soon as its own message is there. Loop-confined: opened, used and closed by the loop's thread.
final class SendRing {
    /// Below this, system calls of their own cost less.
    static let leastConnections = 4
    /// Sends at once.
    private static let room = 64

    private let ring: OpaquePointer
    private var connections: [Connection] = []
    private let results = UnsafeMutableBufferPointer<Int>.allocate(capacity: room)

    /// `nil`: this kernel has none (Linux 6.1), or does not let us (`kernel.io_uring_disabled`, seccomp).
    init?() {
        guard let ring = fnrpc_ring_open(UInt32(Self.room)) else { return nil }
        self.ring = ring
        connections.reserveCapacity(Self.room)
    }

    deinit {
        fnrpc_ring_close(ring)
        results.deallocate()
    }

    /// Sends what waits in each of them.
    func flush(_ all: [Connection]) {
        for connection in all {
            guard let bytes = connection.beginFlush() else { continue }
            fnrpc_ring_add(ring, connection.descriptor, bytes.baseAddress, bytes.count)
            connections.append(connection)
            if connections.count == Self.room { send() }
        }
        if !connections.isEmpty { send() }
    }

    private func send() {
        let error = fnrpc_ring_send(ring, results.baseAddress)
        precondition(error == 0, "BUG: io_uring failed with \(error)")
        // An end may close others of them, and what is dirty then comes with the next round.
        for index in connections.indices { connections[index].endFlush(sent: results[index]) }
        connections.removeAll(keepingCapacity: true)
    }
}
