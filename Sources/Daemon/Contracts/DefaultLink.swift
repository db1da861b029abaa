package import Drivers
internal import Glibc
package import Loop
internal import Model
internal import Wire

/// Contract `default`: the container's one process reads the body on standard input and writes the reply on standard
/// output; then it ends.
// SAFETY: everything is loop-confined; `send` goes to the loop first.
package final class DefaultLink: FunctionLink, @unchecked Sendable {
    private let loop: EventLoop
    private let sandbox: Sandbox
    private let plan: Assignment
    private weak var owner: (any FunctionLinkOwner)?
    private var current: AnyObject?
    private var input: [UInt8] = []
    private var sent = 0
    private var reply: [UInt8] = []
    private var outputEnded = false
    private var isClosed = false
    private var exit: (description: String, success: Bool)?
    private var inputWatcher: Watcher?
    private var outputWatcher: Watcher?

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
        current = token
        input = body
        do throws(Failure) { try sandbox.assign(assignment) } catch {
            current = nil
            // Too long an environment is the caller's doing: its headers are in it.
            let isInvalid = error.code == .invalid
            owner?.answered(token, isInvalid ? .failed(code: 3, message: error.message) : .broken(error.message))
            return
        }
        if let descriptor = sandbox.output {
            let watcher = Watcher(loop, descriptor) { [weak self] _ in self?.readOutput(descriptor) }
            watcher.watch(.readable)
            outputWatcher = watcher
        }
        if let descriptor = sandbox.input {
            let watcher = Watcher(loop, descriptor) { [weak self] _ in self?.writeInput(descriptor) }
            watcher.watch(.writable)
            inputWatcher = watcher
        }
    }

    package func abandon(_ token: AnyObject) {
        if current === token { current = nil }
    }

    package func takePending() -> [AnyObject] {
        defer { current = nil }
        return current.map { [$0] } ?? []
    }

    package func exited(_ description: String, success: Bool) {
        exit = (description, success)
        if !outputEnded, let descriptor = sandbox.output { readOutput(descriptor) }
        // A child that keeps standard output open does not keep the caller waiting: its end has been reported.
        complete()
    }

    package func close() {
        isClosed = true
        inputWatcher?.close()
        inputWatcher = nil
        outputWatcher?.close()
        outputWatcher = nil
    }

    private func writeInput(_ descriptor: Int32) {
        while sent < input.count {
            let count = input.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent) }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                break  // It does not want its input; that is its right.
            }
        }
        inputWatcher?.close()
        inputWatcher = nil
        sandbox.closeInput()
    }

    private func readOutput(_ descriptor: Int32) {
        guard outputWatcher != nil else { return }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count > 0 {
                guard reply.count + count <= ContractLimits.replyBytes else { return tooMuch() }
                reply.append(contentsOf: buffer[..<count])
            } else if count < 0 && errno == EINTR {
                continue
            } else if count < 0 && errno == EAGAIN {
                return
            } else {
                break
            }
        }
        outputEnded = true
        outputWatcher?.close()
        outputWatcher = nil
        complete()
    }

    private func tooMuch() {
        outputWatcher?.close()
        outputWatcher = nil
        guard let token = current else { return }
        current = nil
        owner?.answered(token, .broken("its reply is over the limit of \(ContractLimits.replyBytes) bytes"))
    }

    private func complete() {
        guard let exit, let token = current else { return }
        current = nil
        let body = InvokeBody(payload: reply)
        owner?.answered(token, exit.success ? .body(body) : .failed(code: 2, message: exit.description))
    }
}
