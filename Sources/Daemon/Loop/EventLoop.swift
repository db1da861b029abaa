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
    private let mailbox = Lock(Mailbox())
    private let threadID = Atomic<UInt>(0)
    private var thread = pthread_t()
    /// Loop-confined.
    private var isStopped = false

    /// Bytes that are read before anybody knows whose they are; shared by all connections of the loop.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    /// Connections with output that waits for the end of this turn.
    var dirty: [Connection] = []

    private struct Mailbox {
        var work: [@Sendable () -> Void] = []
        var isStopping = false
    }

    /// Starts the thread.
    package init() {
        uv = .allocate(capacity: 1)
        wakeUp = .allocate(capacity: 1)
        beforePoll = .allocate(capacity: 1)
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
            Unmanaged<EventLoop>.fromOpaque(data).takeUnretainedValue().flushDirty()
        }
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
    }

    /// Whether the caller runs on this loop's thread.
    package var isCurrent: Bool { threadID.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// Runs `work` on the loop's thread, in order; dropped once the loop is stopping. Thread-safe.
    package func post(_ work: @escaping @Sendable () -> Void) {
        let mustWake = mailbox.withLock { box -> Bool in
            if box.isStopping { return false }
            box.work.append(work)
            return box.work.count == 1
        }
        if mustWake { uv_async_send(wakeUp) }
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

    private func run() {
        threadID.store(UInt(pthread_self()), ordering: .relaxed)
        uv_run(uv, UV_RUN_DEFAULT)
    }

    private func runMailbox() {
        let work = mailbox.withLock { box -> [@Sendable () -> Void] in
            defer { box.work = [] }
            return box.work
        }
        for item in work {
            // What was posted behind the stop would make handles that nobody closes.
            if isStopped { return }
            item()
        }
    }

    private func flushDirty() {
        while !dirty.isEmpty {
            let connections = dirty
            dirty.removeAll(keepingCapacity: true)
            for connection in connections { connection.flush() }
        }
    }
}

/// Tells when a descriptor can be read or written. Loop-confined.
package final class Watcher {
    /// What a descriptor is ready for.
    package struct Readiness: OptionSet, Sendable {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }
        /// Data, or the end of it.
        package static let readable = Readiness(rawValue: 1)
        /// Room for output.
        package static let writable = Readiness(rawValue: 2)
    }

    private let handle: UnsafeMutablePointer<uv_poll_t>
    private let onReady: (Readiness) -> Void
    private var isClosed = false
    private var interest: Readiness = []

    /// - Parameters:
    ///   - descriptor: stays the caller's, who closes it after ``close()``.
    ///   - onReady: runs on the loop.
    package init(_ loop: EventLoop, _ descriptor: Int32, onReady: @escaping (Readiness) -> Void) {
        precondition(loop.isCurrent, "BUG: a watcher is made on its loop")
        handle = .allocate(capacity: 1)
        self.onReady = onReady
        let result = uv_poll_init(loop.uv, handle, descriptor)
        precondition(result == 0, "BUG: a descriptor cannot be watched")
        // SAFETY: retained until the close callback, which balances it; callbacks come only before that.
        handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
    }

    /// Sets what is watched for.
    package func watch(_ wanted: Readiness) {
        guard !isClosed, wanted != interest else { return }
        interest = wanted
        if wanted.isEmpty {
            uv_poll_stop(handle)
            return
        }
        uv_poll_start(handle, wanted.rawValue) { handle, status, events in
            guard let data = handle?.pointee.data else { return }
            // SAFETY: see `init`.
            let watcher = Unmanaged<Watcher>.fromOpaque(data).takeUnretainedValue()
            // An error on the descriptor shows itself when it is read or written.
            watcher.onReady(status < 0 ? watcher.interest : Readiness(rawValue: events))
        }
    }

    /// Stops watching for ever; idempotent.
    package func close() {
        guard !isClosed else { return }
        isClosed = true
        let raw = UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)
        if uv_is_closing(raw) != 0 { return }
        uv_close(raw) { handle in
            guard let handle, let data = handle.pointee.data else { return }
            // SAFETY: balances `passRetained` in `init`.
            Unmanaged<Watcher>.fromOpaque(data).release()
            UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_poll_t.self).deallocate()
        }
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
