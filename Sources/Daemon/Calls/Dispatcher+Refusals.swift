internal import Catalog
internal import Model
internal import Pool
internal import Telemetry
internal import Wire

/// Calls that a limit of their function refuses at once. Under overload these are most calls, so that what they cost is missing
/// to the others: nothing is made for them, but for the few of each second that leave a record.
extension Dispatcher {
    /// Why a call is to be turned away; `nil`: it goes on, and may still be refused.
    func refusal(_ outlook: PoolMachine.Outlook, _ runnable: Runnable) -> PoolMachine.Refusal? {
        guard case .refused(let refusal, let leavesTrace) = outlook, listeners == nil else { return nil }
        return leavesTrace && runnable.version.spec.record.includes(.error) ? nil : refusal
    }

    /// Answers a call that is to leave no record. It is counted as every call is, and has an id. On the session's loop.
    func turnAway(_ incoming: Incoming, _ origin: CallOrigin, _ runnable: Runnable, _ refusal: PoolMachine.Refusal) {
        let session = incoming.session
        counters.callsStarted.increment()
        let nanos = Instant.now().nanoseconds(since: incoming.arrivedAt)
        runnable.metrics.common.ended(.error, wait: nanos, run: nil, total: nanos)
        counters.calls.common.ended(.error, wait: nanos, run: nil, total: nanos)
        incoming.method.metrics.observe(code: Failure.Code.busy.status, nanos: nanos)
        counters.callsFinished.increment()
        session.countCall()
        let status =
            switch refusal {
            case .full: runnable.fullAnswer { Self.failure(.full, runnable).encodedStatus() }
            case .limited: Self.failure(refusal, runnable).encodedStatus()
            }
        CallMetadata(id: origin.callID, version: runnable.version.number).withEntries { metadata in
            session.refuse(incoming.streamID, status: status, metadata: metadata)
        }
        session.countRefusal()
    }

    /// Answers a call that its session has noted.
    func refuse(_ call: Call, _ refusal: PoolMachine.Refusal) {
        fail(call, Self.failure(refusal, call.runnable))
        // After listeners were asked it was not at once.
        if listeners == nil { call.session.countRefusal() }
    }

    private static func failure(_ refusal: PoolMachine.Refusal, _ runnable: Runnable) -> Failure {
        let (name, spec) = (runnable.name, runnable.version.spec)
        switch refusal {
        case .full:
            let text = "\(name): \(spec.maxQueue) calls wait for it, its limit (max_queue); try again later"
            return Failure(.busy, text, retryNanos: 100_000_000, quota: "max_queue")
        case .limited(let nanos):
            let text =
                "\(name): more than \(spec.rateLimit) calls a second came, its limit (rate_limit); try again later"
            return Failure(.busy, text, retryNanos: nanos, quota: "rate_limit")
        }
    }
}
