internal import Contracts
internal import Loop
internal import Model
internal import Wire

extension FunctionRelay {
    /// What is wrong with InvokeStream's first message for a function; `nil`: nothing.
    func refusal(_ format: FunctionSpec.Format) -> Failure? {
        guard isBody, format != .ttrpc else { return nil }
        return firstMessage.withUnsafeBytes { bytes in
            (try? InvokeStreamScan(scanning: bytes)).flatMap { RequestCheck.refusal(format, $0) }
        }
    }

    /// The function's side of a call that has got a container; on the caller's loop.
    func make(
        _ kind: FunctionStreamCall.Kind, _ worker: Worker, _ call: Call
    ) -> Result<any FunctionStream, Failure> {
        let left = call.deadline.nanoseconds(since: .now())
        let streamCall = FunctionStreamCall(
            kind: kind, id: call.id,
            deadline: Timestamp(nanoseconds: Timestamp.now().nanoseconds + Int64(clamping: left)),
            timeoutNanos: max(Int64(clamping: left), 1), metadata: call.origin.metadata, path: call.path)
        do throws(Failure) {
            return .success(
                try makeFunctionStream(
                    format: call.runnable.version.spec.format, loop: stream.session.loop, sandbox: worker.sandbox,
                    plan: worker.plan, call: streamCall, owner: self))
        } catch { return .failure(error) }
    }
}
