internal import CUV

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
        /// The peer will send no more.
        package static let hangUp = Readiness(rawValue: 4)
        /// Something is wrong with the descriptor: reading or writing tells what. Nothing is watched any more until
        /// the next ``Watcher/watch(_:)``.
        package static let failed = Readiness(rawValue: 1 << 16)
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
            watcher.ready(status, events)
        }
    }

    private func ready(_ status: Int32, _ events: Int32) {
        guard status < 0 else { return onReady(Readiness(rawValue: events)) }
        // libuv has stopped the handle. The error shows itself when the descriptor is read or written.
        let watched = interest
        interest = []
        onReady(watched.union(.failed))
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
