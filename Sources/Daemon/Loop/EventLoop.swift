internal import CLinux
internal import CUV
internal import Glibc
internal import Model
internal import Synchronization

/// A thread that runs one libuv loop: readiness, timers, and work posted from other threads.
///
/// ``post(_:)`` is thread-safe; everything else is loop-confined.
// SAFETY: `uv` and the handles are touched on the loop's thread only, except `uv_async_send`, which libuv documents
// as thread-safe; `mailbox` and `threadID` are guarded by a lock and an atomic.
package final class EventLoop: @unchecked Sendable {
    let uv: UnsafeMutablePointer<uv_loop_t>
    private let wakeUp: UnsafeMutablePointer<uv_async_t>
    private let beforePoll: UnsafeMutablePointer<uv_prepare_t>
    /// Active while the next turn has work that no descriptor announces.
    private let goesOn: UnsafeMutablePointer<uv_idle_t>
    private let mailbox = Lock(Mailbox())
    private let threadID = Atomic<UInt>(0)
    private var thread = pthread_t()
    /// Loop-confined.
    private var isStopped = false

    /// Bytes that are read before anybody knows whose they are; shared by all connections of the loop.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    /// Every open connection; see `EventLoop+Connections.swift` for this and what follows.
    var connections: [Connection] = []
    private var quiet: QuietDescriptors?
    /// Made by the first turn with several connections to flush.
    private(set) lazy var sendRing = SendRing()
    /// How often the loop has waited for events.
    var turn: UInt64 = 1
    /// Runs while there are connections.
    var sweeper: LoopTimer?
    /// Connections with output that waits for the end of this turn, and those whose turn it is; swapped, so that their
    /// memory stays.
    // SAFETY: all four: loop-confined, and nothing is called while one is being changed. Every turn changes them.
    @exclusivity(unchecked) var dirty: [Connection] = []
    @exclusivity(unchecked) var flushing: [Connection] = []
    /// Connections with input that no descriptor announces, in the same way.
    @exclusivity(unchecked) var unread: [Connection] = []
    @exclusivity(unchecked) var continuing: [Connection] = []

    private struct Mailbox {
        var work: [@Sendable () -> Void] = []
        /// Connections that want ``Connection/flush()``; a closure for each would be an allocation.
        var flushes: [Connection] = []
        var isStopping = false

        var isEmpty: Bool { work.isEmpty && flushes.isEmpty }
    }

    /// What is being run of the mailbox; swapped with it, so that its memory stays. Loop-confined.
    private var work: [@Sendable () -> Void] = []
    private var flushes: [Connection] = []

    /// Starts the thread.
    package init() {
        uv = .allocate(capacity: 1)
        wakeUp = .allocate(capacity: 1)
        beforePoll = .allocate(capacity: 1)
        goesOn = .allocate(capacity: 1)
        precondition(uv_loop_init(uv) == 0, "BUG: no event loop; are the descriptors used up?")
        // SAFETY: unretained; `stop()` joins the thread before the loop object can go.
        let this = Unmanaged.passUnretained(self).toOpaque()
        uv.pointee.data = this
        wakeUp.pointee.data = this
        beforePoll.pointee.data = this
        let asyncResult = uv_async_init(uv, wakeUp) { handle in
            guard let data = handle?.pointee.data else { return }
            // SAFETY: see `init`.
            Unmanaged<EventLoop>.fromOpaque(data).takeUnretainedValue().runMailbox()
        }
        precondition(asyncResult == 0, "BUG: no wake-up handle; are the descriptors used up?")
        uv_prepare_init(uv, beforePoll)
        uv_prepare_start(beforePoll) { handle in
            guard let data = handle?.pointee.data else { return }
            // SAFETY: see `init`.
            Unmanaged<EventLoop>.fromOpaque(data).takeUnretainedValue().endTurn()
        }
        uv_idle_init(uv, goesOn)
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                // SAFETY: see `init`.
                Unmanaged<EventLoop>.fromOpaque(argument).takeUnretainedValue().run()
                return nil
            }, this)
        precondition(result == 0, "BUG: no thread for an event loop")
    }

    deinit {
        scratch.deallocate()
        uv.deallocate()
        wakeUp.deallocate()
        beforePoll.deallocate()
        goesOn.deallocate()
    }

    /// Whether the caller runs on this loop's thread.
    package var isCurrent: Bool { threadID.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// Runs `work` on the loop's thread, in order; dropped once the loop is stopping. Thread-safe.
    package func post(_ work: @escaping @Sendable () -> Void) {
        let mustWake = mailbox.withLock { box -> Bool in
            if box.isStopping { return false }
            defer { box.work.append(work) }
            return box.isEmpty
        }
        if mustWake { uv_async_send(wakeUp) }
    }

    /// Has a connection of this loop flush its output soon. Thread-safe.
    func postFlush(_ connection: Connection) {
        let mustWake = mailbox.withLock { box -> Bool in
            if box.isStopping { return false }
            defer { box.flushes.append(connection) }
            return box.isEmpty
        }
        if mustWake { uv_async_send(wakeUp) }
    }

    /// What is watched as one; made when it is first asked for. Loop-confined.
    package var quietDescriptors: QuietDescriptors {
        if let quiet { return quiet }
        let made = QuietDescriptors(self)
        quiet = made
        return made
    }

    /// Whether the next turn comes at once. Loop-confined.
    func goOn(_ atOnce: Bool) {
        if atOnce {
            // The callback has nothing to do: `endTurn()` does it.
            uv_idle_start(goesOn) { _ in }
        } else {
            uv_idle_stop(goesOn)
        }
    }

    /// Runs `work` now if the caller is on the loop, else posts it.
    package func run(_ work: @escaping @Sendable () -> Void) {
        if isCurrent { work() } else { post(work) }
    }

    /// Ends the loop and joins its thread; what was posted before still runs. Call once, not from the loop.
    package func stop() {
        post { [self] in
            isStopped = true
            mailbox.withLock { $0.isStopping = true }
            abandonConnections()
            quiet?.close()
            uv_walk(
                uv,
                { handle, _ in
                    guard let handle, uv_is_closing(handle) == 0 else { return }
                    uv_close(handle, nil)
                }, nil)
        }
        pthread_join(thread, nil)
        uv_loop_close(uv)
    }

    /// For whoever looks at the daemon's threads; `benchmarks/counts` does.
    private static let threadName = "fnrpc-loop"

    private func run() {
        _ = fnrpc_name_thread(Self.threadName)
        threadID.store(UInt(pthread_self()), ordering: .relaxed)
        uv_run(uv, UV_RUN_DEFAULT)
        sendRing = nil
    }

    private func runMailbox() {
        mailbox.withLock { box in
            swap(&box.work, &work)
            swap(&box.flushes, &flushes)
        }
        var index = 0
        // What was posted behind the stop would make handles that nobody closes.
        while index < work.count && !isStopped {
            work[index]()
            index += 1
        }
        index = 0
        while index < flushes.count && !isStopped {
            flushes[index].flush()
            index += 1
        }
        // A burst's memory is not kept.
        work.removeAll(keepingCapacity: work.count < 1024)
        flushes.removeAll(keepingCapacity: flushes.count < 1024)
    }
}

/// A timer. Loop-confined.
package final class LoopTimer {
    private let handle: UnsafeMutablePointer<uv_timer_t>
    private let onFire: () -> Void
    private var isClosed = false

    /// - Parameter onFire: runs on the loop.
    package init(_ loop: EventLoop, onFire: @escaping () -> Void) {
        precondition(loop.isCurrent, "BUG: a timer is made on its loop")
        handle = .allocate(capacity: 1)
        self.onFire = onFire
        uv_timer_init(loop.uv, handle)
        // SAFETY: retained until the close callback, which balances it.
        handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
    }

    /// Starts or restarts the timer.
    ///
    /// - Parameters:
    ///   - milliseconds: until the first time.
    ///   - every: milliseconds between further times; 0: once.
    package func start(milliseconds: UInt64, every: UInt64 = 0) {
        guard !isClosed else { return }
        uv_timer_start(
            handle,
            { handle in
                guard let data = handle?.pointee.data else { return }
                // SAFETY: see `init`.
                Unmanaged<LoopTimer>.fromOpaque(data).takeUnretainedValue().onFire()
            }, milliseconds, every)
    }

    /// Stops it; it can be started again.
    package func stop() {
        guard !isClosed else { return }
        uv_timer_stop(handle)
    }

    /// Whether it will fire.
    package var isActive: Bool {
        !isClosed && uv_is_active(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)) != 0
    }

    /// Stops it for ever; idempotent.
    package func close() {
        guard !isClosed else { return }
        isClosed = true
        uv_close(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)) { handle in
            guard let handle, let data = handle.pointee.data else { return }
            // SAFETY: balances `passRetained` in `init`.
            Unmanaged<LoopTimer>.fromOpaque(data).release()
            UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_timer_t.self).deallocate()
        }
    }
}
