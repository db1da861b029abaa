package import Drivers
package import Loop
internal import Model
internal import Wire

/// Contract `default`: the container's one process reads the body on standard input and writes the reply on standard
/// output; then it ends.
// SAFETY: everything is loop-confined; `send` goes to the loop first.
package final class DefaultLink: FunctionLink, FunctionPipesOwner, @unchecked Sendable {
    private let loop: EventLoop
    private let sandbox: Sandbox
    private let plan: Assignment
    private weak var owner: (any FunctionLinkOwner)?
    private var pipes: FunctionPipes?
    private var current: AnyObject?
    private var reply: [UInt8] = []
    private var isClosed = false

    /// - Parameter plan: command line and environment without what belongs to the call.
    package init(loop: EventLoop, sandbox: Sandbox, plan: Assignment, owner: any FunctionLinkOwner) {
        self.loop = loop
        self.sandbox = sandbox
        self.plan = plan
        self.owner = owner
    }

    package func send(_ call: FunctionCall) {
        let token = UncheckedToken(call.token)
        guard case .invoke(let request) = call.target else {
            return loop.run { [self] in owner?.answered(token.object, .hasNoServices) }
        }
        let assignment = CallHead(call, request).assignment(plan)
        let body = Array(request.payload)
        loop.run { [self] in begin(assignment, body, token.object) }
    }

    private func begin(_ assignment: Assignment, _ body: [UInt8], _ token: AnyObject) {
        guard owner?.wants(token) == true else { return }
        guard !isClosed else {
            owner?.answered(token, .broken("its container was closed"))
            return
        }
        do throws(Failure) { try sandbox.assign(assignment) } catch {
            // Too long an environment is the caller's doing: its headers are in it.
            let isInvalid = error.code == .invalid
            owner?.answered(token, isInvalid ? .refused(error) : .broken(error.message))
            return
        }
        current = token
        let pipes = FunctionPipes(loop: loop, process: sandbox, owner: self)
        self.pipes = pipes
        pipes.write(body)
        pipes.endInput()
    }

    package func abandon(_ token: AnyObject) {
        if current === token { current = nil }
    }

    package func takePending() -> [AnyObject] {
        defer { current = nil }
        return current.map { [$0] } ?? []
    }

    package func exited(_ description: String, success: Bool) {
        // A child that keeps standard output open does not keep the caller waiting: its end has been reported.
        pipes?.read()
        guard let token = current else { return }
        current = nil
        owner?.answered(
            token, success ? .body(InvokeBody(payload: reply)) : .failed(code: 2, message: description))
    }

    package func close() {
        isClosed = true
        pipes?.close()
        pipes = nil
    }

    func pipes(_ pipes: FunctionPipes, received bytes: UnsafeRawBufferPointer) -> Int {
        guard reply.count + bytes.count <= ContractLimits.replyBytes else {
            tooMuch()
            return bytes.count
        }
        reply.append(contentsOf: bytes)
        return bytes.count
    }

    func pipesHaveRoom(_ pipes: FunctionPipes) {}

    func pipesEnded(_ pipes: FunctionPipes) {}

    private func tooMuch() {
        pipes?.close()
        guard let token = current else { return }
        current = nil
        owner?.answered(token, .broken("its reply is over the limit of \(ContractLimits.replyBytes) bytes"))
    }
}
