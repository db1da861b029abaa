internal import Catalog
internal import Contracts
internal import Drivers
internal import Glibc
internal import Loop
internal import Model
internal import Pool
internal import Synchronization
internal import Syslog
internal import Wire

/// One container that serves calls: its sandbox, its link, its log.
// SAFETY: everything mutable is confined to `loop`; `slot` is guarded by its pool.
final class Worker: FunctionLinkOwner, @unchecked Sendable {
    /// What of a container's output is kept for error messages, bytes.
    static let tailBytes = 4096
    /// How long a lost connection waits for the exit report that explains it, milliseconds.
    private static let exitGraceMilliseconds: UInt64 = 200

    let runnable: Runnable
    let sandbox: Sandbox
    let loop: EventLoop
    /// When its start began.
    let startedAt: Timestamp
    let coldNanos: UInt64
    /// What it holds of the machine.
    let claim: Claim
    /// Made when it is first frozen.
    let freezer = AtomicLazyReference<Freezer>()
    /// What is counted of its calls.
    let counts: WorkerCounts
    /// How the function is started, for formats that do so for each call.
    let plan: Assignment
    /// What replies get that do not have it themselves; `nil`: nothing.
    let responseHeaders: ResponseHeaders?
    /// `nil`: its app has none.
    let syslog: SyslogSource?
    private(set) lazy var slot = Slot(owner: self)
    // Not unowned: each call would count it up and down twice. A worker that has stopped is let go of by its pool.
    let dispatcher: Dispatcher
    private(set) var link: (any FunctionLink)?
    private var control: Watcher?
    var logEntry: QuietDescriptors.Entry?
    private var grace: LoopTimer?
    var patience: LoopTimer?
    var tail: [UInt8] = []
    /// Of functions that are told to say where each call begins.
    var frames: LogFrames?
    var current: Call?
    /// Sent behind it, and not begun.
    var ahead: Call?
    /// Streamed calls that run in it.
    private var streams: [ObjectIdentifier: Call] = [:]
    /// Calls whose own connection was lost, until it is known why.
    private var lostCalls: [(call: Call, reason: String)] = []
    private var isLinkLost = false
    private(set) var lostReason: String?
    private(set) var exit: SandboxExit?
    private var isStopped = false
    /// The call that paid for the start.
    private var isFresh = true

    /// On the loop.
    init(
        runnable: Runnable, sandbox: Sandbox, plan: Assignment, loop: EventLoop, startedAt: Timestamp,
        coldNanos: UInt64, claim: Claim, dispatcher: Dispatcher
    ) {
        self.runnable = runnable
        self.sandbox = sandbox
        self.loop = loop
        self.startedAt = startedAt
        self.coldNanos = coldNanos
        self.claim = claim
        self.plan = plan
        responseHeaders = ResponseHeaders(runnable.version.spec.headers)
        if runnable.version.spec.format == .httpStream { frames = LogFrames(name: LaunchPlan.logFrameName) }
        self.dispatcher = dispatcher
        counts = WorkerCounts(runnable, loop, dispatcher.counters)
        let function = runnable.function
        syslog = dispatcher.syslog?.source(
            url: runnable.syslogURL, app: function.appName.text, function: function.name.text,
            version: runnable.version.number, container: sandbox.id)
        let control = Watcher(loop, sandbox.control) { [weak self] _ in self?.readReports() }
        control.watch(.readable)
        self.control = control
        logEntry = loop.quietDescriptors.add(sandbox.log) { [weak self] in self?.readLog() ?? false }
    }

    /// Sets how the function is spoken to; on the loop.
    func attach(_ link: any FunctionLink) {
        self.link = link
    }

    // MARK: - Calls

    /// Sends a call into the container. On any thread.
    ///
    /// - Parameters:
    ///   - data: of the call's Request frame; borrowed. A streamed call has its own copy.
    ///   - wanted: what is in it, where somebody has looked; borrowed.
    ///   - moment: the present.
    func dispatch(
        _ call: Call, _ data: UnsafeRawBufferPointer, _ wanted: FunctionCall.Target? = nil, at moment: Moment
    ) {
        let now = moment.instant
        // Too late to start: a failure that nobody else has answered with yet.
        if now >= call.startBy { dispatcher.fail(call, dispatcher.waitedTooLong(call, now: now)) }
        guard call.begin(self, at: moment) else {
            // Answered while it waited: give the slot on.
            _ = call.leaveSlot()
            loop.run { [self] in giveBack(serviceNanos: 0) }
            return
        }
        if call.relay != nil || runnable.pool.limits.concurrency == 1 {
            if loop.isCurrent { adopt(call) } else { loop.post { [self] in adopt(call) } }
        }
        if let relay = call.relay {
            loop.run { [self] in
                link?.lend()
                relay.stream.session.loop.run { relay.begin(on: self, call: call) }
            }
            return
        }
        if let prepared = call.prepared {
            link?.send(prepared, for: call)
            return
        }
        guard let target = wanted ?? call.functionTarget(in: data) else { return }
        let left = call.deadline.nanoseconds(since: now)
        link?.send(
            FunctionCall(
                target: target, id: call.id,
                deadline: Timestamp(nanoseconds: moment.time.nanoseconds + Int64(clamping: left)),
                // 0 would mean: no deadline.
                timeoutNanos: max(Int64(clamping: left), 1), metadata: call.origin.metadata, path: call.path,
                token: call))
    }

    private func adopt(_ call: Call) {
        // It may have been answered on the way here.
        guard call.isRunning else { return }
        if let relay = call.relay {
            streams[ObjectIdentifier(call)] = call
            // It may have come to its end on the way here as well.
            if control == nil { relay.exited(endDescription, success: exit?.code == 0) }
        }
        guard runnable.pool.limits.concurrency == 1 else { return }
        // What the function wrote before is not this call's.
        if current == nil { loop.quietDescriptors.settle() }
        if current == nil || !runnable.pool.limits.queuesAhead { current = call } else { ahead = call }
    }

    func answered(_ token: AnyObject, _ reply: FunctionReply) {
        guard let call = token as? Call else { return }
        let now = Instant.now()
        let service = now.nanoseconds(since: call.startedAt ?? now)
        if current != nil { loop.quietDescriptors.lookOnce() }
        let cold = takeFresh()
        if ahead === call, case .message = reply { wasOutOfOrder() }
        if call.claim(at: now) { dispatcher.finish(call, reply, worker: self, coldNanos: cold) }
        forget(call)
        if case .broken = reply { retire(kill: runnable.pool.limits.concurrency == 1) }
        released(call, serviceNanos: service, now: now)
    }

    func wants(_ token: AnyObject) -> Bool {
        (token as? Call)?.isRunning ?? false
    }

    /// A function has ended a streamed call. Thread-safe.
    func streamEnded(_ call: Call, _ end: StreamEnd) {
        loop.run { [self] in
            if case .broken(let reason) = end {
                return callLost(call, reason)
            }
            let now = Instant.now()
            if current != nil { loop.quietDescriptors.lookOnce() }
            let cold = takeFresh()
            if call.claim(at: now) { dispatcher.finish(call, end, worker: self, coldNanos: cold) }
            forget(call)
            link?.takeBack()
            released(call, serviceNanos: now.nanoseconds(since: call.startedAt ?? now))
        }
    }

    /// The container cannot be trusted any more; its other calls may still finish. What ended it, if anything did, says
    /// more than a lost connection.
    func callLost(_ token: AnyObject, _ reason: String) {
        guard let call = token as? Call else { return }
        lostCalls.append((call, reason))
        retire(kill: false)
        if exit != nil || control == nil || isStopped { return failLostCalls() }
        if grace == nil { startGrace() }
    }

    func forget(_ call: Call) {
        if ahead === call { ahead = nil }
        if current === call {
            current = nil
            syslog?.endLine()
            moveUp()
        }
        guard call.relay != nil else { return }
        streams[ObjectIdentifier(call)] = nil
    }

    /// The call's time is over, or its caller has gone. On the loop.
    func abandon(_ call: Call) {
        if ahead != nil { return abandonOne(of: call) }
        link?.abandon(call)
        call.relay?.cancelFunction()
        forget(call)
        // A function that takes one call at a time is still busy with this one; nobody can use it.
        retire(kill: runnable.pool.limits.concurrency == 1)
        released(call, serviceNanos: 0)
    }

    func released(_ call: Call, serviceNanos: UInt64, now: Instant = .now()) {
        if call.leaveSlot() { giveBack(serviceNanos: serviceNanos, now: now) }
    }

    private func giveBack(serviceNanos: UInt64, now: Instant = .now()) {
        let yields = dispatcher.ledger.isPressed == .urgent && dispatcher.mayYield(runnable)
        let hand = runnable.pool.release(slot, serviceNanos: serviceNanos, yields: yields, now: now)
        dispatcher.act(on: hand, worker: self)
    }

    /// Gives back a slot whose call was not sent, because the container has ended. On any thread.
    func refuse() {
        retire(kill: false)
        giveBack(serviceNanos: 0)
    }

    func takeFresh() -> UInt64? {
        defer { isFresh = false }
        return isFresh ? coldNanos : nil
    }

    // MARK: - The end

    func linkLost(_ reason: String) {
        guard !isLinkLost, !isStopped else { return }
        isLinkLost = true
        // The report that explains it may be there already.
        if control != nil { readReports() }
        // That its program did not start says more than what follows from it.
        lostReason = lostReason ?? reason
        retire(kill: false)
        // Without a call in it, that was its end.
        if isStopped { return }
        if exit != nil || control == nil { return settlePending() }
        startGrace()
    }

    /// Its end is known, but perhaps not yet whether it was told of the calls that it has left.
    private func settlePending() {
        if link?.isUndecided == true { startGrace() } else { failPending() }
    }

    private func startGrace() {
        let timer = LoopTimer(loop) { [weak self] in
            guard let self else { return }
            guard self.isLinkLost || self.control == nil else { return self.failLostCalls() }
            self.sandbox.kill()
            self.failPending()
        }
        grace?.close()
        grace = timer
        timer.start(milliseconds: Self.exitGraceMilliseconds)
    }

    private func readReports() {
        while true {
            switch sandbox.nextReport() {
            case .pending: return
            case .report(.exited(let exit)):
                self.exit = exit
                ended()
                return
            case .report(.execFailed(let code)):
                lostReason = "its program does not start: \(String(cString: strerror(code)))"
                ended()
                return
            case .report: continue
            case .gone:
                ended()
                return
            }
        }
    }

    private func ended() {
        control?.close()
        control = nil
        readLog()
        let success = exit?.code == 0
        link?.exited(endDescription, success: success)
        for call in streams.values { call.relay?.exited(endDescription, success: success) }
        retire(kill: false)
        // What it said last tells whether the call behind the one that ran may have begun.
        if ahead != nil && !isLinkLost { startGrace() } else { settlePending() }
    }

    private func failPending() {
        grace?.close()
        grace = nil
        readLog()
        let description = endDescription
        let unbegun = isLinkLost ? ahead : nil
        ahead = nil
        sendUnreadElsewhere(description)
        for token in link?.takePending() ?? [] {
            guard let call = token as? Call else { continue }
            if call === unbegun {
                sendElsewhere(call, nil, description)
                continue
            }
            broke(call, description)
            forget(call)
            released(call, serviceNanos: 0)
        }
        failLostCalls()
    }

    private func failLostCalls() {
        if !isLinkLost {
            grace?.close()
            grace = nil
        }
        readLog()
        let lost = lostCalls
        lostCalls = []
        for (call, reason) in lost {
            let isAlive = exit == nil && control != nil && !sandbox.ranOutOfMemory
            let description = isAlive ? reason : endDescription
            broke(call, description)
            forget(call)
            released(call, serviceNanos: 0)
        }
    }

    func retire(kill: Bool) {
        if kill { sandbox.kill() }
        let hand = runnable.pool.event { $0.retire(slot, now: .now()) }
        dispatcher.act(on: hand, worker: self)
    }

    /// Ends the calls that run, and then the container. On the loop.
    func interrupt() {
        readLog()
        let calls = (link?.takePending() ?? []).compactMap { $0 as? Call } + streams.values
        for call in calls {
            dispatcher.interrupted(call, on: self)
            call.relay?.cancelFunction()
            forget(call)
            released(call, serviceNanos: 0)
        }
        stop()
    }

    /// Ends the container and removes it. On the loop; idempotent.
    func stop() {
        guard !isStopped else { return }
        isStopped = true
        syslog?.endLine()
        link?.close()
        control?.close()
        control = nil
        closeLog()
        patience?.close()
        patience = nil
        grace?.close()
        grace = nil
        dispatcher.remove(self)
    }
}
