import Glibc
import Loop
import Model
import Testing

/// What happened to a connection; what it does with input is the test's.
// SAFETY: `connection` is set on the loop before anybody else looks; the rest is guarded.
final class Witness: ConnectionOwner, CustomReflectable, @unchecked Sendable {
    struct Seen {
        var input: [UInt8] = []
        var deliveries = 0
        var closes = 0
        var rooms = 0
        var readies = 0
        var reasons: [CloseReason] = []
        var isInside = false
        var wasNested = false
    }

    /// A failed expectation shows its operands, and must not look inside.
    var customMirror: Mirror { Mirror(self, children: []) }

    let seen = Lock(Seen())
    var connection: Connection?
    private let take: (Connection, UnsafeRawBufferPointer) -> InputStep

    /// - Parameter take: what it does with input; takes all without it.
    init(
        _ take: @escaping @Sendable (Connection, UnsafeRawBufferPointer) -> InputStep = {
            .consumed($1.count, needed: 0)
        }
    ) {
        self.take = take
    }

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) -> InputStep {
        seen.withLock { seen in
            seen.wasNested = seen.wasNested || seen.isInside
            seen.isInside = true
            seen.deliveries += 1
        }
        let step = take(connection, bytes)
        seen.withLock { seen in
            seen.isInside = false
            if case .consumed(let count, _) = step { seen.input += bytes[..<count] }
        }
        return step
    }

    func connectionClosed(_ connection: Connection) { seen.withLock { $0.closes += 1 } }
    func connectionReady(_ connection: Connection) { seen.withLock { $0.readies += 1 } }
    func connectionHasRoom(_ connection: Connection) { seen.withLock { $0.rooms += 1 } }
    func connection(_ connection: Connection, closing reason: CloseReason) {
        seen.withLock { $0.reasons.append(reason) }
    }

    var input: [UInt8] { seen.withLock { $0.input } }
    /// Bytes of input so far; `input` would share it, so that the next append copies all.
    var inputCount: Int { seen.withLock { $0.input.count } }
    var isClosed: Bool { seen.withLock { $0.closes > 0 } }
    var reasons: [CloseReason] { seen.withLock { $0.reasons } }
}

/// A loop with connections over socket pairs; stops the loop at the end. Work of the loop must not hold it: the loop
/// cannot stop itself.
final class Bench: CustomReflectable, Sendable {
    var customMirror: Mirror { Mirror(self, children: []) }
    let loop = EventLoop()

    deinit { loop.stop() }

    /// Connects `witness` to the returned blocking descriptor.
    func connect(_ witness: Witness, _ options: Connection.Options = .patient) async -> Int32 {
        let (near, far) = socketPair()
        await attach(witness, near, options)
        return far
    }

    func attach(_ witness: Witness, _ near: Int32, _ options: Connection.Options) async {
        await run { [loop] in
            witness.connection = Connection(loop: loop, descriptor: near, owner: witness, options: options)
        }
    }

    func run(_ body: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            loop.post {
                body()
                continuation.resume()
            }
        }
    }

    /// Lets the loop look at its descriptors a few times.
    func turn(_ count: Int = 4) async {
        for _ in 0..<count { await run {} }
    }

    /// Waits until `condition` holds; at most 60 s.
    func until(_ condition: () -> Bool, _ comment: Comment, _ location: SourceLocation = #_sourceLocation) async {
        let end = Instant.now().advanced(byNanoseconds: 60_000_000_000)
        while !condition() {
            guard Instant.now() < end else {
                Issue.record(comment, sourceLocation: location)
                return
            }
            try? await Task.sleep(for: .milliseconds(1))
        }
    }

    func sweep(_ witness: Witness, after seconds: UInt64) async {
        await run {
            witness.connection?.sweep(now: Instant.now().advanced(byNanoseconds: seconds * 1_000_000_000))
        }
    }
}

extension Connection.Options {
    /// A busy machine may keep a test waiting for long.
    static var patient: Connection.Options {
        var options = Connection.Options()
        options.firstNanos = 0
        options.frameNanos = 0
        options.stallNanos = 0
        return options
    }

    /// All time limits are 100 s, which no test lives to see: it says how late it is.
    static var timed: Connection.Options {
        var options = Connection.Options()
        options.firstNanos = 100_000_000_000
        options.frameNanos = 100_000_000_000
        options.stallNanos = 100_000_000_000
        return options
    }
}

/// A nonblocking and a blocking end.
func socketPair() -> (near: Int32, far: Int32) {
    var ends: [Int32] = [0, 0]
    socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    return (ends[0], ends[1])
}

/// Writes everything; `false` if the other end is gone.
@discardableResult
func sendAll(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
    var done = 0
    while done < bytes.count {
        let count = bytes.withUnsafeBytes {
            send(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { return false }
        done += count
    }
    return true
}

/// Reads `count` bytes, or up to the end.
func receiveAll(_ descriptor: Int32, _ count: Int) -> [UInt8] {
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while result.count < count {
        let got = recv(descriptor, &buffer, min(buffer.count, count - result.count), 0)
        guard got > 0 else { break }
        result += buffer[..<got]
    }
    return result
}

/// Bytes that do not look the same when they are moved by less than 64 KiB.
func pattern(_ count: Int) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(count)
    while result.count < count { result += block.prefix(count - result.count) }
    return result
}

private let block: [UInt8] = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
