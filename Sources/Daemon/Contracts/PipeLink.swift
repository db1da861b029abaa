package import Drivers
package import Loop
package import Model
internal import Wire

/// Contracts `http`, `json` and `cloudevent`: one request after the other on standard input, one answer each on standard
/// output.
///
/// The pipes have nothing that would tell answers apart: a function that writes anything else between them, or ends its
/// answer before its request was read, is not called again.
// SAFETY: everything is loop-confined; `send` goes to the loop first.
package final class PipeLink: FunctionLink, FunctionPipesOwner, @unchecked Sendable {
    private let loop: EventLoop
    private let process: any FunctionProcess
    private let format: FunctionSpec.Format
    private weak var owner: (any FunctionLinkOwner)?
    /// `nil`: a streamed call has them, or the link is closed.
    private var pipes: FunctionPipes?
    private var current: AnyObject?
    private var reply: PipeReply?
    /// The call's, until something of an answer came.
    private var unanswered: PreparedRequest?
    private var isClosed = false
    /// Why no call can be sent any more; `nil`: one can.
    private var spoiledBy: String?

    /// On the loop.
    ///
    /// - Parameters:
    ///   - sandbox: its function has been started.
    ///   - format: `http`, `json` or `cloudevent`.
    package convenience init(
        loop: EventLoop, sandbox: Sandbox, format: FunctionSpec.Format, owner: any FunctionLinkOwner
    ) {
        self.init(loop: loop, process: sandbox, format: format, owner: owner)
    }

    init(
        loop: EventLoop, process: any FunctionProcess, format: FunctionSpec.Format, owner: any FunctionLinkOwner
    ) {
        self.loop = loop
        self.process = process
        self.format = format
        self.owner = owner
        takeBack()
    }

    package func send(_ call: FunctionCall) {
        let token = UncheckedToken(call.token)
        guard case .invoke(let invoke) = call.target else {
            return loop.run { [self] in owner?.answered(token.object, .hasNoServices) }
        }
        let head = CallHead(call, invoke)
        let request: [UInt8]
        do throws(Failure) { request = try head.pipeRequest(format, invoke.payload) } catch {
            return loop.run { [self] in owner?.answered(token.object, .refused(error)) }
        }
        send(
            PreparedRequest(bytes: request, bodyCount: invoke.payload.count, reply: PipeReply(format, to: head)),
            for: token.object)
    }

    package func send(_ request: PreparedRequest, for token: AnyObject) {
        let token = UncheckedToken(token)
        loop.run { [self] in begin(request, token.object) }
    }

    private func begin(_ request: PreparedRequest, _ token: AnyObject) {
        guard owner?.wants(token) == true else { return }
        // What was said since the last answer must not be taken for this one.
        pipes?.read()
        guard !isClosed, spoiledBy == nil, let pipes else {
            owner?.callNotBegun(token, request, spoiledBy ?? "its container was closed")
            return
        }
        current = token
        reply = request.reply
        unanswered = request
        pipes.begin(request.bytes)
    }

    private static let left = "it was left with a part of a call"
    private static let unasked = "it wrote to standard output what belongs to no call"

    // MARK: - Answers

    func pipes(_ pipes: FunctionPipes, received bytes: UnsafeRawBufferPointer) -> Int {
        guard current != nil else {
            if !isBlank(bytes[...]) { lost(Self.unasked) }
            return bytes.count
        }
        if !isBlank(bytes[...]) { unanswered = nil }
        var position = 0
        do throws(MalformedReply) {
            guard let body = try reply?.take(bytes, from: &position) else { return position }
            finish(body, isLast: !isBlank(bytes[position...]) || pipes.queued > 0 || process.input == nil)
            return bytes.count
        } catch {
            fail(error)
            return bytes.count
        }
    }

    /// Whether bytes between two answers mean nothing: with JSON, blanks do not.
    private func isBlank(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        format == .http ? bytes.isEmpty : bytes.allSatisfy(JSONReader.isBlank)
    }

    func pipesEnded(_ pipes: FunctionPipes) {
        do throws(MalformedReply) {
            guard let body = try reply?.finish() else { return lost("it closed its standard output") }
            finish(body, isLast: true)
        } catch { fail(error) }
    }

    func pipesHaveRoom(_ pipes: FunctionPipes) {}

    private func finish(_ body: InvokeBody, isLast: Bool) {
        guard let token = current else { return }
        current = nil
        reply = nil
        unanswered = nil
        // Before the answer, which would bring the next call.
        if isLast { lost(Self.unasked) }
        owner?.answered(token, .body(body))
    }

    private func fail(_ malformed: MalformedReply) {
        guard let token = current else { return }
        current = nil
        reply = nil
        let reason = "it broke format \(format.rawValue): \(malformed.reason)"
        spoiledBy = reason
        pipes?.close()
        owner?.answered(token, .broken(reason))
    }

    private func lost(_ reason: String) {
        guard spoiledBy == nil else { return }
        spoiledBy = reason
        pipes?.close()
        owner?.linkLost(reason)
    }

    // MARK: - Its life

    package func abandon(_ token: AnyObject) {
        guard current === token else { return }
        current = nil
        reply = nil
        spoiledBy = Self.left
        pipes?.close()
    }

    package func takePending() -> [AnyObject] {
        defer { current = nil }
        return current.map { [$0] } ?? []
    }

    package var isUndecided: Bool {
        guard current != nil, unanswered != nil, let pipes else { return false }
        return pipes.isUnread == nil
    }

    package func takeUnread() -> [(token: AnyObject, request: PreparedRequest)] {
        guard let token = current, let unanswered, pipes?.isUnread == true else { return [] }
        current = nil
        return [(token, unanswered)]
    }

    package func exited(_ description: String, success: Bool) {
        pipes?.read()
        // A child may keep the pipes open.
        if current == nil, pipes != nil { lost(description) }
    }

    package func lend() {
        pipes?.close()
        pipes = nil
    }

    package func takeBack() {
        guard !isClosed, spoiledBy == nil, pipes == nil else { return }
        // A streamed call that left them in the middle of something has closed it.
        guard process.input != nil else { return lost(Self.left) }
        pipes = FunctionPipes(loop: loop, process: process, owner: self)
    }

    package func close() {
        isClosed = true
        pipes?.close()
        pipes = nil
    }
}

extension CallHead {
    /// A whole request to a function of format `http`, `json` or `cloudevent`.
    ///
    /// - Throws: what is wrong with the caller's body.
    func pipeRequest(
        _ format: FunctionSpec.Format, _ body: UnsafeRawBufferPointer
    ) throws(Failure) -> [UInt8] {
        switch format {
        case .http: return http(length: body.count) + body
        case .json: return json(body)
        default: return try cloudEvent(body)
        }
    }
}
