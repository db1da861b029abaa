internal import Foundation
internal import Model

/// Runs operations one after the other on a thread of its own, and commits those that wait together as one transaction:
/// eight callers share one flush of the disk. Thread-safe.
// SAFETY: `queue`, `isStopped` and `wanted` are guarded by `condition`, `thread` is set before it starts; everything else is the thread's own or thread-safe.
final class Writer: @unchecked Sendable {
    /// Operations that may wait.
    static let maxQueue = 4096
    /// Operations in one transaction.
    static let maxBatch = 256

    /// Whom a transaction waits for, and how long.
    ///
    /// Callers that go on as soon as they are answered would else divide into two halves that wait for each other's
    /// flush: half the gain of committing together. One caller alone never waits.
    struct Gather: Equatable {
        /// The longest wait, nanoseconds.
        static let maxNanos: UInt64 = 1_000_000
        /// So many share a flush well enough; more are better prepared while others are written.
        static let maxCount = 16

        /// Operations, 1 or more; what waits is taken as soon as there are so many.
        let count: Int
        /// Never longer than the commit before took, nanoseconds.
        let nanos: UInt64

        /// - Parameters:
        ///   - answered: operations of the transaction before; those callers may come back.
        ///   - waiting: operations that came meanwhile.
        ///   - commitNanos: how long the transaction took.
        init(answered: Int, waiting: Int, commitNanos: UInt64) {
            count = min(max(answered + waiting, 1), Self.maxCount)
            nanos = min(commitNanos, Self.maxNanos)
        }
    }

    /// One operation.
    struct Job {
        let context: ChangeContext
        /// Runs the operation; on the writer's thread.
        let run: (Transaction) throws(Failure) -> Void
        /// Told how it ended, when it is durable or refused; on the writer's thread.
        let finish: (Result<[Change], Failure>) -> Void
        /// Takes everything back after `run`: only what it would do is wanted.
        let isDry: Bool
    }

    private let condition = NSCondition()
    private var queue: [Job] = []
    private var isStopped = false
    /// How many operations must wait for the thread to be woken.
    private var wanted = 1
    private let transaction: Transaction
    private let driver: any StoreDriver
    private var sequence: UInt64
    private weak var thread: Thread?
    /// Told of committed changes before anybody else is.
    private let committed: @Sendable ([Change], [ChangeEvent]) -> Void

    init(
        transaction: Transaction, driver: any StoreDriver, sequence: UInt64,
        committed: @escaping @Sendable ([Change], [ChangeEvent]) -> Void
    ) {
        self.transaction = transaction
        self.driver = driver
        self.sequence = sequence
        self.committed = committed
        let thread = Thread { self.loop() }
        self.thread = thread
        thread.name = "store"
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// How many operations wait.
    var waiting: Int {
        condition.lock()
        defer { condition.unlock() }
        return queue.count
    }

    /// Runs a job when it is its turn.
    func submit(_ job: Job) {
        condition.lock()
        let failure: Failure? =
            if isStopped {
                Failure(.unavailable, "the daemon is stopping; nothing was changed")
            } else if queue.count >= Self.maxQueue {
                Failure(
                    .busy, "\(Self.maxQueue) changes wait for the disk, the limit; try again later",
                    retryNanos: 100_000_000, quota: "pending-changes")
            } else {
                nil
            }
        if failure == nil { queue.append(job) }
        if queue.count >= wanted { condition.signal() }
        condition.unlock()
        if let failure { job.finish(.failure(failure)) }
    }

    /// Finishes what waits, and ends the thread. On that thread itself (an operation held the last reference to what
    /// owns the store) it does not wait: nobody else could finish.
    func stop() {
        condition.lock()
        isStopped = true
        condition.broadcast()
        while !isEnded && Thread.current !== thread { condition.wait() }
        condition.unlock()
    }

    private var isEnded = false

    private func loop() {
        var gather = Gather(answered: 0, waiting: 0, commitNanos: 0)
        while let batch = next(gather) {
            let begun = Instant.now()
            run(batch)
            let nanos = Instant.now().nanoseconds(since: begun)
            gather = Gather(answered: batch.count, waiting: waiting, commitNanos: nanos)
        }
        condition.lock()
        isEnded = true
        condition.broadcast()
        condition.unlock()
    }

    private func next(_ gather: Gather) -> [Job]? {
        condition.lock()
        defer { condition.unlock() }
        if gather.count > 1 { wait(for: gather) }
        while queue.isEmpty && !isStopped { condition.wait() }
        if queue.isEmpty { return nil }
        let batch = Array(queue.prefix(Self.maxBatch))
        queue.removeFirst(batch.count)
        return batch
    }

    /// With `condition` locked.
    private func wait(for gather: Gather) {
        let end = Date(timeIntervalSinceNow: Double(gather.nanos) / 1e9)
        wanted = gather.count
        defer { wanted = 1 }
        while queue.count < wanted, !isStopped, condition.wait(until: end) {}
    }

    private func run(_ batch: [Job]) {
        let start = transaction.mark
        // Answers wait for the disk, refusals too: what an operation was refused for may be taken back with the batch.
        let answers = batch.map { attempt($0) }
        let changes = transaction.changes
        guard !changes.isEmpty || !transaction.calls.isEmpty else {
            transaction.finish()
            for (job, answer) in zip(batch, answers) { job.finish(answer) }
            return
        }
        var events: [ChangeEvent] = []
        for change in changes where !change.isSilent {
            events.append(ChangeEvent(change, sequence: sequence + UInt64(events.count) + 1))
        }
        do throws(Failure) {
            try driver.commit(changes, events, transaction.calls)
        } catch {
            transaction.rollBack(to: start)
            // One of them may be what the disk refuses; the others are not to suffer for it.
            guard batch.count > 1 else { return batch[0].finish(.failure(error)) }
            for job in batch { run([job]) }
            return
        }
        sequence += UInt64(events.count)
        committed(changes, events)
        transaction.finish()
        for (job, answer) in zip(batch, answers) { job.finish(answer) }
    }

    /// Runs one job; of one that is refused or dry nothing stays.
    private func attempt(_ job: Job) -> Result<[Change], Failure> {
        let mark = transaction.mark
        let before = transaction.changes.count
        transaction.begin(job.context, isDry: job.isDry)
        do throws(Failure) {
            try job.run(transaction)
        } catch {
            transaction.rollBack(to: mark)
            return .failure(error)
        }
        let changes = Array(transaction.changes[before...])
        if job.isDry { transaction.rollBack(to: mark) }
        return .success(changes)
    }
}
