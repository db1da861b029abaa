internal import Contracts
internal import Model

/// How a container ended. On its loop.
extension Worker {
    /// Whether no end of its process was reported.
    var isAlive: Bool { exit == nil }

    /// How the function's process ended, for the record of a call that failed; `nil`: it lives. On the loop.
    var callExit: CallExit? {
        let ranOutOfMemory = sandbox.ranOutOfMemory
        guard exit != nil || ranOutOfMemory else { return nil }
        return CallExit(code: exit?.code, signal: exit?.signal, ranOutOfMemory: ranOutOfMemory)
    }

    /// Answers a call that its function will not answer any more.
    func broke(_ call: Call, _ reason: String) {
        guard call.claim() else { return }
        let cold = takeFresh()
        if call.relay == nil {
            dispatcher.finish(call, FunctionReply.broken(reason), worker: self, coldNanos: cold)
        } else {
            dispatcher.finish(call, StreamEnd.broken(reason), worker: self, coldNanos: cold)
        }
    }

    /// How the container ended, as the end of a sentence.
    var endDescription: String {
        if sandbox.ranOutOfMemory { return "it ran out of memory (limit \(runnable.version.spec.memoryMiB) MiB)" }
        if let exit {
            if let signal = exit.signal { return "it was killed by signal \(signal) (\(signalName(signal)))" }
            return "it exited with code \(exit.code ?? 0)"
        }
        return lostReason ?? "its container ended"
    }
}
