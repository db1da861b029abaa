internal import Glibc
internal import Model

extension Connection {
    /// A peer that has read nothing for so long may have ``Options/maxStalledOutput`` waiting and no more, nanoseconds.
    private static let stalledAfterNanos: UInt64 = 2_000_000_000
    /// Output of one turn that leaves before its end, bytes.
    private static let earlyBytes = 256 << 10

    /// Output, and what is known about it; guarded by ``Connection/output``.
    struct Output: ~Copyable {
        var queue: ByteQueue
        /// The loop sends from `queue`, without the lock: until that is over nobody changes it, and what others add goes here.
        var isSending = false
        var late: ByteQueue
        /// The socket takes no more for now.
        var isBlocked = false
        /// ``Connection/flush()`` will come.
        var isScheduled = false
        var isClosed = false
        var endsAfterOutput = false
        /// The peer takes no more, but what it sent before is still read.
        var isLost = false
        /// More than ``Connection/lowWater`` waited, and the owner was not told yet that this is over.
        var wasHigh = false
        /// When the peer last took something, or output began to wait; only while `isBlocked`.
        var progressAt = Instant(nanoseconds: 0)
        var sentBytes: UInt64 = 0
        /// The limit that it ran into; ``Connection/flush()`` closes.
        var failure: CloseReason?

        init(budget: ByteBudget?) {
            queue = ByteQueue(budget: budget)
            late = ByteQueue(budget: budget)
        }

        /// Bytes that wait.
        var count: Int { queue.count + late.count }
    }

    enum SendResult { case sent, blocked, failed }

    /// Output that waits, bytes. Thread-safe.
    package var queuedOutput: Int { output.withLock { $0.count } }

    /// Adds `count` bytes that `fill` writes to the output; `false` if the connection is closed, or will be because its
    /// peer has not read for too long or the budget is used up. Thread-safe. On the loop, what one turn writes leaves
    /// together at its end.
    @discardableResult
    package func write(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Bool {
        let onLoop = loop.isCurrent
        let (accepted, mustSchedule) = output.withLock { output -> (Bool, Bool) in
            if output.isClosed || output.endsAfterOutput || output.isLost || output.failure != nil {
                return (false, false)
            }
            if let reason = refusal(count, &output, onLoop: onLoop) {
                output.failure = reason
                return (false, Self.schedule(&output))
            }
            let hasRoom =
                output.isSending ? output.late.append(count: count, fill) : output.queue.append(count: count, fill)
            guard hasRoom else {
                output.failure = .outputBudget(waiting: output.count)
                return (false, Self.schedule(&output))
            }
            if output.isSending { return (true, Self.schedule(&output)) }
            var mustFlush = false
            if !output.isBlocked {
                // Another loop's reply leaves at once: waking this loop would cost more than the write. TLS is the
                // loop's alone.
                let isEarly = onLoop ? output.queue.count > Self.earlyBytes : tls == nil
                mustFlush = !isEarly || transmit(&output) != .sent
            }
            if output.queue.count > Self.lowWater {
                output.wasHigh = true
            } else if output.wasHigh {
                mustFlush = true
            }
            return (true, mustFlush && Self.schedule(&output))
        }
        if mustSchedule {
            if onLoop { loop.dirty.append(self) } else { loop.postFlush(self) }
        }
        return accepted
    }

    private static func schedule(_ output: inout Output) -> Bool {
        defer { output.isScheduled = true }
        return !output.isScheduled
    }

    private func refusal(_ count: Int, _ output: inout Output, onLoop: Bool) -> CloseReason? {
        guard output.count > 0, output.count + count > options.maxStalledOutput else { return nil }
        // Many large replies may come in one turn; size alone does not tell a peer that never reads.
        if !output.isBlocked, !output.isSending, onLoop || tls == nil { _ = transmit(&output) }
        guard output.count > 0 else { return nil }
        let isStalled =
            output.isBlocked && Instant.now().nanoseconds(since: output.progressAt) > Self.stalledAfterNanos
        let limit = isStalled ? options.maxStalledOutput : options.maxMovingOutput
        guard output.count + count > limit else { return nil }
        return .outputLimit(waiting: output.count, limit: limit)
    }

    /// Sends what waits; loop-confined.
    func flush() {
        guard let bytes = beginFlush() else { return }
        var result = 0
        repeat {
            result = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        } while result < 0 && errno == EINTR
        endFlush(sent: result < 0 ? -Int(errno) : result)
    }

    /// What a flush has come to, and what is known about the output then.
    private struct Flushed {
        var result: SendResult
        var failure: CloseReason?
        var hasRoom = false
    }

    /// Begins to send what waits; loop-confined.
    ///
    /// - Returns: what to send now, without the lock, and then to ``endFlush(sent:)``; `nil`: nothing is to do any more.
    func beginFlush() -> UnsafeRawBufferPointer? {
        let isPlain = tls == nil
        // SAFETY: while `isSending`, nobody changes the queue or its memory.
        let (bytes, flushed) = output.withLock { output -> (UnsafeRawBufferPointer?, Flushed) in
            output.isScheduled = false
            if output.isClosed { return (nil, Flushed(result: .sent)) }
            if let failure = output.failure { return (nil, Flushed(result: .failed, failure: failure)) }
            guard isPlain, output.queue.count > 0 else { return (nil, settle(&output, transmit(&output))) }
            output.isSending = true
            return (output.queue.bytes, Flushed(result: .sent))
        }
        if bytes == nil { followUp(flushed) }
        return bytes
    }

    /// Ends what ``beginFlush()`` began; loop-confined.
    ///
    /// - Parameter sent: bytes, or -errno.
    func endFlush(sent: Int) {
        let flushed = output.withLock { output -> Flushed in
            output.isSending = false
            if output.isClosed { return Flushed(result: .sent) }
            // A socket that takes a part is full: asking again would only be told so.
            let isBlocked = sent >= 0 ? sent < output.queue.count : sent == -Int(EAGAIN)
            if sent > 0 {
                output.queue.consume(sent)
                output.sentBytes &+= UInt64(sent)
            }
            if isBlocked && (sent > 0 || !output.isBlocked) { output.progressAt = .now() }
            output.isBlocked = isBlocked
            if output.late.count > 0 {
                if !output.queue.append(output.late.bytes) { output.failure = .outputBudget(waiting: output.count) }
                output.late.removeAll()
            }
            return settle(&output, isBlocked ? .blocked : sent < 0 ? .failed : .sent)
        }
        followUp(flushed)
    }

    private func settle(_ output: inout Output, _ result: SendResult) -> Flushed {
        var result = result
        if result == .failed && !options.noticesHangUp && !output.endsAfterOutput {
            output.isLost = true
            output.isBlocked = false
            output.queue.removeAll()
            result = .sent
        }
        if result == .sent && output.endsAfterOutput && output.queue.count == 0 { return Flushed(result: .failed) }
        let hasRoom = output.wasHigh && output.queue.count <= Self.lowWater
        if hasRoom { output.wasHigh = false }
        return Flushed(result: result, hasRoom: hasRoom)
    }

    private func followUp(_ flushed: Flushed) {
        guard watcher != nil else { return }
        if let failure = flushed.failure { return fail(failure) }
        if flushed.result == .failed { return closeNow() }
        waitsForRoom = flushed.result == .blocked && tls?.isReady != false
        updateInterest()
        if flushed.hasRoom { owner?.connectionHasRoom(self) }
    }

    /// Sends with the lock held; TLS on the loop only.
    private func transmit(_ output: inout Output) -> SendResult {
        let waiting = output.queue.count
        guard waiting > 0 else {
            output.isBlocked = false
            return .sent
        }
        let result = tls.map { $0.write(&output.queue) } ?? send(&output.queue)
        let sent = waiting - output.queue.count
        output.sentBytes &+= UInt64(sent)
        if result == .blocked && (sent > 0 || !output.isBlocked) { output.progressAt = .now() }
        output.isBlocked = result == .blocked
        return result
    }

    private func send(_ queue: inout ByteQueue) -> SendResult {
        while queue.count > 0 {
            let bytes = queue.bytes
            let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if count >= 0 {
                queue.consume(count)
                // A socket that takes a part is full: asking again would only be told so.
                if count < bytes.count { return .blocked }
            } else if errno == EAGAIN {
                return .blocked
            } else if errno != EINTR {
                return .failed
            }
        }
        return .sent
    }
}
