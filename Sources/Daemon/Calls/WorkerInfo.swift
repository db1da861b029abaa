internal import Catalog
package import Model

/// A container of a runnable version, as it was at one moment.
package struct WorkerInfo: Sendable, Equatable {
    /// Where a container stands.
    package enum State: String, Sendable, CaseIterable {
        /// Takes no calls yet.
        case starting
        /// Has no call.
        case idle
        /// Has no call, and is frozen until the next one.
        case frozen
        /// Has at least one call.
        case busy
        /// Takes no more calls, and ends when those that it has are over.
        case leaving
    }

    /// Its id; empty while its start waits for its turn.
    package let container: String
    package let state: State
    /// Calls that are in it.
    package let calls: UInt32
    /// When its start began; `nil` while that waits for its turn.
    package let startedAt: Timestamp?
    /// When a call last came or went, or it became ready; `nil` while it starts.
    package let lastUsed: Timestamp?
    /// The version that it runs.
    package let version: UInt32
    /// Its memory limit, MiB.
    package let memoryMiB: UInt32
}

/// A container that is being made.
struct WorkerStart: Sendable {
    let runnable: Runnable
    let container: String
    /// When it began.
    let time: Timestamp
}
