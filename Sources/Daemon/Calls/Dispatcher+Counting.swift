internal import Catalog
internal import Loop
internal import Model
internal import Telemetry

/// What a worker counts its calls in: taken when it is made, written on its loop only.
struct WorkerCounts: Sendable {
    private let own: CallBlock
    private let all: CallBlock

    init(_ runnable: Runnable, _ loop: EventLoop, _ counters: Counters) {
        own = runnable.metrics.block(of: loop)
        all = counters.calls.block(of: loop)
    }

    func ended(_ status: CallStatus, wait: UInt64, run: UInt64?, total: UInt64) {
        own.ended(status, wait: wait, run: run, total: total)
        all.ended(status, wait: wait, run: run, total: total)
    }

    func coldStarted(nanos: UInt64) {
        own.coldStarted(nanos: nanos)
        all.coldStarted(nanos: nanos)
    }
}

extension Dispatcher {
    /// Counts a call that has ended; on its worker's loop, if it has one.
    ///
    /// - Parameters:
    ///   - wait: nanoseconds, as `run`.
    ///   - run: `nil`: no worker had it.
    func count(_ call: Call, _ status: CallStatus, wait: UInt64, run: UInt64?, worker: Worker?) {
        let total = wait + (run ?? 0)
        if let worker {
            assert(worker.loop.isCurrent, "BUG: a worker's calls are counted on its loop")
            return worker.counts.ended(status, wait: wait, run: run, total: total)
        }
        call.runnable.metrics.common.ended(status, wait: wait, run: run, total: total)
        counters.calls.common.ended(status, wait: wait, run: run, total: total)
    }
}
