import Glibc
import Loop
import Model
import Testing

/// Echoes what it gets.
// SAFETY: `connection` is set once on the loop; `closed` is guarded.
private final class Echo: ConnectionOwner, @unchecked Sendable {
    var connection: Connection?
    let closed = Lock(false)

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) -> InputStep {
        connection.write(count: bytes.count) { $0.copyMemory(from: bytes) }
        return .consumed(bytes.count, needed: 0)
    }

    func connectionClosed(_ connection: Connection) {
        closed.withLock { $0 = true }
    }
}

// SAFETY: guarded by its lock.
private final class Deadline: Expiring, @unchecked Sendable {
    let fired = Lock<Instant?>(nil)
    let entry = WheelEntry()

    func expired() {
        fired.withLock { $0 = .now() }
    }
}

@Suite struct LoopTests {
    private func pair() -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        return (ends[0], ends[1])
    }

    private func onLoop(_ loop: EventLoop, _ body: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            loop.post {
                body()
                continuation.resume()
            }
        }
    }

    @Test func postedWorkRunsInOrderOnTheLoop() async {
        let loop = EventLoop()
        let seen = Lock<[Int]>([])
        for number in 0..<1000 { loop.post { seen.withLock { $0.append(loop.isCurrent ? number : -1) } } }
        await onLoop(loop) {}
        #expect(seen.withLock { $0 } == Array(0..<1000))
        loop.stop()
    }

    @Test func connectionsEchoMoreThanTheSocketHolds() async {
        let loop = EventLoop()
        let (near, far) = pair()
        let echo = Echo()
        let sent = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        // Without the clocks: threads are scarce while other tests run.
        await onLoop(loop) {
            echo.connection = Connection(loop: loop, descriptor: near, owner: echo, options: .toFunction)
        }
        // Not a task: tests that block hold all threads that tasks have.
        let writer = BlockingThreads(count: 1)
        writer.post { sendAll(far, sent) }
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while received.count < sent.count {
            let count = read(far, &buffer, buffer.count)
            guard count > 0 else { break }
            received += buffer[..<count]
        }
        writer.stop()
        #expect((received == sent) == true)
        close(far)
        while !echo.closed.withLock({ $0 }) { await onLoop(loop) {} }
        loop.stop()
    }

    @Test func aPeerThatNeverReadsIsClosedAtTheBound() async throws {
        let loop = EventLoop()
        let (near, far) = pair()
        let echo = Echo()
        await onLoop(loop) { echo.connection = Connection(loop: loop, descriptor: near, owner: echo) }
        let chunk = 1 << 20
        var accepted = 0
        for _ in 0..<400 {
            guard echo.connection?.write(count: chunk, { $0.initializeMemory(as: UInt8.self, repeating: 7) }) == true
            else { break }
            accepted += chunk
        }
        #expect(accepted <= Connection.Options().maxMovingOutput + chunk)
        try #require(accepted < 400 * chunk, "the bound was never met, so nothing would close it")
        while !echo.closed.withLock({ $0 }) { await onLoop(loop) {} }
        close(far)
        loop.stop()
    }

    @Test func deadlinesFireNeverEarlyAndRemovedOnesNever() async throws {
        let loop = EventLoop()
        let wheel = TimerWheel(loop: loop)
        let start = Instant.now()
        let delays: [UInt64] = [1, 30, 90, 200]
        let deadlines = delays.map { _ in Deadline() }
        for (deadline, delay) in zip(deadlines, delays) {
            wheel.add(deadline.entry, of: deadline, due: start.advanced(byNanoseconds: delay * 1_000_000))
        }
        let removed = Deadline()
        wheel.add(removed.entry, of: removed, due: start.advanced(byNanoseconds: 50_000_000))
        #expect(wheel.remove(removed.entry))
        #expect(!wheel.remove(removed.entry))
        while wheel.count > 0 { try await Task.sleep(for: .milliseconds(5)) }
        await onLoop(loop) {}
        for (deadline, delay) in zip(deadlines, delays) {
            let fired = try #require(deadline.fired.withLock { $0 })
            #expect(fired.nanoseconds(since: start) >= delay * 1_000_000)
        }
        #expect(removed.fired.withLock { $0 } == nil)
        await onLoop(loop) { wheel.close() }
        loop.stop()
    }

    @Test func unixSocketsReplaceLeftoversAndRefuseServedOnes() throws {
        let path = "/tmp/fnrpc-loop-\(getpid()).sock"
        let first = try ListeningSocket.unix(path: path)
        #expect(throws: Failure.self) { try ListeningSocket.unix(path: path) }
        close(first)
        let second = try ListeningSocket.unix(path: path)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        close(second)
        unlink(path)
    }

    @Test func tcpIsLoopbackOnlyAndTellsItsPort() throws {
        let bound = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
        #expect(bound.port > 0)
        close(bound.descriptor)
        #expect(throws: Failure.self) { try ListeningSocket.tcp(host: "0.0.0.0", port: 0) }
    }

    @Test func blockingThreadsFinishWhatWasPosted() {
        let threads = BlockingThreads(count: 3)
        let done = Lock(0)
        for _ in 0..<200 { threads.post { done.withLock { $0 += 1 } } }
        threads.stop()
        #expect(done.withLock { $0 } == 200)
    }
}
