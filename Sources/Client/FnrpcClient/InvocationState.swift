internal import NIOCore
internal import Synchronization
internal import Wire

/// The credit and the received part of the body of one InvokeStream call. A machine in a lock; thread-safe.
final class InvocationState: Sendable {
    /// What the daemon may send ahead of the reader, bytes.
    static let window = 1 << 20
    /// Payload of one message, bytes.
    static let chunkBytes = 256 << 10

    private struct State {
        var contentType = ""
        var headers: [Header] = []
        var parts = CircularBuffer<[UInt8]>()
        var end: StreamEnd?
        /// What the daemon may still send.
        var allowance = InvocationState.window
        /// What was read and not granted again.
        var consumed = 0
        /// What may still be sent.
        var credit = 0
        var isFinished = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// What a reader finds.
    enum ReadStep: Sendable {
        /// - Parameter grant: credit to send now; 0: none.
        case part([UInt8], grant: Int)
        case end(StreamEnd)
        case empty
    }

    /// What a sender may do.
    enum SendStep: Sendable {
        /// So many bytes may be sent now; they are taken off the credit.
        case send(Int)
        case end(StreamEnd)
        case wait
    }

    private let state = Mutex(State())

    var contentType: String { state.withLock { $0.contentType } }
    var headers: [Header] { state.withLock { $0.headers } }

    /// Takes a message of the daemon.
    ///
    /// - Returns: what the daemon did wrong.
    func receive(_ chunk: InvokeChunk) -> ClientError? {
        change { state in
            if !chunk.contentType.isEmpty { state.contentType = chunk.contentType }
            if !chunk.headers.isEmpty { state.headers = chunk.headers.map { Header($0.name, $0.value) } }
            if let credit = chunk.credit { state.credit = min(state.credit + Int(credit), Int(UInt32.max)) }
            guard !chunk.payload.isEmpty else { return nil }
            state.allowance -= chunk.payload.count
            guard state.allowance >= 0 else {
                return ClientError(.internalError, "the daemon sent more of the answer than it was given credit for")
            }
            state.parts.append(chunk.payload)
            return nil
        }
    }

    /// Nothing more comes; only the first end counts.
    func end(_ end: StreamEnd) {
        change { state in if state.end == nil { state.end = end } }
    }

    /// The next part of the answer. Credit is given back in steps of a chunk, so that it costs few messages.
    func read() -> ReadStep {
        state.withLock { state in
            guard let part = state.parts.popFirst() else { return state.end.map { .end($0) } ?? .empty }
            state.consumed += part.count
            guard state.end == nil, state.consumed >= Self.chunkBytes else { return .part(part, grant: 0) }
            defer { state.consumed = 0 }
            state.allowance += state.consumed
            return .part(part, grant: state.consumed)
        }
    }

    /// How much of `count` bytes may leave now.
    func takeCredit(_ count: Int) -> SendStep {
        state.withLock { state in
            if let end = state.end { return .end(end) }
            let granted = min(count, state.credit, Self.chunkBytes)
            state.credit -= granted
            return granted > 0 || count == 0 ? .send(granted) : .wait
        }
    }

    /// Marks the body as complete.
    ///
    /// - Returns: whether it was not before.
    func finish() -> Bool {
        state.withLock { state in
            defer { state.isFinished = true }
            return !state.isFinished
        }
    }

    var isFinished: Bool { state.withLock { $0.isFinished } }

    /// Returns when something changed that a reader waits for.
    func waitToRead() async {
        await wait { !$0.parts.isEmpty || $0.end != nil }
    }

    /// Returns when something changed that a sender waits for.
    func waitToSend() async {
        await wait { $0.credit > 0 || $0.end != nil }
    }

    private func wait(_ isReady: (borrowing State) -> Bool) async {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state -> Bool in
                if isReady(state) { return true }
                state.waiters.append(continuation)
                return false
            }
            if ready { continuation.resume() }
        }
    }

    /// Changes something and lets everybody look again.
    @discardableResult
    private func change<R: Sendable>(_ body: (inout State) -> R) -> R {
        let (result, waiters) = state.withLock { state -> (R, [CheckedContinuation<Void, Never>]) in
            let result = body(&state)
            defer { state.waiters = [] }
            return (result, state.waiters)
        }
        for waiter in waiters { waiter.resume() }
        return result
    }
}
