internal import CLinux
internal import Glibc
internal import Loop

/// Who speaks to a function over its standard input and output. Called on the pipes' loop.
protocol FunctionPipesOwner: AnyObject {
    /// The function wrote; `bytes` are valid only during the call.
    ///
    /// - Returns: how many are done with; the others come again with what follows them, or after
    ///   ``FunctionPipes/resume()``.
    func pipes(_ pipes: FunctionPipes, received bytes: UnsafeRawBufferPointer) -> Int
    /// What waits to be written has fallen to ``StreamLimits/roomBytes`` after it was above.
    func pipesHaveRoom(_ pipes: FunctionPipes)
    /// The function has closed its standard output.
    func pipesEnded(_ pipes: FunctionPipes)
}

/// Standard input and output of a function. They are the sandbox's: this only uses them, until it is closed. Loop-confined.
final class FunctionPipes {
    /// What is read at once, bytes: as much as a pipe usually holds.
    private static let readBytes = 64 << 10
    /// How often it is read in one turn, so that a function that writes for ever does not hold the loop.
    private static let readsPerTurn = 16

    private weak var owner: (any FunctionPipesOwner)?
    private let process: any FunctionProcess
    private var inputWatcher: Watcher?
    private var outputWatcher: Watcher?
    /// Input that the pipe did not take yet.
    private var pending = ByteQueue()
    /// Output that the owner is not done with.
    private var unread = ByteQueue()
    private(set) var isPaused = false
    private(set) var isReading = false
    private var hadNoRoom = false
    private var endsInput = false
    /// What the pipe took since ``begin(_:)``, bytes.
    private var written = 0
    /// Standard input was closed because nobody reads it, and nothing of that was read.
    private var wasUnread = false
    private var isClosed = false

    /// - Parameter owner: held weakly; told nothing before this returns.
    init(loop: EventLoop, process: any FunctionProcess, owner: any FunctionPipesOwner) {
        self.process = process
        self.owner = owner
        if let descriptor = process.output {
            let watcher = Watcher(loop, descriptor) { [weak self] _ in self?.read() }
            watcher.watch(.readable)
            outputWatcher = watcher
        }
        if let descriptor = process.input {
            inputWatcher = Watcher(loop, descriptor) { [weak self] _ in self?.inputIsReady() }
        }
    }

    deinit { close() }

    /// Uses them no more; idempotent. They stay open.
    func close() {
        isClosed = true
        inputWatcher?.close()
        inputWatcher = nil
        outputWatcher?.close()
        outputWatcher = nil
    }

    /// Uses them no more when a streamed call is over.
    ///
    /// - Parameter isInStep: the next call can be written where this one ended.
    func close(after how: FunctionStreamEnd, isInStep: Bool) {
        switch how {
        // A container that broke its contract goes anyway, and how it ends by itself says more.
        case .broken: close()
        case _ where isInStep: close()
        default: spoil()
        }
    }

    /// Uses them no more, and closes standard input: nobody may write a call to this function again.
    func spoil() {
        close()
        process.closeInput()
    }

    // MARK: - To the function

    /// What waits to be written, bytes.
    var queued: Int { pending.count }

    /// Writes, now or when the function reads; there is no limit, so look at ``queued`` before.
    func write(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        guard inputWatcher != nil else { return }
        pending.append(count: count, fill)
        flush()
        hadNoRoom = hadNoRoom || pending.count > StreamLimits.roomBytes
    }

    func write(_ bytes: [UInt8]) {
        write(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    /// Writes a request.
    func begin(_ request: [UInt8]) {
        written = 0
        wasUnread = process.input == nil
        write(request)
    }

    /// Whether nothing was read of the request, and nobody can read it any more; `nil`: somebody still can. System calls.
    var isUnread: Bool? {
        guard let descriptor = process.input else { return wasUnread }
        var hasReader: Int32 = 0
        // What comes before it in the pipe was read before it.
        guard Int(fnrpc_pipe_left(descriptor, &hasReader)) >= written else { return false }
        return hasReader == 0 ? true : nil
    }

    /// Closes standard input when everything is written.
    func endInput() {
        endsInput = true
        if pending.count == 0 { closeInput() }
    }

    private func closeInput() {
        inputWatcher?.close()
        inputWatcher = nil
        pending.removeAll()
        process.closeInput()
    }

    private func inputIsReady() {
        flush()
        guard hadNoRoom, pending.count <= StreamLimits.roomBytes else { return }
        hadNoRoom = false
        owner?.pipesHaveRoom(self)
    }

    private func flush() {
        while let descriptor = process.input, pending.count > 0 {
            let bytes = pending.bytes
            let count = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
            if count > 0 {
                pending.consume(count)
                written += count
            } else if errno == EAGAIN {
                inputWatcher?.watch(.writable)
                return
            } else if errno != EINTR {
                // It does not want its input; that is its right.
                wasUnread = isUnread ?? false
                closeInput()
            }
        }
        inputWatcher?.watch([])
        if endsInput { closeInput() }
    }

    // MARK: - From the function

    /// Reads no more until ``resume()``; idempotent.
    func pause() {
        isPaused = true
        outputWatcher?.watch([])
    }

    /// Goes on, with what was not done with first.
    func resume() {
        guard isPaused else { return }
        isPaused = false
        outputWatcher?.watch(.readable)
        read()
    }

    /// Gives the owner what has come, now.
    func read() {
        // Whoever is being told goes on when it returns.
        guard !isReading else { return }
        isReading = true
        defer { isReading = false }
        offer()
        for _ in 0..<Self.readsPerTurn {
            guard !isClosed, !isPaused, outputWatcher != nil, let descriptor = process.output else { return }
            let room = unread.room(Self.readBytes)
            let count = Glibc.read(descriptor, room.baseAddress, min(room.count, Self.readBytes))
            if count > 0 {
                unread.commit(count)
                offer()
            } else if count < 0 && errno == EAGAIN {
                return
            } else if count == 0 || errno != EINTR {
                outputWatcher?.close()
                outputWatcher = nil
                owner?.pipesEnded(self)
                return
            }
        }
    }

    private func offer() {
        guard unread.count > 0, !isClosed, !isPaused, let owner else { return }
        unread.consume(owner.pipes(self, received: unread.bytes))
    }
}
