internal import Foundation
internal import Model

/// Runs operations one after the other on a thread of its own, and commits those that wait together as one transaction:
/// eight callers share one flush of the disk. Thread-safe.
// SAFETY: `queue` and `isStopped` are guarded by `condition`, `thread` is set before it starts; everything else is the thread's own or thread-safe.
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
        condition.signal()
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
        while let next = transact(gather) { gather = next }
        condition.lock()
        isEnded = true
        condition.broadcast()
        condition.unlock()
    }

    /// One transaction: runs what comes, as it comes, and commits it; `nil`: stopped, and nothing is left.
    private func transact(_ gather: Gather) -> Gather? {
        let end = Date(timeIntervalSinceNow: gather.count > 1 ? Double(gather.nanos) / 1e9 : 0)
        var jobs = take(Self.maxBatch, until: nil)
        guard !jobs.isEmpty else { return nil }
        let start = transaction.mark
        let begun = Instant.now()
        // Answers wait for the disk, refusals too: what an operation was refused for may be taken back with the batch.
        var answers = jobs.map { attempt($0) }
        var waited: UInt64 = 0
        while jobs.count < gather.count {
            let idle = Instant.now()
            let more = take(Self.maxBatch - jobs.count, until: end)
            waited += Instant.now().nanoseconds(since: idle)
            if more.isEmpty { break }
            answers += more.map { attempt($0) }
            jobs += more
        }
        commit(jobs, answers, since: start)
        let nanos = Instant.now().nanoseconds(since: begun) - waited
        return Gather(answered: jobs.count, waiting: waiting, commitNanos: nanos)
    }

    /// Operations that wait; none: the time has come, or it is stopped.
    ///
    /// - Parameter end: until when to wait for one; `nil`: however long it takes.
    private func take(_ count: Int, until end: Date?) -> [Job] {
        condition.lock()
        defer { condition.unlock() }
        while queue.isEmpty && !isStopped {
            guard let end else {
                condition.wait()
                continue
            }
            if !condition.wait(until: end) { break }
        }
        let batch = Array(queue.prefix(count))
        queue.removeFirst(batch.count)
        return batch
    }

    /// Makes what was run durable and answers it.
    private func commit(_ batch: [Job], _ answers: [Result<[Change], Failure>], since start: Transaction.Mark) {
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
            for job in batch { commit([job], [attempt(job)], since: start) }
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
