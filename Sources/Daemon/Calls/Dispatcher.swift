package import Catalog
internal import Contracts
package import Drivers
package import Loop
package import Model
internal import Pool
internal import Synchronization
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
    /// How long a function may take from its start to listening, nanoseconds.
    let initNanos: UInt64
    /// The host folder of an unpacked package; blocks.
    let packagePath: @Sendable (Digest) -> Result<String, Failure>
    /// One line to the daemon's log.
    let log: @Sendable (String) -> Void
    private let random: Lock<FastRandom>
    private let waitingBytes = Atomic<Int>(0)
    private let draining = Atomic<Bool>(false)
    private let nextLoop = Atomic<Int>(0)

    /// - Parameters:
    ///   - loops: at least one; workers are spread over them.
    ///   - startThreads: the most containers that start at once.
    ///   - initNanos: time for a function to listen, from its start.
    package init(
        catalog: Catalog, driver: any Driver, counters: Counters, recorder: Recorder, loops: [EventLoop],
        startThreads: Int, initNanos: UInt64, packagePath: @escaping @Sendable (Digest) -> Result<String, Failure>,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.catalog = catalog
        self.driver = driver
        self.counters = counters
        self.recorder = recorder
        self.loops = loops
        self.initNanos = initNanos
        self.packagePath = packagePath
        self.log = log
        wheels = loops.map { TimerWheel(loop: $0) }
        starters = BlockingThreads(count: startThreads)
        // Removals must not wait behind starts that wait for slow functions.
        removers = BlockingThreads(count: 2)
        upkeep = Upkeep(loop: loops[0])
        var system = SystemRandomNumberGenerator()
        random = Lock(FastRandom(seed: system.next()))
        upkeep.dispatcher = self
    }

    /// Whether new calls are refused.
    package var isDraining: Bool { draining.load(ordering: .relaxed) }

    // MARK: - In

    /// The largest InvokeRequest, bytes: a frame less room for the envelope that the function gets.
    package static let maxRequestBytes = FrameHeader.maxLength - (64 << 10)
    /// What all waiting calls together may hold, bytes.
    package static let maxWaitingBytes = 256 << 20

    /// Accepts an Invoke call. On the session's loop; the envelope is borrowed.
    func invoke(_ envelope: RequestEnvelope, streamID: UInt32, session: Session) {
        let request: InvokeScan
        do throws(EnvelopeError) { request = try InvokeScan(scanning: envelope.payload) } catch {
            return session.refuse(streamID, Failure(.invalid, "\(error.message)"))
        }
        guard !isDraining else {
            return session.refuse(streamID, Failure(.unavailable, "the daemon is stopping; the call was not executed"))
        }
        guard request.bytes.count <= Self.maxRequestBytes else {
            return session.refuse(
                streamID,
                Failure(
                    .tooLarge,
                    "the request has \(request.bytes.count) bytes; at most \(Self.maxRequestBytes) are allowed"))
        }
        let found = catalog.snapshot.find(app: request.app, function: request.function, version: request.version)
        guard case .runnable(let runnable) = found else {
            return session.refuse(streamID, Self.notFound(found, request))
        }
        let now = Instant.now()
        let time = Timestamp.now()
        var timeout = runnable.version.spec.timeoutNanos
        if envelope.timeoutNanos > 0 { timeout = min(timeout, UInt64(envelope.timeoutNanos)) }
        let call = Call(
            id: random.withLock { Identifier(now: time, using: &$0) }, runnable: runnable, session: session,
            streamID: streamID, deadline: now.advanced(byNanoseconds: timeout), now: now, time: time)
        guard session.open(streamID, call) else { return }
        counters.callsStarted.increment()
        lease(call, request)
    }

    private func lease(_ call: Call, _ request: InvokeScan) {
        // Kept before it can be handed to a slot by another thread.
        let pool = call.runnable.pool
        if pool.event({ $0.idle == 0 || $0.waiting > 0 }) { keep(call, request) }
        guard call.request.isEmpty || waitingBytes.load(ordering: .relaxed) <= Self.maxWaitingBytes else {
            fail(call, Failure(.busy, "waiting calls hold \(Self.maxWaitingBytes) bytes, the limit; try again later"))
            return
        }
        let lease = pool.event { machine -> PoolMachine.Lease in
            // The look above was a guess; without the bytes a call must not wait.
            if call.request.isEmpty && (machine.idle == 0 || machine.waiting > 0) { keep(call, request) }
            return machine.lease(call.waiter, of: call, now: call.acceptedAt)
        }
        // After the lease, so that its deadline finds the call where it is.
        wheels[0].add(call.wheelEntry, of: call, due: call.deadline)
        if call.isDone { wheels[0].remove(call.wheelEntry) }
        switch lease {
        case .slot(let owner): (owner as? Worker)?.dispatch(call, request)
        case .wait(let start):
            upkeep.watch(call.runnable)
            if start { startWorker(call.runnable) }
        case .full:
            let limit = call.runnable.version.spec.maxQueue
            fail(
                call,
                Failure(
                    .busy, "\(call.runnable.name): \(limit) calls wait for it, its limit (max_queue); try again later"))
        case .closed: fail(call, Failure(.unavailable, "the daemon is stopping; the call was not executed"))
        }
    }

    private func keep(_ call: Call, _ request: InvokeScan) {
        call.keep(request.bytes)
        waitingBytes.change(by: request.bytes.count)
    }

    private static func notFound(_ result: Snapshot.Result, _ request: InvokeScan) -> Failure {
        let app = String(decoding: request.app, as: UTF8.self)
        let function = String(decoding: request.function, as: UTF8.self)
        switch result {
        case .noApp: return Failure(.notFound, "app \(quoted(app)) not found; deploy a function to it first")
        case .noVersion:
            return Failure(.notFound, "version \(request.version) of \(quoted(app + "/" + function)) not found")
        default: return Failure(.notFound, "function \(quoted(app + "/" + function)) not found; deploy it first")
        }
    }

    // MARK: - Out

    /// What of a function's own error text is passed on and recorded, bytes.
    private static let maxErrorBytes = 4096

    /// Does what the pool decided after a slot became free, new or retired. On any thread.
    func act(on hand: PoolMachine.Hand, worker: Worker) {
        for case let call as Call in hand.calls {
            call.request.withUnsafeBytes { bytes in
                // Scanned once when it was accepted, so it parses.
                if let request = try? InvokeScan(scanning: bytes) { worker.dispatch(call, request) }
            }
            waitingBytes.change(by: -call.takeHeldBytes())
        }
        if hand.start { startWorker(worker.runnable) }
        if hand.stop { worker.loop.run { worker.stop() } }
    }

    /// Answers a claimed call with what its function said. On the worker's loop. The record comes first, so that a caller
    /// that has its answer finds it.
    func finish(_ call: Call, _ reply: FunctionReply, worker: Worker, coldNanos: UInt64?) {
        switch reply {
        case .message(let bytes):
            record(call, .success, error: "", worker: worker, coldNanos: coldNanos)
            answer(call, payload: bytes)
        case .body(let body):
            record(call, .success, error: "", worker: worker, coldNanos: coldNanos)
            body.encoded().withUnsafeBytes { answer(call, payload: $0) }
        case .failed(let code, let message, _):
            let message = String(decoding: message.utf8.prefix(Self.maxErrorBytes), as: UTF8.self)
            let text = "\(call.runnable.name): the function failed: \(message)\(worker.logTail(of: call))"
            record(call, .failed, error: message, worker: worker, coldNanos: coldNanos)
            answer(
                call,
                status: Failure.encodedStatus(
                    code: code, reason: Failure.Code.functionFailed.rawValue, message: text))
        case .broken(let reason):
            let text = "\(call.runnable.name): the function failed: \(reason)\(worker.logTail(of: call))"
            record(call, .failed, error: reason, worker: worker, coldNanos: coldNanos)
            answer(call, status: Failure(.functionFailed, text).encodedStatus())
        }
    }

    /// Answers a call that waits; `false` if it does not wait any more.
    @discardableResult
    func fail(_ call: Call, _ failure: Failure) -> Bool {
        guard call.claimWaiting() else { return false }
        if failure.code == .internalError { log("call \(call.id): \(failure.message)") }
        let status: CallRecord.Status =
            switch failure.code {
            case .timeout: .timeout
            case .functionFailed: .failed
            case .cancelled: .cancelled
            default: .error
            }
        record(call, status, error: failure.message, worker: nil, coldNanos: nil)
        answer(call, status: failure.encodedStatus())
        return true
    }

    /// The daemon ends while the call runs. On the worker's loop.
    func interrupted(_ call: Call, on worker: Worker) {
        guard call.claim() else { return }
        let failure = Failure(.unavailable, "\(call.runnable.name): the daemon stops; the call was interrupted")
        record(call, .error, error: failure.message, worker: worker, coldNanos: nil)
        answer(call, status: failure.encodedStatus())
    }

    /// The call's deadline has passed. On the first loop.
    func timedOut(_ call: Call) {
        let limit = seconds(call.deadline.nanoseconds(since: call.acceptedAt))
        if let worker = call.isRunning ? call.worker : nil {
            worker.loop.run { [self] in
                guard call.claim() else { return }
                worker.flushLog()
                let waited = seconds((call.startedAt ?? call.acceptedAt).nanoseconds(since: call.acceptedAt))
                let text =
                    "\(call.runnable.name): timed out after \(limit): it waited \(waited) for a container and ran the rest"
                record(call, .timeout, error: text, worker: worker, coldNanos: nil)
                answer(call, status: Failure(.timeout, text + worker.logTail(of: call)).encodedStatus())
                worker.abandon(call)
            }
        } else {
            withdraw(call)
            let text = "\(call.runnable.name): timed out after \(limit) waiting for a container"
            // It may have been handed to a worker just now.
            if !fail(call, Failure(.timeout, text)) && call.isRunning { timedOut(call) }
        }
    }

    /// The caller's connection has closed. On its loop.
    func callerLeft(_ call: Call) {
        if let worker = call.isRunning ? call.worker : nil {
            worker.loop.run { [self] in
                guard call.claim() else { return }
                finished(call)
                record(call, .cancelled, error: "the caller closed its connection", worker: worker, coldNanos: nil)
                worker.abandon(call)
            }
        } else {
            withdraw(call)
            if !fail(call, Failure(.cancelled, "the caller closed its connection")) && call.isRunning {
                callerLeft(call)
            }
        }
    }

    private func withdraw(_ call: Call) {
        _ = call.runnable.pool.event { $0.cancel(call.waiter) }
    }

    private static let callIDKey: StaticString = "fn-call-id"
    private static let versionKey: StaticString = "fnrpc-version"

    private func answer(
        _ call: Call, status: [UInt8] = [], payload: UnsafeRawBufferPointer = .init(start: nil, count: 0)
    ) {
        finished(call)
        var id = call.id.description
        var version = String(call.runnable.version.number)
        id.withUTF8 { id in
            version.withUTF8 { version in
                withUnsafeTemporaryAllocation(of: MetadataEntry.self, capacity: 2) { metadata in
                    metadata.initializeElement(
                        at: 0, to: MetadataEntry(key: Self.callIDKey, value: UnsafeRawBufferPointer(id)))
                    metadata.initializeElement(
                        at: 1, to: MetadataEntry(key: Self.versionKey, value: UnsafeRawBufferPointer(version)))
                    call.session.answer(
                        call.streamID, status: status, payload: payload, metadata: UnsafeBufferPointer(metadata))
                }
            }
        }
    }

    private func finished(_ call: Call) {
        wheels[0].remove(call.wheelEntry)
        waitingBytes.change(by: -call.takeHeldBytes())
        counters.callsFinished.increment()
    }

    private func record(
        _ call: Call, _ status: CallRecord.Status, error: String, worker: Worker?, coldNanos: UInt64?
    ) {
        let now = Instant.now()
        let started = worker == nil ? nil : call.startedAt
        let completed = Timestamp.now()
        recorder.add(
            CallRecord(
                meta: Meta(id: call.id, createdAt: call.acceptedTime, updatedAt: completed),
                appID: call.runnable.function.appID, appName: call.runnable.function.appName.text,
                functionID: call.runnable.function.meta.id, functionName: call.runnable.function.name.text,
                version: call.runnable.version.number, status: status, error: error,
                startedAt: started == nil ? nil : call.startedTime,
                completedAt: completed, waitNanos: (started ?? now).nanoseconds(since: call.acceptedAt),
                coldStartNanos: coldNanos, runNanos: started.map { now.nanoseconds(since: $0) } ?? 0,
                container: worker?.sandbox.id ?? "", log: call.log, logTruncated: call.logTruncated))
    }

    // MARK: - Stop

    /// How long a stop waits for containers to be removed; what is left then, the next start removes.
    private static let removalNanos: UInt64 = 30_000_000_000

    /// Refuses new calls and waits for the running ones, at most until `deadline`; then ends every container.
    package func drain(until deadline: Instant) async {
        draining.store(true, ordering: .relaxed)
        while counters.callsStarted.load(ordering: .relaxed) != counters.callsFinished.load(ordering: .relaxed),
            Instant.now() < deadline
        {
            try? await Task.sleep(for: .milliseconds(5))
        }
        for runnable in catalog.snapshot.all {
            for case let call as Call in runnable.pool.event({ $0.close() }) {
                fail(call, Failure(.unavailable, "the daemon has stopped before the call could run"))
            }
        }
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
    }

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
