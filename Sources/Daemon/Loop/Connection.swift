internal import Glibc
package import Model
internal import Synchronization

/// What a connection's owner did with its input.
package enum InputStep {
    /// So many bytes are done with; `needed` bytes in all (0: unknown) make the next message.
    case consumed(Int, needed: Int)
    /// The peer broke the rules; the connection is closed.
    case close
}

/// The owner of a connection; called on the connection's loop.
package protocol ConnectionOwner: AnyObject {
    /// Input arrived; `bytes` are valid only during the call. What is not consumed comes again with what follows it,
    /// when `needed` bytes are there, or after ``Connection/resumeReading()``.
    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) -> InputStep
    /// The connection ended, for whatever reason; called once.
    func connectionClosed(_ connection: Connection)
    /// The TLS handshake is done; never called for plain connections.
    func connectionReady(_ connection: Connection)
    /// Output that waits has fallen to ``Connection/lowWater`` after it was above.
    func connectionHasRoom(_ connection: Connection)
    /// A limit or TLS closes the connection; ``connectionClosed(_:)`` follows.
    func connection(_ connection: Connection, closing reason: CloseReason)
}

extension ConnectionOwner {
    package func connectionReady(_ connection: Connection) {}
    package func connectionHasRoom(_ connection: Connection) {}
    package func connection(_ connection: Connection, closing reason: CloseReason) {}
}

/// A nonblocking stream socket, plain or TLS, with bounded input and output.
///
/// Reading is loop-confined; ``write(count:_:)``, ``finish()``, ``close()``, ``queuedOutput`` and ``statistics`` are
/// thread-safe.
// SAFETY: `output` is guarded by its lock, the counters are atomic; everything else is loop-confined.
package final class Connection: @unchecked Sendable {
    /// Input that one message may need, bytes: a frame of 4 MiB and its header.
    package static let maxInput = (4 << 20) + 4096
    /// ``ConnectionOwner/connectionHasRoom(_:)`` is called when output that waits falls to this, bytes.
    package static let lowWater = 256 << 10

    /// The limits of a connection; 0 disables a time limit.
    package struct Options: Sendable {
        /// Speaks TLS; made for this connection.
        package var tls: TLSSession?
        /// Pays for buffered input and output beyond 64 KiB each.
        package var budget: ByteBudget?
        /// Output that may wait for a peer that has read nothing for 2 s, bytes. One message always finds room in an
        /// empty queue.
        package var maxStalledOutput = 8 << 20
        /// Output that may wait for a peer that does read, bytes.
        package var maxMovingOutput = 256 << 20
        /// A peer that takes nothing of waiting output for so long is closed, nanoseconds.
        package var stallNanos: UInt64 = 30_000_000_000
        /// A message that has begun must be complete in this time, nanoseconds. The clock rests while the owner pauses.
        package var frameNanos: UInt64 = 30_000_000_000
        /// The TLS handshake must be done, and then the first message be complete, in this time, nanoseconds.
        package var firstNanos: UInt64 = 10_000_000_000
        /// While reading is paused, the peer's end of sending closes the connection, although input that was not read
        /// yet is lost by that. `false`: the end is noticed when everything was read, also if output fails before.
        package var noticesHangUp = true

        package init() {}

        /// For a connection to a function, which may be silent and busy for as long as its calls may run, and which
        /// may end after its last answer.
        package static var toFunction: Options {
            var options = Options()
            options.stallNanos = 0
            options.frameNanos = 0
            options.firstNanos = 0
            options.noticesHangUp = false
            return options
        }
    }

    /// Where its input is handled.
    package let loop: EventLoop
    let descriptor: Int32
    let options: Options
    let output: Lock<Output>
    weak var owner: (any ConnectionOwner)?
    var watcher: Watcher?
    /// Its place in ``EventLoop/connections``; -1: none.
    var index = -1

    // SAFETY: loop-confined, and the queue calls nobody while it changes. Every read looks at it.
    @exclusivity(unchecked) var input: ByteQueue
    /// Bytes from the front of the input that make the next message; 0: unknown.
    var neededBytes = 0
    var isPaused = false
    /// Reading waits for the budget.
    var isStarved = false
    var isDelivering = false
    /// It is in ``EventLoop/unread``.
    var isContinuing = false
    /// Output waits for the socket, as ``flush()`` saw it last.
    var waitsForRoom = false
    /// The peer has closed a Unix socket without having read everything that was sent. Plain connections; loop-confined.
    package internal(set) var wasReset = false
    /// The first message has been taken.
    var hasTalked = false
    /// When it was made, or the TLS handshake was done.
    var startedAt = Instant.now()
    /// When the message that is not complete began; `nil`: none is.
    var begunAt: Instant?
    let receivedBytes = Atomic<UInt64>(0)
    /// When a read last brought something. Loop-confined.
    package internal(set) var receivedAt = Instant(nanoseconds: 0)
    let bufferedBytes = Atomic<Int>(0)

    /// Takes over a connected, nonblocking socket; must run on the loop. The loop keeps the connection until it closes.
    ///
    /// - Parameter owner: held weakly; without it the connection closes.
    package init(
        loop: EventLoop, descriptor: Int32, owner: any ConnectionOwner, options: Options = .init()
    ) {
        self.loop = loop
        self.descriptor = descriptor
        self.owner = owner
        self.options = options
        input = ByteQueue(budget: options.budget)
        output = Lock(Output(budget: options.budget))
        watcher = Watcher(loop, descriptor) { [unowned self] ready in self.handle(ready) }
        loop.add(self)
        updateInterest()
    }

    /// The TLS of the connection; `nil` for a plain one.
    package var tls: TLSSession? { options.tls }

    /// Closes after the output that waits has left. Thread-safe.
    package func finish() {
        loop.run { [self] in
            let isEmpty = output.withLock { output -> Bool in
                output.endsAfterOutput = true
                return output.queue.count == 0
            }
            if isEmpty { closeNow() } else { flush() }
        }
    }

    /// Closes; idempotent, thread-safe.
    package func close() {
        loop.run { [self] in closeNow() }
    }

    /// What has passed and what waits, bytes; for people. Thread-safe.
    package var statistics: (bytesReceived: UInt64, bytesSent: UInt64, queuedOutput: Int, bufferedInput: Int) {
        let (sent, queued) = output.withLock { ($0.sentBytes, $0.count) }
        return (
            receivedBytes.load(ordering: .relaxed), sent, queued, bufferedBytes.load(ordering: .relaxed)
        )
    }

    /// Applies the time limits, as if it were `now`, and takes back memory that was not used since the last time; called
    /// by the loop every second. Loop-confined.
    package func sweep(now: Instant) {
        guard watcher != nil else { return }
        guard owner != nil else { return closeNow() }
        if let reason = overdue(now) { return fail(reason) }
        input.trim()
        if isStarved {
            isStarved = false
            updateInterest()
            continueSoon()
        }
    }

    private func overdue(_ now: Instant) -> CloseReason? {
        if options.firstNanos > 0, !hasTalked, !isPaused, now.nanoseconds(since: startedAt) >= options.firstNanos {
            return .firstTimeout(nanos: options.firstNanos)
        }
        if options.frameNanos > 0, let begunAt, now.nanoseconds(since: begunAt) >= options.frameNanos {
            return .frameTimeout(nanos: options.frameNanos)
        }
        return output.withLock { output -> CloseReason? in
            output.queue.trim()
            guard options.stallNanos > 0, output.isBlocked else { return nil }
            guard now.nanoseconds(since: output.progressAt) >= options.stallNanos else { return nil }
            return .slowReader(waiting: output.queue.count, nanos: options.stallNanos)
        }
    }

    func handle(_ ready: Watcher.Readiness) {
        if let tls, !tls.isReady {
            shakeHands(tls)
        } else {
            if ready.contains(.writable) || tls?.writingWantsInput == true { flush() }
            if reads, ready.contains(.readable) || tls?.readingWantsOutput == true { receive() }
        }
        guard watcher != nil else { return }
        if !reads, options.noticesHangUp, !ready.isDisjoint(with: [.hangUp, .failed]) { return closeNow() }
        updateInterest()
    }

    private func shakeHands(_ tls: TLSSession) {
        switch tls.handshake() {
        case .blocked: return
        case .ended: return closeNow()
        case .failed(let text): return fail(.tls(text))
        case .done: break
        }
        startedAt = .now()
        owner?.connectionReady(self)
        guard watcher != nil else { return }
        flush()
        // What came with the end of the handshake is not announced by the descriptor.
        receive()
    }

    /// Watches for what can be gone on with.
    func updateInterest() {
        guard let watcher else { return }
        var interest: Watcher.Readiness = []
        if let tls, !tls.isReady {
            interest = tls.readingWantsOutput ? .writable : .readable
        } else {
            if reads || tls?.writingWantsInput == true {
                interest = .readable
            } else if options.noticesHangUp {
                interest = .hangUp
            }
            if waitsForRoom || (reads && tls?.readingWantsOutput == true) { interest.insert(.writable) }
        }
        watcher.watch(interest)
    }

    func fail(_ reason: CloseReason) {
        guard watcher != nil else { return }
        owner?.connection(self, closing: reason)
        closeNow()
    }

    func closeNow() {
        guard end() else { return }
        loop.remove(self)
        owner?.connectionClosed(self)
    }

    /// Closes without telling anybody.
    func abandon() {
        index = -1
        _ = end()
    }

    private func end() -> Bool {
        guard let watcher else { return false }
        output.withLock { output in
            output.isClosed = true
            output.queue.removeAll()
        }
        // The owner may be looking at the input right now.
        if !isDelivering { input.removeAll() }
        self.watcher = nil
        watcher.close()
        tls?.close()
        Glibc.close(descriptor)
        return true
    }
}
