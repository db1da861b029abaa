internal import Loop
internal import Model
internal import Wire

/// A streamed call over contract `http`: request and response body on the function's standard input and output, as they
/// come.
final class PipeStream: FunctionStream, FunctionPipesOwner {
    private weak var owner: (any FunctionStreamOwner)?
    /// `nil` when the stream is over.
    private var pipes: FunctionPipes?
    private var parser: HTTPResponseParser
    private var body: HTTPRequestBody
    private var inputIsOpen = true
    private var exitDescription: String?

    /// Sends the head; on the loop.
    init(loop: EventLoop, process: any FunctionProcess, head: CallHead, owner: any FunctionStreamOwner) {
        self.owner = owner
        parser = HTTPResponseParser(answersHead: head.method == "HEAD")
        body = HTTPRequestBody(head.headers)
        let pipes = FunctionPipes(loop: loop, process: process, owner: self)
        self.pipes = pipes
        pipes.write(head.http(length: body.length))
    }

    func send(_ message: UnsafeRawBufferPointer) -> Bool {
        // Past its end nobody reads it.
        guard let pipes, inputIsOpen else { return true }
        guard let payload = try? InvokeStreamScan(scanning: message).payload else {
            end(.unreadable)
            return true
        }
        // An empty chunk would be the last one.
        guard payload.count > 0 else { return true }
        if let refusal = body.refusal(of: payload) {
            end(.refused(refusal))
            return true
        }
        guard StreamLimits.hasRoom(queued: pipes.queued, for: payload.count) else { return false }
        body.write(payload) { pipes.write(count: $0, $1) }
        return true
    }

    func endInput() {
        guard let pipes, inputIsOpen else { return }
        inputIsOpen = false
        if let refusal = body.end({ pipes.write(count: $0, $1) }) { end(.refused(refusal)) }
    }

    func pause() { pipes?.pause() }

    func resume() { pipes?.resume() }

    func cancel() {
        owner = nil
        pipes?.spoil()
        pipes = nil
    }

    func exited(_ description: String, success: Bool) {
        exitDescription = description
    }

    func pipesHaveRoom(_ pipes: FunctionPipes) { owner?.functionStreamHasRoom(self) }

    func pipes(_ pipes: FunctionPipes, received bytes: UnsafeRawBufferPointer) -> Int {
        var position = 0
        do throws(MalformedReply) {
            while self.pipes != nil, !pipes.isPaused {
                switch try parser.next(bytes, from: &position) {
                case .wait: return position
                case .head(let head):
                    let reply = try head.reply()
                    owner?.deliver(contentType: reply.contentType, headers: reply.headers, of: self)
                case .body(let piece): owner?.deliver(piece, of: self)
                case .end:
                    // The next answer must begin where this one ends, and so must the next request.
                    let isInStep = position == bytes.count && !inputIsOpen && pipes.queued == 0
                    end(.finished, isInStep: isInStep)
                }
            }
        } catch {
            end(.broken("it broke format http: \(error.reason)"))
        }
        return position
    }

    func pipesEnded(_ pipes: FunctionPipes) {
        end(parser.finish() ? .finished : .broken(exitDescription ?? "it closed its standard output"))
    }

    private func end(_ how: FunctionStreamEnd, isInStep: Bool = false) {
        guard let pipes else { return }
        self.pipes = nil
        // First: the next call uses them.
        pipes.close(after: how, isInStep: isInStep)
        owner?.functionStream(self, ended: how)
        owner = nil
    }
}
