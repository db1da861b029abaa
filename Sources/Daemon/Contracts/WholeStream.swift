internal import Loop
internal import Model
internal import Wire

/// A streamed call over contract `json` or `cloudevent`, which know whole bodies only: the request is sent when all of it
/// has come, and the reply told when all of it is there.
final class WholeStream: FunctionStream, FunctionPipesOwner {
    private weak var owner: (any FunctionStreamOwner)?
    /// `nil` when the function has answered.
    private var pipes: FunctionPipes?
    private let format: FunctionSpec.Format
    private let head: CallHead
    private var request: [UInt8] = []
    private var isSent = false
    private var reply: PipeReply
    /// What of the reply's body has not been told yet.
    private var rest: ArraySlice<UInt8>?
    private var isPaused = false
    private var isTelling = false
    private var exitDescription: String?

    /// On the loop.
    init(
        format: FunctionSpec.Format, loop: EventLoop, process: any FunctionProcess, head: CallHead,
        owner: any FunctionStreamOwner
    ) {
        self.owner = owner
        self.format = format
        self.head = head
        reply = PipeReply(format, to: head)
        pipes = FunctionPipes(loop: loop, process: process, owner: self)
    }

    func send(_ message: UnsafeRawBufferPointer) -> Bool {
        guard pipes != nil, !isSent else { return true }
        guard let payload = try? InvokeStreamScan(scanning: message).payload else {
            end(.unreadable, isInStep: true)
            return true
        }
        guard request.count + payload.count <= StreamLimits.wholeBytes else {
            let text =
                "payload: the body is over \(StreamLimits.wholeBytes) bytes, which format \(format.rawValue) takes at most"
            end(.refused(Failure(.tooLarge, text, quota: "request")), isInStep: true)
            return true
        }
        request.append(contentsOf: payload)
        return true
    }

    func endInput() {
        guard let pipes, !isSent else { return }
        let body = request
        request = []
        do throws(Failure) {
            let bytes = try body.withUnsafeBufferPointer { (body) throws(Failure) in
                try head.pipeRequest(format, UnsafeRawBufferPointer(body))
            }
            isSent = true
            pipes.write(bytes)
        } catch {
            end(.refused(error), isInStep: true)
        }
    }

    func pause() { isPaused = true }

    func resume() {
        isPaused = false
        tell()
    }

    func cancel() {
        owner = nil
        pipes?.spoil()
        pipes = nil
        rest = nil
    }

    func exited(_ description: String, success: Bool) {
        exitDescription = description
    }

    func pipesHaveRoom(_ pipes: FunctionPipes) {}

    func pipes(_ pipes: FunctionPipes, received bytes: UnsafeRawBufferPointer) -> Int {
        guard self.pipes != nil else { return bytes.count }
        guard isSent || bytes.allSatisfy(JSONReader.isBlank) else {
            end(.broken("it wrote to standard output before it was called"))
            return bytes.count
        }
        var position = 0
        do throws(MalformedReply) {
            guard let body = try reply.take(bytes, from: &position) else { return position }
            let isInStep = bytes[position...].allSatisfy(JSONReader.isBlank) && pipes.queued == 0
            if isInStep { pipes.close() } else { pipes.spoil() }
            self.pipes = nil
            rest = body.payload[...]
            isTelling = true
            owner?.deliver(contentType: body.contentType, headers: body.headers, of: self)
            isTelling = false
            tell()
        } catch {
            end(.broken("it broke format \(format.rawValue): \(error.reason)"))
        }
        return bytes.count
    }

    func pipesEnded(_ pipes: FunctionPipes) {
        end(.broken(exitDescription ?? "it closed its standard output"))
    }

    /// Tells as much of the reply as the owner takes.
    private func tell() {
        guard !isTelling else { return }
        isTelling = true
        defer { isTelling = false }
        while !isPaused, let rest, let owner {
            let part = rest.prefix(StreamLimits.chunkBytes)
            guard !part.isEmpty else {
                self.rest = nil
                self.owner = nil
                owner.functionStream(self, ended: .finished)
                return
            }
            self.rest = rest.dropFirst(part.count)
            part.withUnsafeBytes { owner.deliver($0, of: self) }
        }
    }

    private func end(_ how: FunctionStreamEnd, isInStep: Bool = false) {
        guard let pipes else { return }
        self.pipes = nil
        pipes.close(after: how, isInStep: isInStep)
        owner?.functionStream(self, ended: how)
        owner = nil
    }
}
