internal import Contracts
internal import Wire

extension FunctionRelay {
    /// How the call ends for its caller.
    enum Answer: Sendable {
        /// The function's stream has ended well.
        case finished
        /// One message instead of a stream.
        case response([UInt8])
        /// An encoded Status; `isUrgent`: what waits to be sent is dropped.
        case failed([UInt8], isUrgent: Bool)
    }

    /// Answers the caller; the call has been claimed. Thread-safe.
    func answer(_ answer: Answer) {
        stream.session.loop.run { [self] in
            isOver = true
            switch answer {
            case .finished: stream.finish()
            case .response(let payload):
                if isBody {
                    if !payload.isEmpty { payload.withUnsafeBytes { stream.send($0) } }
                    stream.finish()
                } else {
                    payload.withUnsafeBytes { stream.respond(payload: $0) }
                }
            case .failed(let status, let isUrgent):
                if isUrgent { stream.dropOutput() }
                stream.respond(status: status)
            }
            letGo()
        }
    }

    /// The function's process has ended. Thread-safe.
    func exited(_ description: String, success: Bool) {
        stream.session.loop.run { [self] in function?.exited(description, success: success) }
    }

    /// Ends the function's side; its answer is not wanted any more. Thread-safe.
    func cancelFunction() {
        stream.session.loop.run { [self] in
            function?.cancel()
            function = nil
            letGo()
        }
    }
}
