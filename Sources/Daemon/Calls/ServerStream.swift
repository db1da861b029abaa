internal import Loop
internal import Model
internal import Synchronization

/// A streamed call of one of the daemon's own methods, as its handler sees it. Thread-safe; one reader and one writer at
/// a time.
// SAFETY: everything mutable is confined to the connection's loop, but for `task` and `isOver`, which guard themselves.
package final class ServerStream: StreamReceiver, Expiring, @unchecked Sendable {
    package let caller: Caller
    /// The payload of the Request frame: the one request of server streaming.
    package let request: [UInt8]
    private let stream: Stream
    private let method: Method
    private let arrivedAt: Instant
    private let deadline: Instant?
    private let entry = WheelEntry()
    private let task = Lock<Task<Void, Never>?>(nil)
    private let isOver = Atomic<Bool>(false)

    private var reader: CheckedContinuation<[UInt8]?, any Error>?
    private var writer: Writer?
    private var inputEnded = false

    /// Who waits for room, and what it then sends.
    private struct Writer {
        let continuation: CheckedContinuation<Void, any Error>
        /// `nil`: it only wants to know.
        let make: (@Sendable () -> [UInt8])?
    }

    init(
        stream: Stream, caller: Caller, request: [UInt8], method: Method, arrivedAt: Instant, timeoutNanos: Int64
    ) {
        self.stream = stream
        self.caller = caller
        self.request = request
        self.method = method
        self.arrivedAt = arrivedAt
        deadline = timeoutNanos > 0 ? arrivedAt.advanced(byNanoseconds: UInt64(timeoutNanos)) : nil
    }

    /// The next message of the caller; `nil` after the last one. Throws when the stream is over.
    package func next() async throws -> [UInt8]? {
        try await withCheckedThrowingContinuation { continuation in
            loop.run { [self] in
                if isOver.load(ordering: .relaxed) { return continuation.resume(throwing: CancellationError()) }
                precondition(reader == nil, "BUG: two readers of one stream")
                if inputEnded { return continuation.resume(returning: nil) }
                reader = continuation
                stream.drain()
            }
        }
    }

    /// Sends a message; waits before while the peer does not read. Throws when the stream is over.
    package func send(_ message: [UInt8]) async throws { try await send(making: { message }) }

    /// As ``send(_:)``, for large messages: made when there is room, so that callers that do not read hold none. `make`
    /// runs on the connection's loop.
    package func send(making make: @escaping @Sendable () -> [UInt8]) async throws { try await untilRoom(make) }

    /// Waits while the peer does not read, for messages that are made elsewhere. Throws when the stream is over.
    package func room() async throws { try await untilRoom(nil) }

    private func untilRoom(_ make: (@Sendable () -> [UInt8])?) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            loop.run { [self] in
                if isOver.load(ordering: .relaxed) { return continuation.resume(throwing: CancellationError()) }
                precondition(writer == nil, "BUG: two writers of one stream")
                writer = Writer(continuation: continuation, make: make)
                streamHasRoom(stream)
            }
        }
    }

    /// Runs the handler; on the loop.
    func start(_ run: @escaping Method.Streaming) {
        if let deadline { stream.session.context.dispatcher.wheels[0].add(entry, of: self, due: deadline) }
        let running = Task { [self] in
            do {
                let answer = try await run(self)
                end(answer, nil)
            } catch {
                end(nil, stream.session.context.failure(error, of: method))
            }
        }
        task.withLock { $0 = running }
        if isOver.load(ordering: .acquiring) { running.cancel() }
    }

    package func expired() {
        loop.run { [self] in
            let nanos = Instant.now().nanoseconds(since: arrivedAt)
            stream.fail(Failure(.timeout, "\(method.service)/\(method.name): timed out after \(seconds(nanos))"))
        }
    }

    private var loop: EventLoop { stream.session.loop }

    private func end(_ answer: [UInt8]?, _ failure: Failure?) {
        loop.run { [self] in
            guard claim(failure?.code.status ?? 0) else { return }
            if let failure {
                stream.respond(status: failure.encodedStatus())
            } else if let answer {
                answer.withUnsafeBytes { stream.respond(payload: $0) }
            } else {
                stream.finish()
            }
        }
    }

    private func claim(_ code: Int32) -> Bool {
        guard !isOver.exchange(true, ordering: .acquiringAndReleasing) else { return false }
        stream.session.context.dispatcher.wheels[0].remove(entry)
        method.metrics.observe(code: code, nanos: Instant.now().nanoseconds(since: arrivedAt))
        return true
    }

    // MARK: - From the wire

    func stream(_ stream: Stream, received message: UnsafeRawBufferPointer) -> Bool {
        guard method.kind.takesStream else {
            // The caller may close its half of a server stream, but it has no more to say.
            stream.session.loop.post {
                stream.fail(Failure(.invalid, "stream id \(stream.id): the method takes no stream"))
            }
            return true
        }
        guard let waiting = reader else { return false }
        reader = nil
        waiting.resume(returning: Array(message))
        return true
    }

    func streamInputEnded(_ stream: Stream) {
        inputEnded = true
        guard let waiting = reader else { return }
        reader = nil
        waiting.resume(returning: nil)
    }

    func streamHasRoom(_ stream: Stream) {
        guard let waiting = writer, stream.hasRoom else { return }
        writer = nil
        waiting.make?().withUnsafeBytes { stream.send($0) }
        waiting.continuation.resume()
    }

    func stream(_ stream: Stream, abandoned reason: AbandonReason, failure: Failure?) {
        _ = claim(failure?.code.status ?? Failure.Code.cancelled.status)
        task.withLock { $0 }?.cancel()
        let reader = reader
        let writer = writer
        self.reader = nil
        self.writer = nil
        reader?.resume(throwing: CancellationError())
        writer?.continuation.resume(throwing: CancellationError())
    }
}
