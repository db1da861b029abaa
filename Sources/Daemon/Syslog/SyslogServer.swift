internal import Glibc
internal import Model
internal import Synchronization
internal import Telemetry

/// One syslog server: its queue, its thread, its connection.
// SAFETY: what is mutable and not in a lock is confined to the thread; `thread` is set in init and joined once, under a lock.
final class SyslogServer: @unchecked Sendable {
    /// What waits, bytes and pieces; further ones are dropped and counted.
    static let maxBytes = 1 << 20
    static let maxPieces = 8192
    /// Between two attempts to connect, nanoseconds.
    private static let retryNanos: UInt64 = 1_000_000_000
    /// How long a stop waits for what is left, nanoseconds.
    private static let lingerNanos: UInt64 = 2_000_000_000

    /// What a container has written at once.
    struct Piece {
        let origin: SyslogMessage.Origin
        let time: Timestamp
        let call: String
        let bytes: [UInt8]
        let endsLine: Bool
    }

    private struct Queue {
        var pieces: [Piece] = []
        var bytes = 0
        var forgotten: [String] = []
        var closesBy: Instant?
    }

    /// The unfinished line of a container.
    private struct Unfinished {
        var splitter: LineSplitter
        var origin: SyslogMessage.Origin
        var call = ""
        var time = Timestamp(nanoseconds: 0)
    }

    private let address: SyslogAddress
    private let url: String
    private let caFile: String
    private let counters: Counters
    private let log: @Sendable (String) -> Void
    private let queue = Lock(Queue())
    /// Counts up with everything that is to be done.
    private let wake: UnsafeMutablePointer<sem_t>
    private let thread = Lock<pthread_t?>(nil)
    private let isOver = Atomic<Bool>(false)
    private var lines: [String: Unfinished] = [:]
    private var connection: SyslogConnection?
    private var nextAttempt = Instant.now()
    private var isDown = false

    init(
        _ address: SyslogAddress, url: String, caFile: String, counters: Counters,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.address = address
        self.url = url
        self.caFile = caFile
        self.counters = counters
        self.log = log
        wake = .allocate(capacity: 1)
        sem_init(wake, 0, 0)
        var made = pthread_t()
        // SAFETY: retained for the thread, which releases it at its end.
        let argument = Unmanaged.passRetained(self).toOpaque()
        let result = pthread_create(
            &made, nil,
            { argument in
                guard let argument else { return nil }
                // SAFETY: see above.
                Unmanaged<SyslogServer>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, argument)
        precondition(result == 0, "BUG: no thread for syslog")
        thread.withLock { $0 = made }
    }

    deinit {
        // The thread has ended by itself, or was joined.
        thread.withLock { if let thread = $0 { pthread_detach(thread) } }
        sem_destroy(wake)
        wake.deallocate()
    }

    /// Never waits.
    func add(_ piece: Piece) {
        let isFull = queue.withLock { queue -> Bool in
            guard queue.bytes + piece.bytes.count <= Self.maxBytes, queue.pieces.count < Self.maxPieces else {
                return true
            }
            queue.pieces.append(piece)
            queue.bytes += piece.bytes.count
            return false
        }
        guard isFull else {
            sem_post(wake)
            return
        }
        let lines = piece.bytes.reduce(0) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
        lost(piece.bytes.isEmpty ? 0 : max(lines, 1))
    }

    /// A container writes no more.
    func forget(_ container: String) {
        queue.withLock { $0.forgotten.append(container) }
        sem_post(wake)
    }

    /// Ends when everything is sent, or after a moment.
    func close() {
        queue.withLock { $0.closesBy = Instant.now().advanced(byNanoseconds: Self.lingerNanos) }
        sem_post(wake)
    }

    /// Whether its thread has nothing to do any more.
    var hasEnded: Bool { isOver.load(ordering: .acquiring) }

    /// Waits for its end; after ``close()``. Blocks.
    func join() {
        let joined = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let joined { pthread_join(joined, nil) }
    }

    // MARK: - On the thread

    private func run() {
        while true {
            while sem_wait(wake) != 0 {}
            // Everything that was counted is taken at once.
            while sem_trywait(wake) == 0 {}
            let taken = queue.withLock { queue in
                defer { (queue.pieces, queue.bytes, queue.forgotten) = ([], 0, []) }
                return queue
            }
            for piece in taken.pieces { send(piece) }
            for container in taken.forgotten {
                endLine(of: container)
                lines[container] = nil
            }
            if queue.withLock({ $0.closesBy != nil && $0.pieces.isEmpty && $0.forgotten.isEmpty }) { break }
        }
        connection = nil
        isOver.store(true, ordering: .releasing)
    }

    private func send(_ piece: Piece) {
        let container = piece.origin.container
        if piece.endsLine || lines[container].map({ $0.call != piece.call }) ?? false { endLine(of: container) }
        guard !piece.bytes.isEmpty else { return }
        let limit = address.transport.isDatagram ? SyslogMessage.maxDatagramText : SyslogMessage.maxStreamText
        var line = lines[container] ?? Unfinished(splitter: LineSplitter(limit: limit), origin: piece.origin)
        line.call = piece.call
        line.time = piece.time
        line.splitter.take(piece.bytes) { text in
            send(SyslogMessage(origin: piece.origin, time: piece.time, call: piece.call, text: text))
        }
        lines[container] = line
    }

    private func endLine(of container: String) {
        guard var line = lines[container] else { return }
        line.splitter.flush { text in
            send(SyslogMessage(origin: line.origin, time: line.time, call: line.call, text: text))
        }
        lines[container] = line
    }

    /// Sends a message, with a new connection if the old one is gone.
    private func send(_ message: SyslogMessage) {
        let bytes = message.encoded()
        for _ in 0..<2 {
            guard let connection = connected() else { break }
            if connection.send(bytes) {
                if isDown {
                    isDown = false
                    log("syslog server \(url): it takes messages again")
                }
                return
            }
            self.connection = nil
        }
        lost(1)
    }

    /// The connection, or a new one; waits until it may be tried again. What comes meanwhile waits in the queue.
    private func connected() -> SyslogConnection? {
        if let connection, connection.isOpen { return connection }
        connection = nil
        while Instant.now() < nextAttempt {
            if let end = queue.withLock({ $0.closesBy }), Instant.now() >= end { return nil }
            usleep(20_000)
        }
        nextAttempt = Instant.now().advanced(byNanoseconds: Self.retryNanos)
        do throws(Failure) {
            connection = try SyslogConnection(address, caFile: caFile)
            // What was reachable is tried at once when it is lost.
            nextAttempt = .now()
        } catch {
            if !isDown {
                log("syslog server \(url): \(error.message); its messages are dropped until it can be reached")
            }
            isDown = true
        }
        return connection
    }

    private func lost(_ count: Int) {
        counters.syslogLost.wrappingAdd(UInt64(count), ordering: .relaxed)
    }
}
