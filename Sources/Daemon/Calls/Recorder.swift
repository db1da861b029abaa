internal import Catalog
package import Model
package import Telemetry
package import Wire

/// Collects call records and writes them in batches, off the call path. Thread-safe.
package final class Recorder: Sendable {
    /// Stores a batch: calls by what they ran with.
    package typealias Write = @Sendable ([(spec: CallSpec, calls: [CallRecord])]) async throws -> Void

    /// Records that may wait for the store; further ones are counted as dropped.
    package static let maxPending = 65_536
    /// How often records are written, milliseconds.
    private static let periodMilliseconds = 50
    /// Log and payload bytes that may wait for the store together.
    private static let maxPendingBytes = 64 << 20
    /// Log and payload bytes that are written at once, and what one record has of them on top: a small disk has room for
    /// no more.
    private static let maxBatchBytes = 4 << 20

    private let pending = Lock(Pending())
    private let counters: Counters
    private let writer: RecordWriter

    private struct Pending {
        var records: [Entry] = []
        var bytes = 0
    }

    /// A record with what it ran with.
    fileprivate struct Entry: Sendable {
        let record: CallRecord
        let runnable: Runnable

        var bytes: Int { record.log.count + record.input.count }
    }

    /// - Parameter write: stores a batch; its error is reported by `onError`.
    package init(
        counters: Counters, write: @escaping Write, onError: @escaping @Sendable (any Error, Int) -> Void
    ) {
        self.counters = counters
        writer = RecordWriter(write: write, onError: onError)
    }

    /// Adds a record; never waits.
    func add(_ record: CallRecord, of runnable: Runnable) {
        let entry = Entry(record: record, runnable: runnable)
        let accepted = pending.withLock { pending -> Bool in
            guard pending.records.count < Self.maxPending, pending.bytes + entry.bytes <= Self.maxPendingBytes else {
                return false
            }
            pending.records.append(entry)
            pending.bytes += entry.bytes
            return true
        }
        if !accepted { counters.recordsDropped.increment() }
    }

    /// Writes what waits; when it returns, every record added before is stored.
    package func flush() async {
        await writer.write { [pending] in
            let taken = pending.withLock { pending in
                defer { pending = Pending() }
                return pending.records
            }
            return Self.batches(taken)
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

    /// Parts that a store can take at once.
    private static func batches(_ entries: [Entry]) -> [ArraySlice<Entry>] {
        var result: [ArraySlice<Entry>] = []
        var start = 0
        var bytes = 0
        for (index, entry) in entries.enumerated() {
            if bytes > 0, bytes + entry.bytes > maxBatchBytes {
                result.append(entries[start..<index])
                (start, bytes) = (index, 0)
            }
            bytes += entry.bytes
        }
        if start < entries.count { result.append(entries[start...]) }
        return result
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

    func write(_ take: @escaping @Sendable () -> [ArraySlice<Recorder.Entry>]) async {
        let previous = last
        let task = Task { [store, onError] in
            await previous?.value
            for batch in take() {
                do { try await store(Self.grouped(batch)) } catch { onError(error, batch.count) }
            }
        }
        last = task
        await task.value
    }

    /// The snapshot is made once for all calls of a batch that share it.
    private static func grouped(_ batch: ArraySlice<Recorder.Entry>) -> [(spec: CallSpec, calls: [CallRecord])] {
        Dictionary(grouping: batch) { ObjectIdentifier($0.runnable) }.values.compactMap { group in
            group.first.map { (spec: CallSpec($0.runnable), calls: group.map(\.record)) }
        }
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
