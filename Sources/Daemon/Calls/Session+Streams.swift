internal import Loop
internal import Model
internal import Wire

/// Output and input of streams; loop-confined.
extension Session {
    // MARK: - Output: streams take turns, one frame each, while the connection has room

    /// Sends a stream's frame, now or in its turn.
    ///
    /// - Returns: `false` if it waits.
    func sendInTurn(_ frame: [UInt8], of stream: Stream) -> Bool {
        guard let connection else { return true }
        guard ready.isEmpty, connection.queuedOutput <= Connection.lowWater else {
            if stream.output.isEmpty { ready.append(stream) }
            return false
        }
        write(frame)
        return true
    }

    /// Gives waiting streams their turns.
    func pump() {
        guard let connection, !ready.isEmpty else { return }
        var index = 0
        while index < ready.count, connection.queuedOutput <= Connection.lowWater {
            let stream = ready[index]
            index += 1
            guard let frame = stream.nextFrame() else { continue }
            write(frame)
            if !stream.output.isEmpty { ready.append(stream) }
        }
        ready.removeFirst(index)
        offerRoom()
    }

    /// Streams that were held up go on where there is room.
    func offerRoom() {
        guard !waitingForRoom.isEmpty, heldOutput < context.limits.maxOutputBytes / 2 else { return }
        let waiting = waitingForRoom
        waitingForRoom = waiting.filter { !$0.takeRoom() }
    }

    private func write(_ frame: [UInt8]) {
        _ = connection?.write(count: frame.count) { $0.copyBytes(from: frame) }
    }

    // MARK: - Input: what a handler does not take yet

    /// A stream's input is over its limit: stops reading for a moment, so that the peer feels it.
    func crowd(_ stream: Stream) {
        guard !crowded.contains(where: { $0 === stream }) else { return }
        crowded.append(stream)
        stream.fullSince = .now()
        pauseReading()
        if crowdTimer == nil { crowdTimer = LoopTimer(loop) { [unowned self] in self.lookAtCrowd() } }
        crowdTimer?.start(milliseconds: SessionLimits.pauseMilliseconds, every: SessionLimits.pauseMilliseconds)
    }

    /// A stream's input has room again, or it has ended.
    func uncrowd(_ stream: Stream) {
        guard let index = crowded.firstIndex(where: { $0 === stream }) else { return }
        crowded.remove(at: index)
        stream.isStuck = false
        if crowded.allSatisfy(\.isStuck) { resumeReading() }
        if crowded.isEmpty { crowdTimer?.stop() }
    }

    /// A stream that moves holds its connection back; one that stands still must not hold up the others.
    private func lookAtCrowd() {
        let now = Instant.now()
        for stream in crowded {
            if stream.hasMoved {
                stream.hasMoved = false
                stream.fullSince = now
                stream.isStuck = false
            } else {
                stream.isStuck = true
                if stream.mayStay {
                    stream.fullSince = now
                } else if now.nanoseconds(since: stream.fullSince) >= SessionLimits.stuckNanos {
                    stream.fail(stuckFailure)
                }
            }
        }
        if crowded.allSatisfy(\.isStuck) { resumeReading() } else { pauseReading() }
    }

    private var stuckFailure: Failure {
        Failure(
            .busy,
            "the stream's input was not taken for \(SessionLimits.stuckNanos / 1_000_000) ms with "
                + "\(context.limits.inputMessages) messages or \(context.limits.inputBytes) bytes waiting, the limits "
                + "(max-stream-messages, max-stream-input-kib)", retryNanos: 1_000_000_000,
            quota: "max-stream-input-kib")
    }

    private var inputFailure: Failure {
        Failure(
            .busy,
            "the streams of the connection hold \(context.limits.connectionInputBytes) bytes of input, the limit "
                + "(max-input-mib)", retryNanos: 1_000_000_000, quota: "max-input-mib")
    }

    /// Ends streams that hold more input than this one, the largest first, until so much more fits; else this one. A
    /// stream that is stuck must not be at the expense of one that moves.
    ///
    /// - Returns: whether another one was ended.
    func makeRoom(for cost: Int, of stream: Stream) -> Bool {
        var hasEnded = false
        while heldInput + cost > context.limits.connectionInputBytes {
            let largest = allOpen.lazy.compactMap { $0 as? Stream }.max { $0.heldInput < $1.heldInput }
            guard let largest, largest.heldInput > stream.heldInput else {
                stream.fail(inputFailure)
                return false
            }
            largest.fail(inputFailure)
            hasEnded = true
        }
        return hasEnded
    }

    /// Ends all streams and tells their callers that the daemon stops. Thread-safe.
    package func interruptStreams() {
        loop.run { [self] in
            for case let stream as Stream in allOpen {
                stream.fail(Failure(.unavailable, "the daemon stops; the stream was interrupted"))
            }
        }
    }

    func waitForReader() {
        guard !waitsForReader else { return }
        waitsForReader = true
        connection?.pauseReading()
    }

    func listenAgain() {
        guard waitsForReader else { return }
        waitsForReader = false
        if !isReadingPaused { connection?.resumeReading() }
    }

    private func pauseReading() {
        guard !isReadingPaused else { return }
        isReadingPaused = true
        connection?.pauseReading()
    }

    private func resumeReading() {
        guard isReadingPaused else { return }
        isReadingPaused = false
        if !waitsForReader { connection?.resumeReading() }
    }
}
