internal import Catalog
internal import Contracts
internal import Drivers
internal import Glibc
internal import Loop
package import Model
internal import Pool

extension Dispatcher {
    /// Starts a container for a function; its pool has counted it as starting.
    ///
    /// - Parameter next: how many more to start after it, one by one.
    func startWorker(_ runnable: Runnable, next: UInt32 = 0) {
        counters.containers.change(by: 1)
        upkeep.watch(runnable)
        let loop = chooseLoop()
        starters.post { [self] in
            makeWorker(runnable, loop)
            if next > 0 { startWorker(runnable, next: next - 1) }
        }
    }

    /// Blocking.
    private func makeWorker(_ runnable: Runnable, _ loop: EventLoop) {
        guard !runnable.pool.event({ $0.abandonsStart() }) else {
            counters.containers.change(by: -1)
            return
        }
        let start = WorkerStart(runnable: runnable, container: newSandboxID(), time: .now())
        upkeep.add(start)
        let begun = Instant.now()
        let result = makeSandbox(runnable, id: start.container)
        let coldNanos = Instant.now().nanoseconds(since: begun)
        switch result {
        case .success(let ready):
            loop.post { [self] in workerStarted(start, ready, loop, coldNanos) }
        case .failure(let failure):
            counters.containers.change(by: -1)
            startFailed(start, failure.failure, failure.exit)
        }
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
                Failure(.unimplemented, "\(runnable.name): images are not run by this daemon yet"))
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
            usesSocket: format != .default, pipesStandardIO: format == .default, root: root,
            secrets: given)
        let sandbox: Sandbox
        do throws(Failure) { sandbox = try driver.start(spec) } catch {
            return StartFailure.before(
                Failure(error.code, "\(runnable.name): the container does not start: \(error.message)"))
        }
        guard format != .default else {
            return .success(ReadySandbox(sandbox: sandbox, plan: assignment, connection: nil))
        }
        do throws(Failure) {
            try sandbox.assign(assignment)
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

    private func workerStarted(_ start: WorkerStart, _ ready: ReadySandbox, _ loop: EventLoop, _ coldNanos: UInt64) {
        let runnable = start.runnable
        let worker = Worker(
            runnable: runnable, sandbox: ready.sandbox, plan: ready.plan, loop: loop, startedAt: start.time,
            coldNanos: coldNanos, dispatcher: self)
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
        case .http, .json, .cloudevent: preconditionFailure("BUG: calls of this format are refused")
        }
        let hand = runnable.pool.event { $0.started(worker.slot, coldNanos: coldNanos, now: .now()) }
        upkeep.remove(start)
        act(on: hand, worker: worker)
    }

    private func startFailed(_ start: WorkerStart, _ failure: Failure, _ exit: CallExit?) {
        let hand = start.runnable.pool.event { $0.startFailed(now: .now()) }
        upkeep.remove(start)
        // Who scaled up has long had an answer.
        if hand.calls.isEmpty { log(failure.message) }
        for case let call as Call in hand.calls { fail(call, failure, exit: exit) }
        if hand.start { startWorker(start.runnable) }
    }

    /// Whether a container has a package's files: one that is there, being made or removed, or that calls wait for.
    /// Thread-safe.
    package func usesPackage(_ digest: Digest) -> Bool { upkeep.usesPackage(digest) }

    /// Removes a stopped worker's sandbox.
    func remove(_ worker: Worker) {
        removers.post { [self] in
            worker.sandbox.destroy()
            upkeep.remove(worker)
            counters.containers.change(by: -1)
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
