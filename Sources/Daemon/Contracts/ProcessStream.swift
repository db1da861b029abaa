internal import CLinux
internal import Drivers
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

extension FunctionProcess {
    /// Refuses to write to a function that cannot read it.
    func requireReader() throws(Failure) {
        var hasReader: Int32 = 0
        guard let input, fnrpc_pipe_left(input, &hasReader) >= 0, hasReader != 0 else {
            throw Failure(.unavailable, "it closed its standard input")
        }
    }
}

/// A streamed call over contract `default`: standard input and output of the container's one process, as they come. Its
/// end is the process' end.
final class ProcessStream: FunctionStream, FunctionPipesOwner {
    private weak var owner: (any FunctionStreamOwner)?
    /// `nil` when the stream is over.
    private var pipes: FunctionPipes?
    private var inputIsOpen = true
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
        try process.assign(CallHead(call, contentType: contentType, headers: headers).assignment(plan))
        pipes = FunctionPipes(loop: loop, process: process, owner: self)
    }

    func send(_ message: UnsafeRawBufferPointer) -> Bool {
        guard let pipes, inputIsOpen else { return true }
        guard let payload = try? InvokeStreamScan(scanning: message).payload else {
            end(.unreadable)
            return true
        }
        guard StreamLimits.hasRoom(queued: pipes.queued, for: payload.count) else { return false }
        pipes.write(count: payload.count) { $0.copyMemory(from: payload) }
        return true
    }

    func endInput() {
        inputIsOpen = false
        pipes?.endInput()
    }

    func pause() { pipes?.pause() }

    func resume() {
        pipes?.resume()
        drain()
    }

    func exited(_ description: String, success: Bool) {
        guard exit == nil else { return }
        exit = (description, success)
        drain()
    }

    func cancel() {
        owner = nil
        pipes?.spoil()
        pipes = nil
    }

    func pipes(_ pipes: FunctionPipes, received bytes: UnsafeRawBufferPointer) -> Int {
        let part = UnsafeRawBufferPointer(rebasing: bytes.prefix(StreamLimits.chunkBytes))
        owner?.deliver(part, of: self)
        return part.count
    }

    func pipesHaveRoom(_ pipes: FunctionPipes) { owner?.functionStreamHasRoom(self) }

    func pipesEnded(_ pipes: FunctionPipes) {}

    /// The process has ended: what is in the pipe is all that counts. A child that keeps it open keeps nobody waiting.
    private func drain() {
        guard let exit, let pipes, !pipes.isReading else { return }
        pipes.read()
        guard !pipes.isPaused else { return }
        end(exit.success ? .finished : .failed(code: 2, message: exit.description))
    }

    private func end(_ how: FunctionStreamEnd) {
        guard let pipes else { return }
        self.pipes = nil
        pipes.spoil()
        owner?.functionStream(self, ended: how)
        owner = nil
    }
}
