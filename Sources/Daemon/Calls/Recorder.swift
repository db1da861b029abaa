package import Model
package import Telemetry

/// Collects call records and writes them in batches, off the call path. Thread-safe.
package final class Recorder: Sendable {
    /// Records that may wait for the store; further ones are counted as dropped.
    package static let maxPending = 65_536
    /// How often records are written, milliseconds.
    private static let periodMilliseconds = 50
    /// Log bytes that may wait for the store together.
    private static let maxPendingLogBytes = 64 << 20

    private let pending = Lock(Pending())
    private let counters: Counters
    private let writer: RecordWriter

    private struct Pending {
        var records: [CallRecord] = []
        var logBytes = 0
    }

    /// - Parameter write: stores a batch; its error is reported by `onError`.
    package init(
        counters: Counters, write: @escaping @Sendable ([CallRecord]) async throws -> Void,
        onError: @escaping @Sendable (any Error, Int) -> Void
    ) {
        self.counters = counters
        writer = RecordWriter(write: write) { error, count in
            counters.recordsDropped.wrappingAdd(UInt64(count), ordering: .relaxed)
            onError(error, count)
        }
    }

    /// Adds a record; never waits.
    func add(_ record: CallRecord) {
        let accepted = pending.withLock { pending -> Bool in
            guard pending.records.count < Self.maxPending,
                pending.logBytes + record.log.count <= Self.maxPendingLogBytes
            else { return false }
            pending.records.append(record)
            pending.logBytes += record.log.count
            return true
        }
        if !accepted { counters.recordsDropped.increment() }
    }

    /// Writes what waits; when it returns, every record added before is stored.
    package func flush() async {
        await writer.write { [pending] in
            pending.withLock { pending in
                defer { pending = Pending() }
                return pending.records
            }
        }
    }

    /// Flushes again and again until the task is cancelled, then once more.
    package func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(Self.periodMilliseconds))
            await flush()
        }
        await flush()
    }
}

/// Serialises the writing, so that a flush waits for the batch before it.
private actor RecordWriter {
    private let store: @Sendable ([CallRecord]) async throws -> Void
    private let onError: @Sendable (any Error, Int) -> Void
    private var last: Task<Void, Never>?

    init(
        write: @escaping @Sendable ([CallRecord]) async throws -> Void,
        onError: @escaping @Sendable (any Error, Int) -> Void
    ) {
        store = write
        self.onError = onError
    }

    func write(_ take: @escaping @Sendable () -> [CallRecord]) async {
        let previous = last
        let task = Task { [store, onError] in
            await previous?.value
            let batch = take()
            guard !batch.isEmpty else { return }
            do { try await store(batch) } catch { onError(error, batch.count) }
        }
        last = task
        await task.value
    }
}
