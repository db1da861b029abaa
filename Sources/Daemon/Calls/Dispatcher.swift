package import Catalog
internal import Contracts
package import Drivers
package import Extensions
package import Loop
package import Model
package import Pool
internal import Synchronization
package import Syslog
package import Telemetry
internal import Wire

/// Brings calls to workers and answers back. Thread-safe.
// SAFETY: `random` is guarded by its lock; everything else is immutable or thread-safe itself.
package final class Dispatcher: @unchecked Sendable {
    let catalog: Catalog
    let driver: any Driver
    let counters: Counters
    let recorder: Recorder
    let loops: [EventLoop]
    let wheels: [TimerWheel]
    let starters: BlockingThreads
    let removers: BlockingThreads
    let upkeep: Upkeep
    /// Where idle containers are frozen, one after the other.
    let freezers: BlockingThreads
    /// How long a container is idle before it is frozen, nanoseconds; 0: it never is.
    let freezeNanos: UInt64
    /// Who holds how much of the machine.
    package let ledger: Ledger
    /// Whether a look for idle containers is under way.
    let isMakingRoom = Atomic<Bool>(false)
    /// How long a function may take from its start to listening, nanoseconds.
    let initNanos: UInt64
    /// The most time that has to be left for a call to start, nanoseconds; half of its time always is enough.
    let startMarginNanos: UInt64
    /// The host folder of an unpacked package; blocks.
    let packagePath: @Sendable (Digest) -> Result<String, Failure>
    /// The values of the secrets that a function is given; blocks.
    let secrets: @Sendable (Runnable) -> Result<[SandboxSecret], Failure>
    /// Every byte that waits anywhere counts here.
    package let budget: ByteBudget
    /// Who reads along what functions write.
    package let followers = LogFollowers()
    /// Where apps want it as well.
    let syslog: Syslog?
    /// Running calls by what their callers call them.
    let invocations = InvocationTable()
    /// Who is asked about calls and told of them; `nil`: nobody ever.
    let listeners: ListenerRegistry?
    /// What of calls is kept.
    let limits: CallLimits
    /// One line to the daemon's log.
    let log: @Sendable (String) -> Void
    private let random: Lock<FastRandom>
    private let draining = Atomic<Bool>(false)
    private let nextLoop = Atomic<Int>(0)

    /// - Parameters:
    ///   - loops: at least one; workers are spread over them.
    ///   - startThreads: the most containers that start at once.
    ///   - ledger: what containers may hold together; `nil`: anything.
    ///   - freezeNanos: how long a container is idle before it is frozen; 0: it never is.
    ///   - initNanos: time for a function to listen, from its start.
    ///   - startMarginNanos: the most time that has to be left for a call to start.
    ///   - packagePath: the host folder of an unpacked package; called where it may block.
    ///   - secrets: what a container's start gets of its app's secrets; called where it may block.
    ///   - listeners: asked about every call before it gets a slot, and told how it ended.
    package init(
        catalog: Catalog, driver: any Driver, counters: Counters, recorder: Recorder, loops: [EventLoop],
        budget: ByteBudget, startThreads: Int, ledger: Ledger? = nil, freezeNanos: UInt64 = 0, initNanos: UInt64,
        startMarginNanos: UInt64 = 30_000_000_000, limits: CallLimits = CallLimits(), syslog: Syslog? = nil,
        listeners: ListenerRegistry = ListenerRegistry(),
        packagePath: @escaping @Sendable (Digest) -> Result<String, Failure>,
        secrets: @escaping @Sendable (Runnable) -> Result<[SandboxSecret], Failure>,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.catalog = catalog
        self.driver = driver
        self.counters = counters
        self.recorder = recorder
        self.loops = loops
        self.budget = budget
        self.initNanos = initNanos
        self.startMarginNanos = startMarginNanos
        self.limits = limits
        self.syslog = syslog
        self.packagePath = packagePath
        self.listeners = listeners.hasCallListeners ? listeners : nil
        self.secrets = secrets
        self.log = log
        wheels = loops.map { TimerWheel(loop: $0) }
        starters = BlockingThreads(count: startThreads)
        let everything = Resources(memoryMiB: .max, cpuMilli: .max)
        self.ledger = ledger ?? Ledger(total: everything, maxStarts: startThreads)
        freezers = BlockingThreads(count: 1)
        self.freezeNanos = freezeNanos
        // Removals must not wait behind starts that wait for slow functions.
        removers = BlockingThreads(count: 2)
        upkeep = Upkeep(loop: loops[0])
        var system = SystemRandomNumberGenerator()
        random = Lock(FastRandom(seed: system.next()))
        upkeep.dispatcher = self
    }

    /// Says that the buffers are full.
    var noRoom: Failure {
        let text = "buffers hold \(budget.limit) bytes, the limit (buffer-budget-mib); try again later"
        return Failure(.busy, text, retryNanos: 100_000_000, quota: "buffer-budget-mib")
    }

    /// Whether new calls are refused.
    package var isDraining: Bool { draining.load(ordering: .relaxed) }

    // MARK: - Out

    /// What of a function's own error text is passed on and logged, bytes.
    private static let maxErrorBytes = 4096

    /// Does what the pool decided after a slot became free, new or retired. On any thread.
    func act(on hand: PoolMachine.Hand, worker: Worker) {
        for case let call as Call in hand.calls {
            call.request.withUnsafeBytes { worker.dispatch(call, $0, at: .now()) }
            // A relay has its own copy, and says when it is gone; what went ahead may come back.
            guard call.relay == nil, !worker.hasAhead(call) else { continue }
            forgetRequest(of: call)
        }
        if hand.start { startWorker(worker.runnable) }
        if hand.stop {
            worker.loop.run { worker.stop() }
        } else if hand.calls.isEmpty, ledger.isPressed != .none {
            makeRoomSoon()
        }
    }

    /// The call runs: nobody needs its request any more.
    func forgetRequest(of call: Call) {
        call.forgetRequest()
        budget.release(call.takeHeldBytes())
    }

    /// Answers a claimed call with what its function said. On the worker's loop. The record comes first, so that a caller
    /// that has its answer finds it.
    func finish(_ call: Call, _ reply: FunctionReply, worker: Worker, coldNanos: UInt64?) {
        switch reply {
        case .message(let bytes):
            record(call, .success, worker: worker, coldNanos: coldNanos)
            answer(call, reply: bytes, worker.responseHeaders)
        case .body(let body):
            record(call, .success, worker: worker, coldNanos: coldNanos)
            body.encoded().withUnsafeBytes { answer(call, reply: $0, worker.responseHeaders) }
        case .failed(let code, let message, let status):
            answer(call, status: failed(call, code, message, Array(status), worker, coldNanos), code: code)
        case .refused(let failure):
            answer(call, status: refused(call, failure, worker, coldNanos), code: failure.status)
        case .broken(let reason):
            answer(call, status: broken(call, reason, worker, coldNanos), code: Failure.Code.functionFailed.status)
        }
    }

    /// As ``finish(_:_:worker:coldNanos:)``, for a streamed call.
    func finish(_ call: Call, _ end: StreamEnd, worker: Worker, coldNanos: UInt64?) {
        switch end {
        case .finished:
            record(call, .success, worker: worker, coldNanos: coldNanos)
            answer(call, .finished, code: 0)
        case .response(let payload):
            record(call, .success, worker: worker, coldNanos: coldNanos)
            answer(call, .response(payload), code: 0)
        case .failed(let code, let message, let status):
            let status = failed(call, code, message, status, worker, coldNanos)
            answer(call, .failed(status, isUrgent: false), code: code)
        case .refused(let failure):
            let status = refused(call, failure, worker, coldNanos)
            answer(call, .failed(status, isUrgent: false), code: failure.status)
        case .broken(let reason):
            let status = broken(call, reason, worker, coldNanos)
            answer(call, .failed(status, isUrgent: false), code: Failure.Code.functionFailed.status)
        }
    }

    /// Records that the user's code failed; gives the Status for the caller. Who called by the name of the function's
    /// own service gets the function's own Status, details and all, with ours added that says whose failure it is.
    private func failed(
        _ call: Call, _ code: Int32, _ message: String, _ status: [UInt8], _ worker: Worker, _ coldNanos: UInt64?
    ) -> [UInt8] {
        let message = String(decoding: message.utf8.prefix(Self.maxErrorBytes), as: UTF8.self)
        // Told apart below from what the function has written itself.
        let tail = worker.logTail(of: call)
        note(call, message)
        record(call, .failed, exit: worker.isAlive ? nil : worker.callExit, worker: worker, coldNanos: coldNanos)
        let reason = Failure.Code.functionFailed.rawValue
        // A code that is none of google.rpc.Code would be success to some clients.
        if call.isRouted, (1...16).contains(status.withUnsafeBytes { StatusScan.code($0) }) {
            return status + Failure.statusSuffix(reason: reason)
        }
        let text = "\(call.runnable.name): the function failed: \(message)\(tail)"
        return Failure.encodedStatus(code: code, reason: reason, message: text)
    }

    /// Records that the caller made a mistake which showed only now; gives the Status for it.
    private func refused(_ call: Call, _ failure: Failure, _ worker: Worker, _ coldNanos: UInt64?) -> [UInt8] {
        record(call, Self.status(of: failure), error: failure.message, worker: worker, coldNanos: coldNanos)
        return failure.encodedStatus()
    }

    private func broken(_ call: Call, _ reason: String, _ worker: Worker, _ coldNanos: UInt64?) -> [UInt8] {
        let text = "\(call.runnable.name): the function failed: \(reason)\(worker.logTail(of: call))"
        note(call, reason + worker.containerTail(for: call))
        record(call, .failed, exit: worker.callExit, worker: worker, coldNanos: coldNanos)
        return Failure(.functionFailed, text).encodedStatus()
    }

    /// Answers a call that waits; `false` if it does not wait any more.
    ///
    /// - Parameters:
    ///   - exit: how the function ended that should have served it; `nil`: it has nothing to do with it.
    ///   - reporter: what the log has told of an internal error already; `nil`: nothing.
    @discardableResult
    func fail(_ call: Call, _ failure: Failure, exit: CallExit? = nil, reportedBy reporter: String? = nil) -> Bool {
        guard call.claimWaiting() else { return false }
        let failure = failure.code == .internalError ? masked(failure, of: call, reporter) : failure
        let status = Self.status(of: failure)
        if !status.hasErrorText { note(call, failure.message) }
        record(call, status, error: failure.message, exit: exit, worker: nil, coldNanos: nil)
        answer(call, status: failure.encodedStatus(), code: failure.status)
        return true
    }

    /// The daemon ends while the call runs. On the worker's loop.
    func interrupted(_ call: Call, on worker: Worker) {
        guard call.claim() else { return }
        let failure = Failure(.unavailable, "\(call.runnable.name): the daemon stops; the call was interrupted")
        record(call, .error, error: failure.message, worker: worker, coldNanos: nil)
        answer(call, status: failure.encodedStatus(), code: failure.code.status)
    }

    /// Nobody waits for the call any more. Thread-safe.
    ///
    /// - Parameter failure: how it was answered already; `nil`: it was not, and nobody is there.
    func callerLeft(_ call: Call, _ reason: String, _ failure: Failure?) {
        if let worker = call.isRunning ? call.worker : nil {
            worker.loop.run { [self] in
                guard call.claim() else { return }
                finished(call, code: failure?.code.status ?? Failure.Code.cancelled.status)
                record(
                    call, failure == nil ? .cancelled : .error, error: failure?.message ?? reason, worker: worker,
                    coldNanos: nil)
                worker.abandon(call)
            }
        } else {
            withdraw(call)
            if !fail(call, failure ?? Failure(.cancelled, reason)) && call.isRunning {
                callerLeft(call, reason, failure)
            }
        }
    }

    /// Ends a call that runs or waits, and tells its caller so. Thread-safe.
    func cancel(_ call: Call) {
        let failure = Failure(.cancelled, "the call was cancelled by Invocation/Cancel")
        guard let worker = call.isRunning ? call.worker : nil else {
            withdraw(call)
            if !fail(call, failure) && call.isRunning { cancel(call) }
            return
        }
        worker.loop.run { [self] in
            guard call.claim() else { return }
            worker.readLog()
            record(call, .cancelled, error: failure.message, worker: worker, coldNanos: nil)
            answer(call, status: failure.encodedStatus(), code: failure.code.status)
            worker.abandon(call)
        }
    }

    func withdraw(_ call: Call) {
        if call.runnable.pool.event({ $0.cancel(call.waiter) }) { dropSurplusStarts(of: call.runnable) }
    }

    /// Answers with what the function replied; the messages of its own services stay as they are.
    private func answer(_ call: Call, reply: UnsafeRawBufferPointer, _ headers: ResponseHeaders?) {
        guard let headers, !call.isRouted else { return answer(call, payload: reply) }
        headers.added(to: reply).withUnsafeBytes { answer(call, payload: $0) }
    }

    func answer(
        _ call: Call, status: [UInt8] = [], code: Int32 = 0,
        payload: UnsafeRawBufferPointer = .init(start: nil, count: 0)
    ) {
        if call.relay != nil { return answer(call, .failed(status, isUrgent: true), code: code) }
        finished(call, code: code)
        call.withMetadata { metadata in
            _ = call.session.answer(call.streamID, status: status, payload: payload, metadata: metadata)
        }
    }

    private func answer(_ call: Call, _ answer: FunctionRelay.Answer, code: Int32) {
        finished(call, code: code)
        call.relay?.answer(answer)
    }

    private func finished(_ call: Call, code: Int32) {
        call.origin.method.metrics.observe(
            code: code, nanos: call.endedAt.nanoseconds(since: call.origin.arrivedAt))
        wheels[0].remove(call.wheelEntry)
        budget.release(call.takeHeldBytes())
        if !call.origin.invocationID.isEmpty { invocations.remove(call) }
        counters.callsFinished.increment()
    }

    /// What a caller is told of an internal error; the log has the whole of it.
    private func masked(_ failure: Failure, of call: Call, _ reporter: String?) -> Failure {
        let report = reporter.map { "failed with \($0)" } ?? failure.report
        log("call \(call.id) of \(call.runnable.name)\(Self.describe(call.origin.trace)): \(report)")
        return Failure(
            .internalError, "\(call.runnable.name): the daemon failed; its log says why, beside the call's id")
    }

    /// So that the line is found beside those of the caller and of other services.
    private static func describe(_ trace: TraceContext?) -> String { trace.map { " (trace \($0.traceID))" } ?? "" }

    // MARK: - Stop

    /// How long a stop waits for containers to be removed; what is left then, the next start removes.
    private static let removalNanos: UInt64 = 30_000_000_000

    /// Refuses new calls from now on.
    package func beginDraining() { draining.store(true, ordering: .relaxed) }

    /// Waits for the running calls, at most until `deadline`; then ends every container.
    package func drain(until deadline: Instant) async {
        beginDraining()
        while counters.callsStarted.load(ordering: .relaxed) != counters.callsFinished.load(ordering: .relaxed),
            Instant.now() < deadline
        {
            try? await Task.sleep(for: .milliseconds(5))
        }
        for runnable in catalog.all + upkeep.runnables {
            for case let call as Call in runnable.pool.event({ $0.close() }) {
                fail(call, Failure(.unavailable, "the daemon has stopped before the call could run"))
            }
        }
        dropStarts()
        upkeep.stopAll()
        let end = Instant.now().advanced(byNanoseconds: Self.removalNanos)
        while counters.containers.load(ordering: .relaxed) > 0, Instant.now() < end {
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Ends the threads; after ``drain(until:)``.
    package func stop() {
        starters.stop()
        removers.stop()
        freezers.stop()
        syslog?.stop()
    }

    /// A new call's id.
    func newID(_ time: Timestamp) -> Identifier { random.withLock { Identifier(now: time, using: &$0) } }

    /// The loop for the next worker.
    func chooseLoop() -> EventLoop {
        loops[nextLoop.wrappingAdd(1, ordering: .relaxed).newValue % loops.count]
    }
}

/// Nanoseconds as people read them.
func seconds(_ nanos: UInt64) -> String {
    let millis = nanos / 1_000_000
    if millis < 1000 { return "\(millis) ms" }
    return "\(millis / 1000).\(String(millis % 1000 + 1000).dropFirst()) s"
}

/// xorshift64*, for ids: unique enough together with the time, and no system call.
struct FastRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed | 1
    }

    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }
}
