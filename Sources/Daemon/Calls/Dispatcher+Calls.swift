internal import Catalog
internal import Contracts
internal import Drivers
internal import Loop
internal import Model
internal import Pool
internal import Wire

/// Calls on their way in; on the caller's loop.
extension Dispatcher {
    /// The largest InvokeRequest, bytes: a frame less room for the envelope that the function gets.
    package static let maxRequestBytes = FrameHeader.maxLength - (64 << 10)

    /// Accepts an Invoke call.
    func invoke(_ incoming: Incoming) {
        let origin = CallOrigin(incoming)
        var version: UInt32?
        do throws(Failure) {
            let request: InvokeScan
            do throws(EnvelopeError) { request = try InvokeScan(scanning: incoming.envelope.payload) } catch {
                throw Failure(.invalid, "\(error.message)")
            }
            let target = try resolve(request.target, for: origin, incoming.session, &version)
            try checkSize(request.bytes.count)
            try ReservedHeaders.check(request)
            open(incoming, target, origin, .invoke(request), payload: request.payload)
        } catch {
            incoming.session.refuse(incoming, error, CallMetadata(id: origin.callID, version: version))
        }
    }

    /// Accepts a call by the name of a function's service.
    func route(_ incoming: Incoming) {
        let origin = CallOrigin(incoming)
        var version: UInt32?
        do throws(Failure) {
            let target = try findService(incoming, origin, &version)
            try checkSize(incoming.envelope.payload.count)
            if incoming.isStream {
                FunctionRelay.openService(incoming, target, origin)
            } else {
                let envelope = incoming.envelope
                open(
                    incoming, target, origin,
                    .service(service: envelope.service, method: envelope.method, payload: envelope.payload),
                    payload: envelope.payload)
            }
        } catch {
            incoming.session.refuse(incoming, error, CallMetadata(id: origin.callID, version: version))
        }
    }

    private func checkSize(_ count: Int) throws(Failure) {
        guard count > Self.maxRequestBytes else { return }
        throw Failure(
            .tooLarge,
            "the request has \(count) bytes; at most \(Self.maxRequestBytes) are allowed; InvokeStream has no limit",
            quota: "request")
    }

    private func open(
        _ incoming: Incoming, _ target: CallTarget, _ origin: CallOrigin, _ wanted: FunctionCall.Target,
        payload: UnsafeRawBufferPointer
    ) {
        let outlook = target.runnable.pool.outlook(now: origin.arrivedAt)
        if let refusal = refusal(outlook, target.runnable) {
            return turnAway(incoming, origin, target.runnable, refusal)
        }
        let call = makeCall(target, origin, session: incoming.session, streamID: incoming.streamID, relay: nil)
        call.input?.add(payload)
        guard incoming.session.add(call, incoming.streamID) else { return }
        accept(call, data: incoming.envelope.bytes, wanted, waits: outlook != .open(waits: false))
    }

    /// A call that nobody knows of yet.
    func makeCall(
        _ target: CallTarget, _ origin: CallOrigin, session: Session, streamID: UInt32, relay: FunctionRelay?
    ) -> Call {
        var timeout = target.runnable.version.spec.timeoutNanos
        if origin.timeoutNanos > 0 { timeout = min(timeout, UInt64(origin.timeoutNanos)) }
        let deadline = origin.arrivedAt.advanced(byNanoseconds: timeout)
        let call = Call(
            target: target, session: session, streamID: streamID, origin: origin, relay: relay, deadline: deadline,
            startBy: startBy(target.runnable.version.spec, accepted: origin.arrivedAt, deadline: deadline))
        if target.runnable.version.spec.recordInput { call.recordInput(limit: limits.inputBytes) }
        return call
    }

    /// Gets a slot for a call that its session has noted.
    ///
    /// - Parameters:
    ///   - data: of the Request frame, or InvokeStream's first message; borrowed.
    ///   - wanted: what is in it, where somebody has looked; borrowed.
    ///   - waits: whether it probably has to wait.
    func accept(
        _ call: Call, data: UnsafeRawBufferPointer, _ wanted: FunctionCall.Target? = nil, waits: Bool = true
    ) {
        counters.callsStarted.increment()
        if !call.origin.invocationID.isEmpty { invocations.add(call) }
        guard let listeners else {
            let moment = Moment(instant: call.acceptedAt, time: call.acceptedTime)
            return place(call, data: data, wanted, waits: waits, at: moment)
        }
        consult(call, data: data, waits: waits, listeners)
    }

    /// Refuses a call that its session has noted; it is counted and recorded as those are that are accepted.
    func refuse(_ call: Call, _ failure: Failure) {
        counters.callsStarted.increment()
        fail(call, failure)
    }

    /// As ``accept(_:data:_:waits:)``, for a call that is counted and that no listener has to be asked about any more.
    ///
    /// - Parameter moment: the present.
    func place(
        _ call: Call, data: UnsafeRawBufferPointer, _ wanted: FunctionCall.Target? = nil, waits: Bool = true,
        at moment: Moment = .now()
    ) {
        if let refusal = refusal(of: call, data, wanted) {
            fail(call, refusal)
            return
        }
        // Kept before it can be handed to a slot by another thread. A relay keeps its own.
        let pool = call.runnable.pool
        let keeps = call.relay == nil
        var hasRoom = true
        if keeps, call.request.isEmpty, waits { hasRoom = keep(call, data) }
        let lease =
            !hasRoom
            ? nil
            // That was a guess; without the bytes a call must not wait.
            : pool.lease(call.waiter, of: call, now: call.acceptedAt) {
                !keeps || !call.request.isEmpty || keep(call, data)
            }
        guard let lease else {
            fail(call, noRoom)
            return
        }
        follow(lease, call, data: data, wanted, at: moment)
    }

    /// What a function's format cannot take of a call. Asked last: a listener may have chosen the function.
    private func refusal(
        of call: Call, _ data: UnsafeRawBufferPointer, _ wanted: FunctionCall.Target?
    ) -> Failure? {
        let format = call.runnable.version.spec.format
        guard format != .ttrpc else { return nil }
        if let relay = call.relay { return relay.refusal(format) }
        guard case .invoke(let request)? = wanted ?? call.functionTarget(in: data) else { return nil }
        return RequestCheck.refusal(format, request)
    }

    /// Does what the pool answered to a call that wants a slot.
    func follow(
        _ lease: PoolMachine.Lease, _ call: Call, data: UnsafeRawBufferPointer, _ wanted: FunctionCall.Target? = nil,
        at moment: Moment = .now()
    ) {
        if case .frozen(let owner) = lease, let worker = owner as? Worker, !worker.thawForCall() {
            return place(call, data: data, wanted)
        }
        // After the lease, so that its deadline finds the call where it is.
        switch lease {
        case .slot, .frozen: watch(call, until: call.deadline)
        default: watch(call, until: call.startBy)
        }
        switch lease {
        case .slot(let owner), .frozen(let owner): (owner as? Worker)?.dispatch(call, data, wanted, at: moment)
        case .wait(let start):
            upkeep.watch(call.runnable)
            if start { startWorker(call.runnable) }
        case .hurry: settle { $0.raise(call.runnable.pool) }
        case .full: refuse(call, .full)
        case .limited(let nanos): refuse(call, .limited(nanos))
        case .closed(let closing): fail(call, Self.closed(closing, call.runnable))
        }
    }

    /// Copies what a waiting call needs; `false` if the daemon has no room for it.
    func keep(_ call: Call, _ data: UnsafeRawBufferPointer) -> Bool {
        guard budget.reserve(data.count) else { return false }
        call.keep(data)
        return true
    }
}
