internal import Catalog
package import Model
package import Telemetry
package import Wire

/// Collects call records and writes them in batches, off the call path. Thread-safe.
package final class Recorder: Sendable {
    /// Calls by what they ran with.
    package typealias Batch = [(spec: CallSpec, calls: [CallRecord])]
    /// Stores a batch. It is handed over, so that nobody copies the records.
    package typealias Write = @Sendable (consuming Batch) async throws -> Void

    /// Records that may wait for the store; further ones are counted as dropped.
    package static let maxPending = 65_536
    /// How often records are written, milliseconds.
    private static let periodMilliseconds = 50
    /// Records of one group: beyond a megabyte memory comes fresh from the kernel each time, and costs more than the record.
    static let maxGroup = 512
    /// Log and payload bytes that may wait for the store together.
    private static let maxPendingBytes = 64 << 20
    /// Log and payload bytes that are written at once, and what one record has of them on top: a small disk has room for
    /// no more.
    private static let maxBatchBytes = 4 << 20

    private let pending = Lock(Pending())
    private let counters: Counters
    private let writer: RecordWriter

    private struct Pending {
        var batches: [PendingBatch] = []
        var count = 0
        var bytes = 0

        mutating func add(_ record: CallRecord, of runnable: Runnable) -> Bool {
            let bytes = record.log.count + record.input.count
            guard count < maxPending, self.bytes + bytes <= maxPendingBytes else { return false }
            count += 1
            self.bytes += bytes
            let filled = batches.last?.bytes ?? 0
            if batches.isEmpty || (filled > 0 && filled + bytes > maxBatchBytes) { batches.append(PendingBatch()) }
            batches[batches.count - 1].add(record, of: runnable)
            batches[batches.count - 1].bytes += bytes
            return true
        }
    }

    /// What a store can take at once.
    private struct PendingBatch {
        var groups: Batch = []
        /// Log and payload bytes.
        var bytes = 0
        /// Whose the groups are.
        private var runnables: [Runnable] = []
        private var places: [ObjectIdentifier: Int] = [:]
        /// The group of the last record: the next one is mostly of the same.
        private var last = 0

        mutating func add(_ record: CallRecord, of runnable: Runnable) {
            if groups.isEmpty || runnables[last] !== runnable {
                last = places[ObjectIdentifier(runnable)] ?? begin(runnable)
            }
            if groups[last].calls.count >= maxGroup { last = begin(runnable) }
            groups[last].calls.append(record)
        }

        private mutating func begin(_ runnable: Runnable) -> Int {
            places[ObjectIdentifier(runnable)] = groups.count
            runnables.append(runnable)
            groups.append((CallSpec(runnable), []))
            return groups.count - 1
        }
    }

    /// - Parameter write: stores a batch; its error is reported by `onError`.
    package init(
        counters: Counters, write: @escaping Write, onError: @escaping @Sendable (any Error, Int) -> Void
    ) {
        self.counters = counters
        writer = RecordWriter(write: write) { error, count in
            counters.recordsDropped.wrappingAdd(UInt64(count), ordering: .relaxed)
            onError(error, count)
        }
    }

    /// Adds a record; never waits.
    func add(_ record: CallRecord, of runnable: Runnable) {
        let accepted = pending.withLock { $0.add(record, of: runnable) }
        if !accepted { counters.recordsDropped.increment() }
    }

    /// Writes what waits; when it returns, every record added before is stored.
    package func flush() async {
        await writer.write { [pending] in
            pending.withLock { pending in
                defer { pending = Pending() }
                return pending.batches.map(\.groups)
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
    private let store: Recorder.Write
    private let onError: @Sendable (any Error, Int) -> Void
    private var last: Task<Void, Never>?

    init(write: @escaping Recorder.Write, onError: @escaping @Sendable (any Error, Int) -> Void) {
        store = write
        self.onError = onError
    }

    func write(_ take: @escaping @Sendable () -> [Recorder.Batch]) async {
        let previous = last
        let task = Task { [store, onError] in
            await previous?.value
            var batches = take()
            batches.reverse()
            while let batch = batches.popLast() {
                let count = batch.reduce(0) { $0 + $1.calls.count }
                do { try await store(batch) } catch { onError(error, count) }
            }
        }
        last = task
        await task.value
    }
}

extension CallSpec {
    fileprivate init(_ runnable: Runnable) {
        let version = runnable.version
        self.init(
            spec: version.spec, packageDigest: version.package?.description, interpreter: version.runtime.interpreter,
            runtimeCommand: version.runtime.command, runtimeRoot: version.runtime.root, appConfig: runnable.appConfig)
    }
}
