internal import Catalog
internal import Contracts
internal import Loop
internal import Model
internal import Pool

/// Calls that were given to a container and provably did not begin there: others get them. On the loop.
extension Worker {
    /// To how many containers more a call is given, one after the other, before it fails.
    static let mostMoves = 3

    func callNotBegun(_ token: AnyObject, _ request: PreparedRequest, _ reason: String) {
        guard let call = token as? Call else { return }
        retire(kill: false)
        sendElsewhere(call, request, isAlive && lostReason == nil ? reason : endDescription)
    }

    /// The container has ended: what its function cannot have read is not lost.
    func sendUnreadElsewhere(_ reason: String) {
        for (token, request) in link?.takeUnread() ?? [] {
            if let call = token as? Call { sendElsewhere(call, request, reason) }
        }
    }

    /// Gives a call to another container, before all that wait.
    ///
    /// - Parameters:
    ///   - request: as it was to be written; `nil`: the call has kept its own.
    ///   - reason: why it did not begin here, as the end of a sentence.
    func sendElsewhere(_ call: Call, _ request: PreparedRequest? = nil, _ reason: String) {
        forget(call)
        // What ended the last one says more.
        if let text = wandered(call, reason) { return callLost(call, text) }
        dispatcher.comeBack(call, request)
        released(call, serviceNanos: 0)
    }

    /// A streamed call's function was not there any more when it was to be told of it. Thread-safe.
    func streamNotBegun(_ call: Call, _ reason: String) {
        loop.run { [self] in
            link?.takeBack()
            retire(kill: false)
            // Before the relay has another function, which must not hear of the end of this one.
            forget(call)
            if let text = wandered(call, reason) {
                broke(call, text)
            } else {
                // A relay is its caller's loop's. Of one that is over the caller has left, and that ends the call.
                call.session.loop.run { [self] in
                    if call.relay?.isOver == false { dispatcher.comeBack(call) }
                }
            }
            released(call, serviceNanos: 0)
        }
    }

    /// What a call ends with that was given to enough containers; `nil`: it may be given to another one.
    private func wandered(_ call: Call, _ reason: String) -> String? {
        guard call.moves >= Self.mostMoves else { return nil }
        return
            "\(call.moves + 1) of its containers, one after the other, ended before they took the call; the last one: \(reason)"
    }
}

extension Dispatcher {
    /// Lets a call wait again that was sent and did not begin.
    ///
    /// - Parameter prepared: its request; `nil`: it, or its relay, has kept it.
    func comeBack(_ call: Call, _ prepared: PreparedRequest? = nil) {
        let again = Call(
            target: CallTarget(call), session: call.session, streamID: call.streamID, origin: call.origin,
            relay: call.relay, deadline: call.deadline, startBy: call.startBy, moves: call.moves + 1)
        let hasRoom = budget.reserve(prepared?.bytes.count ?? 0)
        if hasRoom, let prepared { again.hold(prepared.bytes.count) }
        guard let again = replace(call, by: again, wasSent: true, prepared: prepared) else {
            return budget.release(again.takeHeldBytes())
        }
        wheels[0].remove(call.wheelEntry)
        // What it held while it waited the last time, if anything.
        budget.release(call.takeHeldBytes())
        guard hasRoom else {
            fail(again, noRoom)
            return
        }
        again.relay?.stream.mayWait = true
        let lease = again.runnable.pool.event { $0.comeBack(again.waiter, of: again, now: .now()) }
        again.request.withUnsafeBytes { follow(lease, again, data: $0) }
    }
}
