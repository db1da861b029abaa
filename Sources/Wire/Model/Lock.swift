public import Glibc

/// State that is touched only with its mutex held. Thread-safe.
///
/// pthread's mutex instead of `Synchronization.Mutex`: the thread sanitizer understands it, it degrades better when
/// threads outnumber cores, and closures that capture may be passed in.
///
/// Public, because the compiler makes a generic for its users' types only then; every call takes some twenty locks.
// SAFETY: `state` is reached through `withLock` only.
public final class Lock<State: ~Copyable>: @unchecked Sendable {
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
    // SAFETY: the mutex is what makes access exclusive; a body that came back here would wait for itself first.
    @exclusivity(unchecked) @usableFromInline var state: State

    /// Guards `state` from now on.
    @inlinable
    public init(_ state: consuming sending State) {
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        self.state = state
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Runs `body` with the lock held. Never call out, block or log inside.
    @inlinable
    public func withLock<R>(_ body: (inout State) -> R) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&state)
    }
}
