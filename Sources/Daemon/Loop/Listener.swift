internal import CLinux
internal import Glibc

/// A connection that was just accepted.
package struct AcceptedSocket: Sendable {
    /// Connected, nonblocking, close-on-exec; whoever gets it closes it.
    package let descriptor: Int32
    /// Who connected.
    package let peer: Peer
}

/// Accepts connections of one listening socket. Loop-confined.
package final class Listener {
    /// What comes in before it is accepted; the kernel caps it at net.core.somaxconn.
    package static let backlog: Int32 = 4096

    private let loop: EventLoop
    private let descriptor: Int32
    private let onAccept: (AcceptedSocket) -> Void
    private var watcher: Watcher?
    private var retry: LoopTimer?

    /// - Parameters:
    ///   - descriptor: a bound, listening, nonblocking socket; taken over.
    ///   - onAccept: gets connected sockets on the loop. TCP ones send at once and notice a peer that is gone.
    package init(loop: EventLoop, descriptor: Int32, onAccept: @escaping (AcceptedSocket) -> Void) {
        self.loop = loop
        self.descriptor = descriptor
        self.onAccept = onAccept
        watcher = Watcher(loop, descriptor) { [unowned self] _ in self.accept() }
        watcher?.watch(.readable)
    }

    /// Stops listening; idempotent.
    package func close() {
        guard let watcher else { return }
        watcher.close()
        self.watcher = nil
        retry?.close()
        retry = nil
        Glibc.close(descriptor)
    }

    private func accept() {
        // Several per turn, but not without end: connections that talk have their turn too.
        for _ in 0..<64 {
            // `onAccept` may have closed this.
            guard watcher != nil else { return }
            let socket = fnrpc_accept(descriptor)
            guard socket >= 0 else {
                if [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(-socket) { pause() }
                return
            }
            // A peer that is gone already, or that the kernel does not name.
            guard let peer = Peer.of(socket) else {
                Glibc.close(socket)
                continue
            }
            if case .tcp = peer, fnrpc_tune_tcp(socket) < 0 {
                Glibc.close(socket)
                continue
            }
            onAccept(AcceptedSocket(descriptor: socket, peer: peer))
        }
    }

    /// No descriptors left: a level-triggered loop would spin, so look again in a moment.
    private func pause() {
        watcher?.watch([])
        let timer = LoopTimer(loop) { [weak self] in
            self?.retry?.close()
            self?.retry = nil
            self?.watcher?.watch(.readable)
        }
        retry = timer
        timer.start(milliseconds: 100)
    }
}
