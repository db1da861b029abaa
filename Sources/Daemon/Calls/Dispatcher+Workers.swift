internal import Catalog
internal import Contracts
internal import Drivers
internal import Glibc
internal import Loop
package import Model
internal import Pool

extension Dispatcher {
    /// Starts a container that the ledger has room for. Blocking.
    func makeWorker(_ claim: Claim) {
        guard let planned = claim.start as? PlannedStart else { preconditionFailure("BUG: a start of somebody else's") }
        makeWorker(planned.runnable, claim)
        if planned.next > 0 { startWorker(planned.runnable, next: planned.next - 1) }
    }

    private func makeWorker(_ runnable: Runnable, _ claim: Claim) {
        guard !runnable.pool.event({ $0.abandonsStart() }) else { return forget(claim) }
        let start = WorkerStart(runnable: runnable, container: newSandboxID(), time: .now())
        upkeep.add(start)
        let begun = Instant.now()
        let result = makeSandbox(runnable, id: start.container)
        let coldNanos = Instant.now().nanoseconds(since: begun)
        switch result {
        case .success(let ready):
            let loop = chooseLoop()
            loop.post { [self] in workerStarted(start, ready, claim, loop, coldNanos) }
            settle { $0.started(claim) }
        case .failure(let failure):
            forget(claim)
            startFailed(start, failure.failure, failure.exit)
        }
    }

    /// Nothing is left of a container.
    private func forget(_ claim: Claim) {
        counters.containers.change(by: -1)
        settle { $0.removed(claim) }
    }

    /// A sandbox whose function is ready for calls.
    private struct ReadySandbox: Sendable {
        let sandbox: Sandbox
        let plan: Assignment
        /// The first connection, for formats that keep one.
        let connection: Int32?
    }

    /// Why there is none.
    private struct StartFailure: Error {
        let failure: Failure
        /// `nil`: the function was not started, or lived.
        var exit: CallExit?

        static func before(_ failure: Failure) -> Result<ReadySandbox, StartFailure> {
            .failure(StartFailure(failure: failure))
        }
    }

    /// Blocking.
    private func makeSandbox(_ runnable: Runnable, id: String) -> Result<ReadySandbox, StartFailure> {
        let plan = LaunchPlan(runnable)
        let assignment = Assignment(
            arguments: plan.arguments, environment: plan.environment, workingDirectory: LaunchPlan.packagePath)
        let format = runnable.version.spec.format
        guard let package = runnable.version.package else {
            return StartFailure.before(
                Failure(.unimplemented, "\(runnable.name): images are not run by this daemon yet; deploy its code"))
        }
        let path: String
        switch packagePath(package) {
        case .success(let found): path = found
        case .failure(let failure): return StartFailure.before(failure)
        }
        // They go into the sandbox with the rest of what it is made from.
        let given: [SandboxSecret]
        switch secrets(runnable) {
        case .success(let values): given = values
        case .failure(let failure): return StartFailure.before(failure)
        }
        let root: RuntimeRoot
        do throws(Failure) { root = try RuntimeRoot(runnable.version.runtime.root, field: "root") } catch {
            return StartFailure.before(error)
        }
        let spec = SandboxSpec(
            id: id, spec: runnable.version.spec, packagePath: path,
            usesSocket: format.usesSocket, pipesStandardIO: !format.usesSocket, root: root,
            secrets: given)
        let sandbox: Sandbox
        do throws(Failure) { sandbox = try driver.start(spec) } catch {
            return StartFailure.before(
                Failure(error.code, "\(runnable.name): the container does not start: \(error.message)", cause: error))
        }
        guard format != .default else {
            return .success(ReadySandbox(sandbox: sandbox, plan: assignment, connection: nil))
        }
        do throws(Failure) {
            try sandbox.assign(assignment)
            // A function on pipes is ready when it reads; what ends it before that ends its first call.
            guard format.usesSocket else {
                return .success(ReadySandbox(sandbox: sandbox, plan: assignment, connection: nil))
            }
            // A connection is the proof: every server has a moment between bind and listen.
            let connection = try sandbox.awaitConnection(until: .now().advanced(byNanoseconds: initNanos))
            return .success(ReadySandbox(sandbox: sandbox, plan: assignment, connection: connection))
        } catch {
            let oom = sandbox.ranOutOfMemory
            let tail = Worker.describe(tail: readAvailable(sandbox.log))
            let exit = sandbox.exit
            sandbox.destroy()
            var reason = oom ? "it ran out of memory (limit \(spec.spec.memoryMiB) MiB)" : error.message
            if error.code == .timeout { reason += " (init-timeout, \(seconds(initNanos)))" }
            // Whatever went wrong from the assignment on is the function's doing, or time.
            let code: Failure.Code = error.code == .timeout ? .timeout : .functionFailed
            let ended = exit != nil || oom
            return .failure(
                StartFailure(
                    failure: Failure(code, "\(runnable.name): the function does not start: \(reason)\(tail)"),
                    exit: ended ? CallExit(code: exit?.code, signal: exit?.signal, ranOutOfMemory: oom) : nil))
        }
    }

    private func workerStarted(
        _ start: WorkerStart, _ ready: ReadySandbox, _ claim: Claim, _ loop: EventLoop, _ coldNanos: UInt64
    ) {
        let runnable = start.runnable
        let worker = Worker(
            runnable: runnable, sandbox: ready.sandbox, plan: ready.plan, loop: loop, startedAt: start.time,
            coldNanos: coldNanos, claim: claim, dispatcher: self)
        worker.counts.coldStarted(nanos: coldNanos)
        upkeep.add(worker)
        switch runnable.version.spec.format {
        case .ttrpc:
            guard let descriptor = ready.connection else { preconditionFailure("BUG: a ttrpc function is connected") }
            worker.attach(TtrpcLink(loop: loop, descriptor: descriptor, owner: worker))
        case .httpStream:
            let sandbox = ready.sandbox
            worker.attach(
                HTTPStreamLink(
                    loop: loop, descriptor: ready.connection,
                    connect: {
                        do throws(Failure) { return .success(try sandbox.connect()) } catch { return .failure(error) }
                    }, owner: worker))
        case .default:
            worker.attach(DefaultLink(loop: loop, sandbox: ready.sandbox, plan: ready.plan, owner: worker))
        case .http, .json, .cloudevent:
            worker.attach(
                PipeLink(
                    loop: loop, sandbox: ready.sandbox, format: runnable.version.spec.format, owner: worker))
        }
        let hand = runnable.pool.event { $0.started(worker.slot, coldNanos: coldNanos, now: .now()) }
        upkeep.remove(start)
        act(on: hand, worker: worker)
    }

    private func startFailed(_ start: WorkerStart, _ failure: Failure, _ exit: CallExit?) {
        let hand = start.runnable.pool.event { $0.startFailed(now: .now()) }
        upkeep.remove(start)
        let container = "container \(start.container)"
        // Once, however many calls it ends; a caller hears only of what its function did.
        if failure.code == .internalError {
            log("\(container) of \(start.runnable.name), which \(hand.calls.count) calls waited for: \(failure.report)")
        } else if hand.calls.isEmpty {
            log("\(container): \(failure.message)")
        }
        for case let call as Call in hand.calls { fail(call, failure, exit: exit, reportedBy: container) }
        if hand.start { startWorker(start.runnable) }
    }

    /// Whether a container has a package's files: one that is there, being made or removed, or that calls wait for,
    /// in its pool or for their listeners.
    /// Thread-safe.
    package func usesPackage(_ digest: Digest) -> Bool { upkeep.usesPackage(digest) }

    /// Removes a stopped worker's sandbox.
    func remove(_ worker: Worker) {
        let pool = worker.runnable.pool
        let hasNoneLeft = pool.event { $0.ready == 0 && $0.isStarting }
        settle { machine in
            machine.leaving(worker.claim)
            if hasNoneLeft { machine.raise(pool) }
        }
        removers.post { [self] in
            // The v1 freezer would keep it from dying.
            worker.thaw()
            worker.sandbox.destroy()
            upkeep.remove(worker)
            forget(worker.claim)
        }
    }

    private func newSandboxID() -> String {
        var system = SystemRandomNumberGenerator()
        return Identifier(now: .now(), using: &system).description.lowercased()
    }

    /// What is in a nonblocking pipe now, its last 4 KiB.
    private func readAvailable(_ descriptor: Int32) -> [UInt8] {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        for _ in 0..<256 {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            result = Array((result + buffer[..<count]).suffix(4096))
        }
        return result
    }
}
