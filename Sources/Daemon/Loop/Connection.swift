internal import Glibc
internal import Model

/// What a connection's owner did with its input.
package enum InputStep {
    /// So many bytes are done with; `needed` bytes in all (0: unknown) make the next message.
    case consumed(Int, needed: Int)
    /// The peer broke the rules; the connection is closed.
    case close
}

/// The owner of a connection; called on the connection's loop.
package protocol ConnectionOwner: AnyObject {
    /// Input arrived; `bytes` are valid only during the call.
    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) -> InputStep
    /// The connection ended, for whatever reason; called once.
    func connectionClosed(_ connection: Connection)
}

/// A nonblocking stream socket with buffered input and bounded output.
///
/// Reading is loop-confined; ``write(count:_:)`` and ``close()`` are thread-safe.
// SAFETY: `watcher`, `input` and `owner` are loop-confined; `output` is guarded by its lock.
package final class Connection: @unchecked Sendable {
    /// Output that may wait for a peer that reads nothing, bytes; past it the connection is closed. At least two frames.
    package static let maxOutput = 16 << 20
    /// Output that may wait for a peer that does read, bytes.
    package static let maxMovingOutput = 256 << 20
    /// How long a peer may read nothing before ``maxOutput`` applies, nanoseconds.
    private static let stallNanos: UInt64 = 2_000_000_000
    /// Input that one message may need, bytes: a frame of 4 MiB and its header.
    package static let maxInput = (4 << 20) + 4096

    /// Where its input is handled.
    package let loop: EventLoop
    private let descriptor: Int32
    private let output = Lock(Output())
    private var input = ByteQueue()
    private var watcher: Watcher?
    private weak var owner: (any ConnectionOwner)?

    private struct Output: ~Copyable {
        var queue = ByteQueue()
        var isBlocked = false
        var isScheduled = false
        var isClosed = false
        var endsAfterOutput = false
        /// When the peer last took something.
        var progressAt = Instant.now()
    }

    /// Takes over a connected, nonblocking socket; must run on the loop.
    ///
    /// - Parameter owner: held weakly.
    package init(loop: EventLoop, descriptor: Int32, owner: any ConnectionOwner) {
        self.loop = loop
        self.descriptor = descriptor
        self.owner = owner
        watcher = Watcher(loop, descriptor) { [unowned self] ready in self.handle(ready) }
        watcher?.watch(.readable)
    }

    /// Adds `count` bytes that `fill` writes to the output; `false` if the connection is closed or its peer has not
    /// read for too long. Thread-safe. On the loop, what one turn writes leaves together at its end.
    @discardableResult
    package func write(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Bool {
        let onLoop = loop.isCurrent
        let (accepted, mustSchedule, mustClose) = output.withLock { output -> (Bool, Bool, Bool) in
            if output.isClosed || output.endsAfterOutput { return (false, false, false) }
            if output.queue.count == 0 { output.progressAt = .now() }
            if output.queue.count + count > Self.maxOutput {
                // Many large replies may come in one turn; size alone does not tell a peer that never reads.
                if !output.isBlocked { _ = Self.send(&output, descriptor) }
                let isStalled = Instant.now().nanoseconds(since: output.progressAt) > Self.stallNanos
                let limit = isStalled ? Self.maxOutput : Self.maxMovingOutput
                if output.queue.count + count > limit { return (false, false, true) }
            }
            output.queue.append(count: count, fill)
            if output.isBlocked { return (true, false, false) }
            if onLoop {
                defer { output.isScheduled = true }
                return (true, !output.isScheduled, false)
            }
            // Another loop's reply leaves at once: waking this loop would cost more than the write.
            return (true, Self.send(&output, descriptor) == .blocked, false)
        }
        if mustClose {
            close()
        } else if mustSchedule {
            if onLoop { loop.dirty.append(self) } else { loop.post { [self] in updateInterest() } }
        }
        return accepted
    }

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

    /// Sends what waits; loop-confined.
    func flush() {
        let result = output.withLock { output -> SendResult in
            output.isScheduled = false
            if output.isClosed { return .sent }
            let result = Self.send(&output, descriptor)
            output.isBlocked = result == .blocked
            return result == .sent && output.endsAfterOutput ? .failed : result
        }
        if result == .failed { closeNow() } else { updateInterest() }
    }

    private enum SendResult { case sent, blocked, failed }

    private static func send(_ output: inout Output, _ descriptor: Int32) -> SendResult {
        while output.queue.count > 0 {
            let bytes = output.queue.bytes
            let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if count >= 0 {
                output.queue.consume(count)
                output.progressAt = .now()
            } else if errno == EAGAIN {
                output.isBlocked = true
                return .blocked
            } else if errno != EINTR {
                return .failed
            }
        }
        return .sent
    }

    private func updateInterest() {
        let isBlocked = output.withLock { $0.isBlocked && !$0.isClosed }
        var interest: Watcher.Readiness = .readable
        if isBlocked { interest.insert(.writable) }
        watcher?.watch(interest)
    }

    private func handle(_ ready: Watcher.Readiness) {
        if ready.contains(.writable) { flush() }
        if ready.contains(.readable) && watcher != nil { receive() }
    }

    private func receive() {
        let usesScratch = input.count == 0
        let target = usesScratch ? loop.scratch : input.space(max(4096, missing))
        let count = recv(descriptor, target.baseAddress, target.count, 0)
        if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) {
            closeNow()
            return
        }
        guard count > 0 else { return }
        guard let owner else { return closeNow() }
        if usesScratch {
            let bytes = UnsafeRawBufferPointer(rebasing: target[..<count])
            switch owner.connection(self, received: bytes) {
            case .close: closeNow()
            case .consumed(let done, let needed):
                guard remember(needed) else { return closeNow() }
                input.append(UnsafeRawBufferPointer(rebasing: bytes[done...]))
            }
        } else {
            input.commit(count)
            switch owner.connection(self, received: input.bytes) {
            case .close: closeNow()
            case .consumed(let done, let needed):
                input.consume(done)
                guard remember(needed) else { return closeNow() }
            }
        }
    }

    private var neededBytes = 0
    private var missing: Int { max(neededBytes - input.count, 0) }

    private func remember(_ needed: Int) -> Bool {
        neededBytes = needed
        return needed <= Self.maxInput
    }

    private func closeNow() {
        let wasOpen = output.withLock { output -> Bool in
            defer { output.isClosed = true }
            return !output.isClosed
        }
        guard wasOpen, let watcher else { return }
        watcher.close()
        self.watcher = nil
        Glibc.close(descriptor)
        owner?.connectionClosed(self)
    }
}
