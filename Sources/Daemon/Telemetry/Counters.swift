package import Synchronization

/// What the daemon counts. Thread-safe; relaxed, so a reading is of about now.
package final class Counters: Sendable {
    /// Calls that were accepted.
    package let callsStarted = Atomic<UInt64>(0)
    /// How calls ended, and how long they took.
    package let calls = CallMetrics(hasTotals: true)
    /// Calls that were answered, however.
    package let callsFinished = Atomic<UInt64>(0)
    /// Call records that were lost because the store could not keep up.
    package let recordsDropped = Atomic<UInt64>(0)
    /// Idle containers that left to make room for others.
    package let evictions = Atomic<UInt64>(0)
    /// Calls that found a frozen container, and thawed it.
    package let thaws = Atomic<UInt64>(0)
    /// Lines of functions that did not reach their syslog server.
    package let syslogLost = Atomic<UInt64>(0)
    /// Connections that are open.
    package let connections = Atomic<Int>(0)
    /// Containers that are starting, ready or being removed.
    package let containers = Atomic<Int>(0)

    package init() {}
}

extension Atomic where Value == UInt64 {
    /// Adds one.
    package func increment() { wrappingAdd(1, ordering: .relaxed) }
}

extension Atomic where Value == Int {
    /// Adds a number, which may be negative.
    package func change(by delta: Int) { wrappingAdd(delta, ordering: .relaxed) }
}
