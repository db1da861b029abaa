import CLinux
import Glibc
import Model

/// What a sandbox holds on the host, as its driver made it.
package protocol SandboxResources: Sendable {
    /// Whether the kernel killed something in it for want of memory.
    var ranOutOfMemory: Bool { get }
    /// Time of processors that it has used, nanoseconds; `nil`: not known. Reads files.
    var processorNanos: UInt64? { get }
    /// Whether process 1 ends with this process if it asks the kernel for that: it is a child of its first thread.
    var canBeTied: Bool { get }
    /// What stops it in its tracks and lets it go on; `nil` if the machine has nothing for that. Opens a file.
    func makeFreezer() -> Freezer?
    /// Removes every trace, of a half-made sandbox too. Blocks. Called once.
    func release()
}

/// A running sandbox. Thread-safe.
///
/// Its owner calls ``destroy()`` when it is done with it. The descriptors stay open until the last reference is gone,
/// so that no loop watches a number that already means something else.
package final class Sandbox: Sendable {
    /// The id of its spec.
    package let id: String
    /// Readable when ``nextReport()`` has something to say. Non-blocking. When it is closed the sandbox ends.
    package let control: Int32
    /// Read end of standard error, or of standard output and error together. Non-blocking.
    package let log: Int32
    /// Read end of standard output; `nil` if it goes to ``log``. Non-blocking.
    package let output: Int32?
    /// A pidfd of process 1; readable when the whole sandbox has ended.
    package let process: Int32
    /// Host folder of the function's socket.
    let socketFolder: String?

    private struct State {
        var input: Int32?
        var order = ReportOrder()
        var gone = false
        var isTied = false
        var exit: SandboxExit?
    }

    private let resources: any SandboxResources
    private let state: Lock<State>
    private let destroyed = Lock(false)

    /// - Parameters:
    ///   - descriptors: owned from here on.
    ///   - process: a pidfd of process 1, which is a child of this process; owned from here on.
    init(
        id: String, descriptors: SandboxDescriptors.Ends, process: Int32, socketFolder: String?,
        resources: any SandboxResources
    ) {
        self.id = id
        control = descriptors.control
        log = descriptors.log
        output = descriptors.output
        state = Lock(State(input: descriptors.input))
        self.process = process
        self.socketFolder = socketFolder
        self.resources = resources
    }

    deinit {
        for descriptor in [control, log, output, input, process] {
            if let descriptor { close(descriptor) }
        }
    }

    /// Write end of standard input; `nil` if it is empty or was closed. Non-blocking.
    package var input: Int32? { state.withLock { $0.input } }

    /// Closes standard input: the function reads end of file. Nobody may be writing to it. Idempotent.
    package func closeInput() {
        state.withLock { state in
            if let input = state.input { close(input) }
            state.input = nil
        }
    }

    /// How the function ended; `nil` until ``nextReport()`` has seen it.
    package var exit: SandboxExit? { state.withLock { $0.exit } }

    /// Whether the kernel killed something in it for want of memory. Reads files; meaningful until ``destroy()``.
    package var ranOutOfMemory: Bool { resources.ranOutOfMemory }

    /// Time of processors that it has used, nanoseconds; `nil`: not known. Reads files.
    package var processorNanos: UInt64? { resources.processorNanos }

    /// What stops it in its tracks and lets it go on; `nil` if the machine has nothing for that, or it has gone, or it has
    /// to be asked again: process 1 is told first that it ends with this process. Opens a file; to be thawed before
    /// ``destroy()``. Used by one thread at a time.
    package func makeFreezer() -> Freezer? {
        if state.withLock({ $0.isTied }) { return resources.makeFreezer() }
        if resources.canBeTied, send(ControlRecord.tie) { state.withLock { $0.isTied = true } }
        return nil
    }

    /// Tells a waiting sandbox what to run. Does not block; what comes of it is reported.
    ///
    /// - Throws: `invalid` for an assignment over its limits, `unavailable` if the sandbox has ended.
    package func assign(_ assignment: Assignment) throws(Failure) {
        guard send(try ControlRecord.assign(assignment)) else {
            let code = errno
            throw Failure(.unavailable, "sandbox \(id): it takes no assignment: \(Posix.text(code))")
        }
    }

    private func send(_ record: [UInt8]) -> Bool {
        let count = record.withUnsafeBytes { bytes in
            Posix.retrying {
                Glibc.send(control, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
            }
        }
        return count == record.count
    }

    /// Takes one record. Does not block.
    ///
    /// Every byte is treated as hostile: what is malformed or out of order ends the sandbox.
    package func nextReport() -> SandboxEvent {
        let event = state.withLock { state -> SandboxEvent in
            if state.gone { return .gone }
            let event = receive(&state.order)
            if case .report(.exited(let exit)) = event { state.exit = exit }
            if event == .gone { state.gone = true }
            return event
        }
        if event == .gone { kill() }
        return event
    }

    private func receive(_ order: inout ReportOrder) -> SandboxEvent {
        // 56 bytes, more than the longest report, so that a longer record is recognised.
        var buffer: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0)
        return withUnsafeMutableBytes(of: &buffer) { bytes in
            for _ in 0..<16 {
                let count = recv(
                    control, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT | MSG_TRUNC))
                if count < 0 {
                    if errno == EAGAIN { return .pending }
                    // ECONNRESET is told once, ahead of records that are still there.
                    if errno == EINTR || errno == ECONNRESET { continue }
                    return .gone
                }
                guard count > 0, count <= bytes.count,
                    let report = ControlRecord.report(UnsafeRawBufferPointer(rebasing: bytes[..<count])),
                    order.accepts(report)
                else { return .gone }
                return .report(report)
            }
            return .gone
        }
    }

    /// Whether the whole sandbox has ended, also if nobody has looked at ``control`` since. A system call.
    package var hasEnded: Bool {
        var entry = pollfd(fd: process, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 1
    }

    /// Sends SIGTERM to the function's process group; a waiting sandbox ends. Does not block. Idempotent.
    package func terminate() { _ = fnrpc_pidfd_send_signal(process, SIGTERM) }

    /// Ends every process of the sandbox. Does not wait for it. Idempotent.
    package func kill() { _ = fnrpc_pidfd_send_signal(process, SIGKILL) }

    /// Kills, waits for the end, and removes every trace from the host. Blocks for some 10 ms. Idempotent: who comes
    /// second returns when the first is done.
    package func destroy() {
        destroyed.withLock { destroyed in
            if destroyed { return }
            destroyed = true
            endProcess(process)
            resources.release()
        }
    }
}

/// Kills process 1 of a sandbox, and with it all others; waits and reaps.
func endProcess(_ process: Int32) {
    _ = fnrpc_pidfd_send_signal(process, SIGKILL)
    // Bounded: a process in an uninterruptible wait must not stop the daemon.
    _ = Posix.wait(for: [process], until: .now().advanced(byNanoseconds: 10_000_000_000))
    var exit = fnrpc_exit()
    _ = fnrpc_pidfd_reap(process, &exit)
}
