package import Model
internal import Synchronization
package import Wire

/// Who follows what functions write. Writers never wait: what a reader does not take in time is dropped and counted, for
/// it alone. Thread-safe.
package final class LogFollowers: Sendable {
    /// Readers of all functions together.
    package static let maxReaders = 256

    private let readers = Lock<[Identifier: [LogReader]]>([:])
    private let count = Atomic<Int>(0)

    package init() {}

    /// Whether anybody reads; costs one load.
    var isFollowed: Bool { count.load(ordering: .relaxed) > 0 }

    /// Passes on what a container wrote.
    func write(_ bytes: UnsafeRawBufferPointer, of function: Identifier, container: String, call: Identifier?) {
        let readers = readers.withLock { $0[function] ?? [] }
        guard !readers.isEmpty else { return }
        let piece = LogPiece(
            at: Timestamp.now().nanoseconds, container: container, callID: call?.description ?? "", data: Array(bytes))
        for reader in readers { reader.add(piece) }
    }

    /// Begins to read what a function writes from now on; ``leave(_:)`` ends it.
    ///
    /// - Throws: `busy` if there are ``maxReaders``.
    package func follow(_ function: Identifier) throws(Failure) -> LogReader {
        guard count.wrappingAdd(1, ordering: .relaxed).oldValue < Self.maxReaders else {
            count.wrappingSubtract(1, ordering: .relaxed)
            throw Failure(
                .busy, "\(Self.maxReaders) readers follow logs, the limit; try again later", retryNanos: 1_000_000_000)
        }
        let reader = LogReader(function: function)
        readers.withLock { $0[function, default: []].append(reader) }
        return reader
    }

    /// A reader reads no more.
    package func leave(_ reader: LogReader) {
        let isGone = readers.withLock { readers -> Bool in
            guard let index = readers[reader.function]?.firstIndex(where: { $0 === reader }) else { return false }
            readers[reader.function]?.remove(at: index)
            if readers[reader.function]?.isEmpty == true { readers[reader.function] = nil }
            return true
        }
        if isGone { count.wrappingSubtract(1, ordering: .relaxed) }
        reader.end()
    }

    /// A function is gone: nobody will write for it any more.
    package func end(_ function: Identifier) {
        for reader in readers.withLock({ $0[function] ?? [] }) { reader.end() }
    }
}

/// One who follows a function's logs. Thread-safe; one task takes from it.
package final class LogReader: Sendable {
    /// What waits for a reader, bytes; one piece always may.
    package static let maxBytes = 256 << 10
    /// What waits for a reader, pieces.
    package static let maxPieces = 4096

    let function: Identifier
    private let state = Lock(State())

    private struct State {
        var pieces: [LogPiece] = []
        var bytes = 0
        /// Behind the pieces.
        var dropped: UInt64 = 0
        var isOver = false
        var waiting: CheckedContinuation<Void, Never>?
    }

    init(function: Identifier) {
        self.function = function
    }

    func add(_ piece: LogPiece) {
        let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.isOver else { return nil }
            let isFull = state.bytes + piece.data.count > Self.maxBytes || state.pieces.count >= Self.maxPieces
            if isFull && !state.pieces.isEmpty {
                state.dropped += UInt64(piece.data.count)
                return nil
            }
            var piece = piece
            piece.droppedBytes = state.dropped
            state.dropped = 0
            state.pieces.append(piece)
            state.bytes += piece.data.count
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
    }

    /// Everything that waits, and how much did not; waits for something. Empty: it is over.
    package func next() async -> [LogPiece] {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if !state.pieces.isEmpty || state.dropped > 0 || state.isOver { return true }
                    state.waiting = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            end()
        }
        return state.withLock { state in
            var taken = state.pieces
            if state.dropped > 0 {
                taken.append(LogPiece(at: Timestamp.now().nanoseconds, droppedBytes: state.dropped))
            }
            (state.pieces, state.bytes, state.dropped) = ([], 0, 0)
            return taken
        }
    }

    /// What waits may still be taken.
    func end() {
        let waiting = state.withLock { state in
            state.isOver = true
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
    }
}
