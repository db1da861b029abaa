internal import Contracts
internal import Drivers
internal import Loop
internal import Model
internal import Pool

/// A call that was sent behind the one that runs (`queue_ahead`). On the loop.
///
/// Its function takes one call after the other, so it has not begun while the one before has no answer. That is certain
/// only when all that the function said was read: until then nothing is done about a container that ended.
extension Worker {
    /// Whether a call was sent and waits for the one before.
    func hasAhead(_ call: Call) -> Bool { ahead === call }

    /// The one before has its answer.
    func moveUp() {
        guard let next = ahead else { return }
        ahead = nil
        current = next
        next.moveUp(at: .now())
        dispatcher.forgetRequest(of: next)
    }

    /// How long a call that was given up may go on for the one behind it, milliseconds: such calls are short by measure, and
    /// killing a container at the moment of its answer takes the next call with it.
    private static let patienceMilliseconds: UInt64 = 50

    /// One of two calls is given up. The one behind cannot be taken back, so the container ends after the one before. If that is
    /// given up itself, its answer is waited for: with it the next one begins; without, the container ends before that.
    func abandonOne(of call: Call) {
        guard ahead === call else {
            let timer = LoopTimer(loop) { [weak self] in
                guard let self, self.current === call else { return }
                self.retire(kill: true)
            }
            patience?.close()
            patience = timer
            return timer.start(milliseconds: Self.patienceMilliseconds)
        }
        link?.abandon(call)
        ahead = nil
        retire(kill: false)
        released(call, serviceNanos: 0)
    }

    /// The one behind was answered first: the function does not do what it promised.
    func wasOutOfOrder() {
        guard runnable.pool.event({ $0.stopQueueingAhead() }) else { return }
        dispatcher.log(
            "\(runnable.name): it answered a call before the one that came first; no call is sent ahead any more (queue_ahead)"
        )
    }

    /// A call that has not begun gets another container, before all that wait.
    func sendElsewhere(_ call: Call) {
        dispatcher.comeBack(call)
        released(call, serviceNanos: 0)
    }
}

extension Dispatcher {
    /// Lets a call wait again that was sent and did not begin.
    func comeBack(_ call: Call) {
        let again = Call(
            target: CallTarget(call), session: call.session, streamID: call.streamID, origin: call.origin, relay: nil,
            deadline: call.deadline, startBy: call.startBy)
        guard let again = replace(call, by: again, wasSent: true) else { return }
        wheels[0].remove(call.wheelEntry)
        let lease = again.runnable.pool.event { $0.comeBack(again.waiter, of: again, now: .now()) }
        again.request.withUnsafeBytes { follow(lease, again, data: $0) }
    }
}
