internal import NIOCore
internal import Synchronization

/// How a stream ended, as its reader sees it.
enum StreamEnd: Sendable {
    /// The server sent its last message, and this behind it.
    case closed([Header])
    /// The server answered a client stream, or ended a stream, by a Response.
    case response(Reply)
    /// It failed, or was given up.
    case failure(ClientError)
}

/// What a stream has received and its reader has not taken: bounded, filled on the event loop, emptied by tasks.
/// Thread-safe.
final class StreamInbox: Sendable {
    /// Most messages that wait; a further one stops the connection for a moment.
    static let maxMessages = 64
    /// Most bytes that wait, where nothing else is said.
    static let maxBytes = 1 << 20

    private struct State {
        var messages = CircularBuffer<[UInt8]>()
        var byteCount = 0
        var end: StreamEnd?
        var readers = CircularBuffer<CheckedContinuation<Void, Never>>()
        var isLoopWaiting = false
        var isSendingFinished = false
    }

    /// What a reader finds.
    enum Step: Sendable {
        /// - Parameter wakesLoop: whether the event loop waits for room.
        case message([UInt8], wakesLoop: Bool)
        case end(StreamEnd)
        case empty
    }

    private let state = Mutex(State())
    private let maxBytes: Int

    /// - Parameter maxBytes: most bytes that wait; one message is always taken.
    init(maxBytes: Int = StreamInbox.maxBytes) {
        self.maxBytes = maxBytes
    }

    /// Whether a message fits; if not, the next read says that the loop waits.
    func hasRoom(_ count: Int) -> Bool {
        state.withLock { state in
            let fits =
                state.messages.isEmpty
                || state.messages.count < Self.maxMessages && state.byteCount + count <= maxBytes
            if !fits { state.isLoopWaiting = true }
            return fits
        }
    }

    /// Adds a message; dropped after the end.
    func add(_ message: [UInt8]) {
        state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.end == nil else { return nil }
            state.messages.append(message)
            state.byteCount += message.count
            return state.readers.popFirst()
        }?.resume()
    }

    /// Ends the stream; only the first end counts.
    ///
    /// - Parameter discarding: whether messages that nobody has read are dropped.
    func end(_ end: StreamEnd, discarding: Bool = false) {
        let readers = state.withLock { state -> CircularBuffer<CheckedContinuation<Void, Never>> in
            if state.end == nil { state.end = end }
            if discarding {
                state.messages = CircularBuffer()
                state.byteCount = 0
            }
            defer { state.readers = CircularBuffer() }
            return state.readers
        }
        for reader in readers { reader.resume() }
    }

    /// The next message, else the end.
    func take() -> Step {
        state.withLock { state in
            if let message = state.messages.popFirst() {
                state.byteCount -= message.count
                defer { state.isLoopWaiting = false }
                return .message(message, wakesLoop: state.isLoopWaiting)
            }
            return state.end.map { .end($0) } ?? .empty
        }
    }

    /// Returns when there may be something to take.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state -> Bool in
                if !state.messages.isEmpty || state.end != nil { return true }
                state.readers.append(continuation)
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    /// The end, also while messages wait.
    var ended: StreamEnd? { state.withLock { $0.end } }

    /// Whether the caller has finished sending.
    var isSendingFinished: Bool { state.withLock { $0.isSendingFinished } }

    /// Marks sending as finished.
    ///
    /// - Returns: whether it was not before.
    func finishSending() -> Bool {
        state.withLock { state in
            defer { state.isSendingFinished = true }
            return !state.isSendingFinished
        }
    }
}
