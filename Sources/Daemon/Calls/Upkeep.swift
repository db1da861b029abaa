internal import Catalog
internal import Loop
internal import Model
internal import Pool

/// Looks after pools from time to time: containers that have been idle for too long, starts that have become worth it, what is
/// missing of the least number.
///
/// Thread-safe; the work itself runs on one loop, and only while there are containers or waiting calls, or should be.
// SAFETY: `state` is guarded; `timer` and `processors` are loop-confined; `dispatcher` is set once before use.
package final class Upkeep: @unchecked Sendable {
    /// How often pools with waiting calls are looked at, milliseconds.
    private static let busyMilliseconds: UInt64 = 20
    /// How often the others are.
    private static let calmMilliseconds: UInt64 = 500

    private let loop: EventLoop
    private let state = Lock(State())
    private var timer: LoopTimer?
    private var processors = ProcessorWatch()
    unowned var dispatcher: Dispatcher?

    private struct State {
        var pools: [ObjectIdentifier: Runnable] = [:]
        var workers: [ObjectIdentifier: Worker] = [:]
        /// What calls are to run whose listeners are asked, by call.
        var asked: [ObjectIdentifier: Runnable] = [:]
        /// By container.
        var starts: [String: WorkerStart] = [:]
        /// The timer's period, 0 when it is off.
        var period: UInt64 = 0
    }

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// Looks after a function's pool until it is empty and keeps nothing.
    func watch(_ runnable: Runnable) {
        let mustArm = state.withLock { state -> Bool in
            state.pools[ObjectIdentifier(runnable)] = runnable
            defer { state.period = Self.busyMilliseconds }
            return state.period != Self.busyMilliseconds
        }
        if mustArm { loop.run { [self] in arm(Self.busyMilliseconds) } }
    }

    /// Keeps a worker alive until its sandbox is removed.
    func add(_ worker: Worker) {
        state.withLock { $0.workers[ObjectIdentifier(worker)] = worker }
    }

    func remove(_ worker: Worker) {
        state.withLock { _ = $0.workers.removeValue(forKey: ObjectIdentifier(worker)) }
    }

    /// Notes a container that is being made, until it is there or failed.
    func add(_ start: WorkerStart) {
        state.withLock { $0.starts[start.container] = start }
    }

    func remove(_ start: WorkerStart) {
        state.withLock { _ = $0.starts.removeValue(forKey: start.container) }
    }

    /// Keeps the package of a call's function while listeners are asked about the call: no pool knows of it yet.
    func hold(_ call: Call) {
        state.withLock { $0.asked[ObjectIdentifier(call)] = call.runnable }
    }

    /// The listeners have spoken, and the call has ended or is in a pool.
    func release(_ call: Call) {
        state.withLock { _ = $0.asked.removeValue(forKey: ObjectIdentifier(call)) }
    }

    /// The containers of a function that are being made, the oldest first.
    func starts(of runnable: Runnable) -> [WorkerStart] {
        let starts = state.withLock { state in state.starts.values.filter { $0.runnable.pool === runnable.pool } }
        return starts.sorted { $0.time < $1.time }
    }

    /// Whether a package's tree is in a sandbox, or may soon be.
    func usesPackage(_ digest: Digest) -> Bool {
        state.withLock { state in
            state.pools.values.contains { $0.version.package == digest }
                || state.asked.values.contains { $0.version.package == digest }
                || state.workers.values.contains { $0.runnable.version.package == digest }
                || state.starts.values.contains { $0.runnable.version.package == digest }
        }
    }

    /// Whatever has a container or a waiting call, also if nobody finds it by its name any more. Two may share a pool.
    var runnables: [Runnable] { state.withLock { Array($0.pools.values) } }

    /// Ends every worker, busy or not.
    func stopAll() {
        for worker in state.withLock({ Array($0.workers.values) }) {
            worker.loop.post {
                _ = worker.runnable.pool.event { $0.retire(worker.slot, now: .now()) }
                worker.interrupt()
            }
        }
    }

    private func arm(_ period: UInt64) {
        let timer = timer ?? LoopTimer(loop) { [weak self] in self?.tick() }
        self.timer = timer
        timer.start(milliseconds: period, every: period)
    }

    private func tick() {
        let pools = state.withLock { Array($0.pools.values) }
        var isBusy = false
        var over: [Runnable] = []
        var hasLooked = false
        let now = Instant.now()
        for runnable in pools {
            // Only who has calls waiting can want another container.
            var seen = PoolMachine.Processors.free
            let (waits, isReady) = runnable.pool.event { ($0.waiting > 0, $0.ready > 0) }
            if waits, !hasLooked {
                processors.look(now: now)
                hasLooked = true
            }
            if waits, isReady { seen = processors.state(of: runnable, now: now) }
            let (stop, start, kept, waiting, isOver) = runnable.pool.event { machine in
                let (stop, start) = machine.tick(now: now, processors: seen)
                let kept = machine.startMinimum(now: now)
                return (stop, start, kept, machine.waiting > 0, !machine.needsUpkeep)
            }
            if waiting { isBusy = true }
            if isOver { over.append(runnable) }
            dispatcher?.stop(stop)
            if start { dispatcher?.startWorker(runnable) }
            dispatcher?.startWorkers(runnable, count: kept)
            dispatcher?.dropSurplusStarts(of: runnable)
            dispatcher?.freezeIdle(of: runnable)
        }
        reschedule(isBusy: isBusy, over: over)
    }

    private func reschedule(isBusy: Bool, over: [Runnable]) {
        let (old, new) = state.withLock { state -> (UInt64, UInt64) in
            for runnable in over where !runnable.pool.event({ $0.needsUpkeep }) {
                state.pools[ObjectIdentifier(runnable)] = nil
            }
            let old = state.period
            state.period = state.pools.isEmpty ? 0 : isBusy ? Self.busyMilliseconds : Self.calmMilliseconds
            return (old, state.period)
        }
        if new == 0 { timer?.stop() } else if new != old { arm(new) }
    }
}
