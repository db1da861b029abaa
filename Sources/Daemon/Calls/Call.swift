package import Catalog
internal import Loop
package import Model
internal import Pool
internal import Synchronization

/// One call, from its acceptance to its answer.
///
/// `claim` decides who answers: a reply, a clock, and a vanished caller may come at the same moment, from any thread.
// SAFETY: `stage` is atomic; `worker` is written before the stage becomes `running` and read after; the log fields
// are confined to the worker's loop; everything else never changes.
package final class Call: Expiring, @unchecked Sendable {
    package let id: Identifier
    package let runnable: Runnable
    /// Where the answer goes.
    let session: Session
    let streamID: UInt32
    let acceptedAt: Instant
    let acceptedTime: Timestamp
    let deadline: Instant
    /// The InvokeRequest, kept while the call waits.
    private(set) var request: [UInt8] = []
    let waiter = Waiter()
    let wheelEntry = WheelEntry()

    private let stage = Atomic<UInt8>(Stage.waiting)
    private let holdsSlot = Atomic<Bool>(false)
    private let heldBytes = Atomic<Int>(0)
    private(set) var worker: Worker?
    private(set) var startedAt: Instant?
    private(set) var startedTime: Timestamp?
    var log: [UInt8] = []
    var logTruncated = false

    private enum Stage {
        static let waiting: UInt8 = 0
        static let running: UInt8 = 1
        static let done: UInt8 = 2
    }

    init(
        id: Identifier, runnable: Runnable, session: Session, streamID: UInt32, deadline: Instant, now: Instant,
        time: Timestamp
    ) {
        self.id = id
        self.runnable = runnable
        self.session = session
        self.streamID = streamID
        self.deadline = deadline
        acceptedAt = now
        acceptedTime = time
    }

    /// Keeps the request until a slot is there.
    func keep(_ bytes: UnsafeRawBufferPointer) {
        request = Array(bytes)
        heldBytes.store(bytes.count, ordering: .relaxed)
    }

    /// How many bytes the wait held; 0 from the second time on.
    func takeHeldBytes() -> Int {
        heldBytes.exchange(0, ordering: .relaxed)
    }

    /// The call gets a worker; `false` if it was answered meanwhile.
    func begin(_ worker: Worker, now: Instant, time: Timestamp) -> Bool {
        guard stage.load(ordering: .acquiring) == Stage.waiting else { return false }
        self.worker = worker
        startedAt = now
        startedTime = time
        holdsSlot.store(true, ordering: .releasing)
        return stage.compareExchange(expected: Stage.waiting, desired: Stage.running, ordering: .acquiringAndReleasing)
            .exchanged
    }

    /// The call's slot is given back once: by its answer, its deadline or its caller's leaving, whoever gets `true`.
    func leaveSlot() -> Bool {
        holdsSlot.exchange(false, ordering: .acquiringAndReleasing)
    }

    /// Whoever gets `true` answers the call; everybody else keeps silent.
    func claim() -> Bool {
        stage.exchange(Stage.done, ordering: .acquiringAndReleasing) != Stage.done
    }

    /// As ``claim()``, but only while it waits.
    func claimWaiting() -> Bool {
        stage.compareExchange(expected: Stage.waiting, desired: Stage.done, ordering: .acquiringAndReleasing).exchanged
    }

    /// Whether it is in a worker and unanswered.
    var isRunning: Bool { stage.load(ordering: .acquiring) == Stage.running }

    /// Whether it was answered.
    var isDone: Bool { stage.load(ordering: .acquiring) == Stage.done }

    package func expired() {
        session.dispatcher.timedOut(self)
    }
}
