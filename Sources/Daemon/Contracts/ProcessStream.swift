internal import Drivers
internal import Glibc
internal import Loop
internal import Model
internal import Wire

/// What of a sandbox a function of format `default` is spoken to by.
protocol FunctionProcess {
    /// Write end of standard input; `nil` if it was closed. Non-blocking.
    var input: Int32? { get }
    /// Read end of standard output. Non-blocking.
    var output: Int32? { get }
    /// Starts it.
    func assign(_ assignment: Assignment) throws(Failure)
    /// Closes standard input; idempotent.
    func closeInput()
}

extension Sandbox: FunctionProcess {}

/// A streamed call over contract `default`: standard input and output of the container's one process, as they come. Its
/// end is the process' end.
final class ProcessStream: FunctionStream {
    /// What is read at once, bytes: as much as a pipe usually holds.
    private static let readBytes = 64 << 10
    /// How often it is read in one turn, so that a function that writes for ever does not hold the loop.
    private static let readsPerTurn = 16

    private weak var owner: (any FunctionStreamOwner)?
    private let process: any FunctionProcess
    private var inputWatcher: Watcher?
    private var outputWatcher: Watcher?
    /// Input that the pipe did not take yet.
    private var pending = ByteQueue()
    private var inputIsOpen = true
    private var isPaused = false
    private var isReading = false
    private var lacksRoom = false
    private var isOver = false
    private var exit: (description: String, success: Bool)?

    /// Starts the process; on the loop.
    ///
    /// - Parameter plan: command line and environment without what belongs to the call.
    /// - Throws: `invalid` if the call's headers make the environment too long, `unavailable` if the sandbox has ended.
    init(
        loop: EventLoop, process: any FunctionProcess, plan: Assignment, call: FunctionStreamCall,
        contentType: UnsafeRawBufferPointer, headers: [CallHeader], owner: any FunctionStreamOwner
    ) throws(Failure) {
        self.owner = owner
        self.process = process
        try process.assign(CallHead(call, contentType: contentType, headers: headers).assignment(plan))
        if let descriptor = process.output {
            let watcher = Watcher(loop, descriptor) { [weak self] _ in self?.outputIsReady() }
            watcher.watch(.readable)
            outputWatcher = watcher
        }
        if let descriptor = process.input {
            inputWatcher = Watcher(loop, descriptor) { [weak self] _ in self?.inputIsReady() }
        }
    }

    deinit { stop() }

    // MARK: - Input

    func send(_ message: UnsafeRawBufferPointer) -> Bool {
        // A function that has closed its input does not want it; that is its right.
        guard !isOver, inputIsOpen else { return true }
        guard let payload = try? InvokeStreamScan(scanning: message).payload else {
            end(.failed(code: 3, message: "a message of the stream does not parse"))
            return true
        }
        guard StreamLimits.hasRoom(queued: pending.count, for: payload.count) else {
            lacksRoom = true
            return false
        }
        pending.append(payload)
        writeInput()
        return true
    }

    func endInput() {
        inputIsOpen = false
        if pending.count == 0 { closeInput() }
    }

    private func inputIsReady() {
        writeInput()
        guard lacksRoom, pending.count <= StreamLimits.roomBytes else { return }
        lacksRoom = false
        owner?.functionStreamHasRoom(self)
    }

    private func writeInput() {
        guard let descriptor = process.input else { return drop() }
        while pending.count > 0 {
            let bytes = pending.bytes
            let count = write(descriptor, bytes.baseAddress, bytes.count)
            if count > 0 {
                pending.consume(count)
            } else if errno == EAGAIN {
                inputWatcher?.watch(.writable)
                return
            } else if errno != EINTR {
                return drop()
            }
        }
        inputWatcher?.watch([])
        if !inputIsOpen { closeInput() }
    }

    /// Nobody reads it any more.
    private func drop() {
        inputIsOpen = false
        pending.consume(pending.count)
        closeInput()
    }

    private func closeInput() {
        inputWatcher?.close()
        inputWatcher = nil
        process.closeInput()
    }

    // MARK: - Output

    func pause() {
        isPaused = true
        outputWatcher?.watch([])
    }

    func resume() {
        isPaused = false
        outputWatcher?.watch(.readable)
        if exit != nil { drain() }
    }

    func exited(_ description: String, success: Bool) {
        guard !isOver, exit == nil else { return }
        exit = (description, success)
        drain()
    }

    /// The process has ended: what is in the pipe is all that counts. A child that keeps it open keeps nobody waiting.
    private func drain() {
        guard !isPaused, !isReading else { return }
        readOutput()
        guard !isPaused, !isOver, let exit else { return }
        end(exit.success ? .finished : .failed(code: 2, message: exit.description))
    }

    private func outputIsReady() {
        readOutput()
        if exit != nil { drain() }
    }

    private func readOutput() {
        guard let descriptor = process.output, !isReading else { return }
        isReading = true
        defer { isReading = false }
        let room = InvokeStreamPayload.headroom
        withUnsafeTemporaryAllocation(byteCount: room + Self.readBytes, alignment: 16) { buffer in
            for _ in 0..<Self.readsPerTurn {
                guard outputWatcher != nil, !isPaused else { return }
                let count = read(descriptor, buffer.baseAddress.map { $0 + room }, Self.readBytes)
                if count > 0 {
                    let message = InvokeStreamPayload.message(in: .init(rebasing: buffer[..<(room + count)]))
                    owner?.functionStream(self, received: message)
                } else if count < 0 && errno == EAGAIN {
                    return
                } else if count == 0 || errno != EINTR {
                    outputWatcher?.close()
                    outputWatcher = nil
                    return
                }
            }
        }
    }

    // MARK: - The end

    func cancel() {
        owner = nil
        isOver = true
        stop()
    }

    private func end(_ how: FunctionStreamEnd) {
        guard !isOver else { return }
        isOver = true
        stop()
        owner?.functionStream(self, ended: how)
        owner = nil
    }

    private func stop() {
        inputIsOpen = false
        closeInput()
        outputWatcher?.close()
        outputWatcher = nil
    }
}
