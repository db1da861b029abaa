internal import Catalog
internal import Contracts
internal import Extensions
internal import Model
internal import Wire

/// Calls whose listeners are asked before they get a slot.
extension Dispatcher {
    /// Asks the listeners about a call; it waits meanwhile, as it would for a slot. On the caller's loop.
    ///
    /// - Parameters:
    ///   - data: as in ``accept(_:data:_:waits:)``; borrowed.
    ///   - waits: as there.
    func consult(_ call: Call, data: UnsafeRawBufferPointer, waits: Bool, _ listeners: ListenerRegistry) {
        guard listeners.wants(.call, .before) else { return place(call, data: data, waits: waits) }
        // A relay has its own copy.
        guard call.relay != nil || keep(call, data) else {
            fail(call, noRoom)
            return
        }
        wheels[0].add(call.wheelEntry, of: call, due: call.deadline)
        if call.isDone { wheels[0].remove(call.wheelEntry) }
        let proposal = proposal(call, data)
        upkeep.hold(call)
        listeners.before(proposal) { [self] result in
            call.session.loop.run {
                self.decided(call, proposal, result)
                self.upkeep.release(call)
            }
        }
    }

    private func proposal(_ call: Call, _ data: UnsafeRawBufferPointer) -> CallProposal {
        let envelope = call.isRouted ? try? RequestEnvelope(scanning: data, limits: .none) : nil
        let function = call.runnable.function
        return CallProposal(
            id: call.id, principal: call.origin.principal.description,
            service: envelope.map { String(decoding: $0.service, as: UTF8.self) } ?? "",
            method: envelope.map { String(decoding: $0.method, as: UTF8.self) } ?? "", isStream: call.relay != nil,
            traceID: call.origin.trace?.traceID ?? "", app: function.appName.text, function: function.name.text,
            version: call.runnable.version.number, timeoutNanos: call.deadline.nanoseconds(since: call.acceptedAt),
            metadata: call.origin.metadata)
    }

    /// The listeners have spoken; on the caller's loop, where the caller's leaving is noticed too.
    private func decided(_ call: Call, _ asked: CallProposal, _ result: Result<CallProposal, Failure>) {
        // Whoever took the entry out, or fires it, has answered the call, or does so now.
        guard wheels[0].remove(call.wheelEntry), !call.isDone else { return }
        var call = call
        do throws(Failure) {
            let wanted = try result.get()
            if wanted != asked {
                guard let other = replace(call, by: try changed(call, asked, wanted)) else { return }
                call = other
            }
        } catch {
            fail(call, error)
            return
        }
        call.request.withUnsafeBytes { place(call, data: $0) }
    }

    /// The same call with another target, deadline or metadata.
    private func changed(_ call: Call, _ asked: CallProposal, _ wanted: CallProposal) throws(Failure) -> Call {
        var target = CallTarget(call)
        if (wanted.app, wanted.function, wanted.version) != (asked.app, asked.function, asked.version) {
            target = CallTarget(call, runs: try runnable(wanted))
        }
        let nanos = min(wanted.timeoutNanos, asked.timeoutNanos, target.runnable.version.spec.timeoutNanos)
        let deadline = call.acceptedAt.advanced(byNanoseconds: nanos)
        return Call(
            target: target, session: call.session, streamID: call.streamID,
            origin: CallOrigin(call.origin, metadata: wanted.metadata), relay: call.relay, deadline: deadline,
            startBy: startBy(target.runnable.version.spec, accepted: call.acceptedAt, deadline: deadline))
    }

    /// Where a listener sends a call. The caller's scopes were asked for what the caller named.
    private func runnable(_ wanted: CallProposal) throws(Failure) -> Runnable {
        let name = "\(wanted.app)/\(wanted.function)"
        let app = Array(wanted.app.utf8)
        let function = Array(wanted.function.utf8)
        let found = app.withUnsafeBytes { app in
            function.withUnsafeBytes { function in
                catalog.find(app: app, function: function, wanted.version == 0 ? .working : .version(wanted.version)) {
                    _ in 0
                }
            }
        }
        guard case .runnable(let runnable) = found else {
            throw Failure(
                .notFound,
                "an extension sent the call to version \(wanted.version) of \(quoted(name)), which was not found")
        }
        guard wanted.service.isEmpty || runnable.version.spec.services.contains(wanted.service) else {
            throw Failure(
                .unimplemented, "an extension sent the call to \(quoted(name)), which does not serve \(wanted.service)")
        }
        if let refusal = runnable.refusal { throw refusal }
        return runnable
    }

    /// Puts another call in the place of one that waits for its listeners, or was sent and did not begin; `nil` if that one
    /// was answered meanwhile.
    func replace(
        _ call: Call, by other: Call, wasSent: Bool = false, prepared: PreparedRequest? = nil
    ) -> Call? {
        let isNamed = !call.origin.invocationID.isEmpty
        // First, so that who cancels from now on finds the other.
        if isNamed { invocations.replace(call, by: other) }
        guard wasSent ? call.claim() : call.claimWaiting() else {
            if isNamed { invocations.remove(other) }
            return nil
        }
        other.takeRequest(of: call, prepared: prepared)
        if let relay = call.relay {
            relay.call = other
            relay.stream.call.withLock { $0 = other }
        } else {
            call.session.replace(call, by: other, call.streamID)
        }
        guard !other.isDone else {
            // It was cancelled before it had what it holds.
            budget.release(other.takeHeldBytes())
            return nil
        }
        return other
    }
}
