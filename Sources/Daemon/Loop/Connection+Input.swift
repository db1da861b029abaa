internal import Glibc
internal import Model
internal import Synchronization

extension Connection {
    /// Full reads that one connection may have in one turn of the loop, and bytes of one. All others wait for so
    /// long while a peer sends as fast as it can; a read without a limit goes on for as long as it sends.
    private static let maxReads = 2
    private static let maxReadBytes = 64 << 10
    /// Turns' worth of reading in one, enough for the longest message.
    private static let restReads = maxInput / maxReadBytes

    /// How a read ended.
    enum ReadEnd: Equatable {
        /// All room was used: there may be more.
        case filled
        /// There is no more for now.
        case drained
        /// The peer sends no more.
        case ended
        case failed(CloseReason)
    }

    var reads: Bool { !isPaused && !isStarved && tls?.isReady != false }

    /// Reads no more until ``resumeReading()``; idempotent. Inside a delivery, what the owner does not consume is kept.
    package func pauseReading() {
        guard !isPaused else { return }
        isPaused = true
        begunAt = nil
        if !isDelivering { updateInterest() }
    }

    /// Reads again; idempotent. Input that the owner has not consumed is delivered again first, soon after this call.
    package func resumeReading() {
        guard isPaused else { return }
        isPaused = false
        guard watcher != nil else { return }
        if input.count > 0 { begunAt = .now() }
        if !isDelivering { updateInterest() }
        // Of input inside TLS the descriptor knows nothing; what a delivery leaves is known when it ends.
        if isDelivering || input.count > 0 || tls != nil { continueSoon() }
    }

    /// Whether nothing more can be read now, not even the peer's end: a system call. Plain connections; loop-confined.
    package var isSilent: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) < 0 && errno == EAGAIN
    }

    /// Delivers what has come until now, and its end, because the peer's process has ended. Loop-confined; not from inside a
    /// delivery.
    package func receiveRest() {
        // Bounded, because the peer's children may go on sending.
        for _ in 0..<Self.restReads {
            let before = receivedBytes.load(ordering: .relaxed)
            guard watcher != nil, reads, !isDelivering else { return }
            receive()
            if receivedBytes.load(ordering: .relaxed) == before { return }
        }
    }

    func continueSoon() {
        guard !isContinuing else { return }
        isContinuing = true
        loop.unread.append(self)
    }

    /// Goes on with input that no descriptor announces.
    func continueInput() {
        isContinuing = false
        guard watcher != nil, reads else { return }
        if input.count > 0 && input.count >= neededBytes { offerInput() }
        if watcher != nil, reads { receive() }
        if watcher != nil { updateInterest() }
    }

    func receive() {
        var count = 0
        while watcher != nil && reads {
            let usesScratch = input.count == 0
            let target = usesScratch ? loop.scratch : room()
            guard target.count > 0 else {
                // The budget is used up; the sweep looks again.
                isStarved = true
                return
            }
            let (length, end) = read(target)
            if length > 0 {
                receivedAt = .now()
                receivedBytes.store(
                    receivedBytes.load(ordering: .relaxed) &+ UInt64(length), ordering: .relaxed)
                if usesScratch {
                    offerScratch(length)
                } else {
                    input.commit(length)
                    if input.count >= neededBytes { offerInput() } else { settle(0) }
                }
                guard watcher != nil else { return }
            }
            switch end {
            case .filled:
                count += 1
                // Others have their turn too. The descriptor tells if there is more, unless TLS has it already.
                if count == Self.maxReads {
                    if tls != nil { continueSoon() }
                    return
                }
            case .drained: return
            case .ended: return closeNow()
            case .failed(let reason): return fail(reason)
            }
        }
    }

    /// Room behind the buffered input. It grows with what has come, not with what was announced.
    private func room() -> UnsafeMutableRawBufferPointer {
        let count = input.count
        let wished = neededBytes > count ? neededBytes - count : min(count, ByteQueue.freeBytes)
        let room = input.room(max(4096, min(wished, max(ByteQueue.freeBytes - count, count))))
        return UnsafeMutableRawBufferPointer(rebasing: room.prefix(Self.maxReadBytes))
    }

    private func read(_ target: UnsafeMutableRawBufferPointer) -> (Int, ReadEnd) {
        if let tls { return tls.read(target) }
        let count = recv(descriptor, target.baseAddress, target.count, 0)
        if count > 0 { return (count, count == target.count ? .filled : .drained) }
        if count < 0 && (errno == EAGAIN || errno == EINTR) { return (0, .drained) }
        wasReset = count < 0 && errno == ECONNRESET
        return (0, .ended)
    }

    private func offerScratch(_ length: Int) {
        let bytes = UnsafeRawBufferPointer(rebasing: loop.scratch[..<length])
        guard let done = offer(bytes) else { return }
        if done < length, !input.append(UnsafeRawBufferPointer(rebasing: bytes[done...])) { return fail(.noMemory) }
        settle(done)
    }

    private func offerInput() {
        guard let done = offer(input.bytes) else {
            input.removeAll()
            return
        }
        input.consume(done)
        settle(done)
    }

    /// Gives input to the owner; `nil` if the connection is closed after that.
    private func offer(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let owner else {
            closeNow()
            return nil
        }
        isDelivering = true
        let step = owner.connection(self, received: bytes)
        isDelivering = false
        guard watcher != nil else { return nil }
        guard case .consumed(let done, let needed) = step else {
            closeNow()
            return nil
        }
        guard needed <= Self.maxInput else {
            fail(.inputLimit(bytes: needed))
            return nil
        }
        neededBytes = needed
        return done
    }

    private func settle(_ done: Int) {
        if done > 0 {
            hasTalked = true
            begunAt = nil
        }
        if input.count > 0 && !isPaused && begunAt == nil { begunAt = .now() }
        bufferedBytes.store(input.count, ordering: .relaxed)
        // An owner that does not know how much it needs must not wait for ever.
        if input.count > Self.maxInput + ByteQueue.freeBytes { fail(.inputLimit(bytes: input.count)) }
    }
}
