internal import CLinux
internal import Glibc

/// A fixed number of threads for work that blocks: starting and removing sandboxes. Thread-safe.
// SAFETY: the queue is only touched with the mutex held; `threads` only in init and `stop()`.
package final class BlockingThreads: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var queue: [@Sendable () -> Void] = []
    private var isStopping = false
    private var threads: [pthread_t] = []

    /// - Parameter count: threads, and so the most work at once.
    package init(count: Int) {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
        for _ in 0..<count {
            var thread = pthread_t()
            // SAFETY: unretained; `stop()` joins every thread before the object can go.
            let result = pthread_create(
                &thread, nil,
                { argument in
                    guard let argument else { return nil }
                    // SAFETY: see above.
                    Unmanaged<BlockingThreads>.fromOpaque(argument).takeUnretainedValue().work()
                    return nil
                },
                // SAFETY: see above.
                Unmanaged.passUnretained(self).toOpaque())
            precondition(result == 0, "BUG: no thread for blocking work")
            threads.append(thread)
        }
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
    }

    /// Adds work; it runs in order of arrival as threads are free. The callers bound how much there can be: one start
    /// and one removal per sandbox.
    package func post(_ work: @escaping @Sendable () -> Void) {
        pthread_mutex_lock(mutex)
        queue.append(work)
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Finishes all work that was posted, then ends the threads. Call once.
    package func stop() {
        pthread_mutex_lock(mutex)
        isStopping = true
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
        for thread in threads { pthread_join(thread, nil) }
    }

    /// For whoever looks at the daemon's threads.
    private static let threadName = "fnrpc-work"

    private func work() {
        _ = fnrpc_name_thread(Self.threadName)
        while true {
            pthread_mutex_lock(mutex)
            while queue.isEmpty && !isStopping { pthread_cond_wait(condition, mutex) }
            guard !queue.isEmpty else {
                pthread_mutex_unlock(mutex)
                return
            }
            let item = queue.removeFirst()
            pthread_mutex_unlock(mutex)
            item()
        }
    }
}
