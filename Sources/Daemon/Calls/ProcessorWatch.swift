internal import Catalog
internal import Drivers
internal import Model
internal import Pool

/// Looks at what the processors do, for functions that calls wait for. Loop-confined.
struct ProcessorWatch {
    /// How much time a look is about, nanoseconds: eight of the kernel's ticks on one processor at least.
    private static let windowNanos: UInt64 = 80_000_000
    /// What is older says nothing of now, nanoseconds.
    private static let staleNanos: UInt64 = 400_000_000
    /// How many containers of a function are looked at.
    private static let samples = 4

    /// What was read last, and when.
    private var last: (times: ProcessorTimes, time: Instant)?
    private var areBusy = false
    /// What containers had used, while the processors are busy.
    private var used: [ObjectIdentifier: (nanos: UInt64, time: Instant, milli: UInt64?)] = [:]

    /// The processors' own state; to be called before ``state(of:now:)`` of all functions. Reads a file now and then.
    mutating func look(now: Instant) {
        guard let earlier = last, now.nanoseconds(since: earlier.time) < Self.staleNanos else {
            (areBusy, used) = (false, [:])
            last = ProcessorTimes.now().map { ($0, now) }
            return
        }
        let nanos = now.nanoseconds(since: earlier.time)
        guard nanos >= Self.windowNanos, let times = ProcessorTimes.now() else { return }
        areBusy = times.areBusy(since: earlier.times, nanos: nanos)
        last = (times, now)
        used = areBusy ? used.filter { now.nanoseconds(since: $0.value.time) < Self.staleNanos } : [:]
    }

    /// What a function's pool is told of them. Reads files now and then.
    mutating func state(of runnable: Runnable, now: Instant) -> PoolMachine.Processors {
        guard areBusy else { return .free }
        var known: [UInt64] = []
        for member in runnable.pool.event({ $0.members.prefix(Self.samples) }) {
            guard member.state == .busy, let worker = member.owner as? Worker else { continue }
            if let milli = use(of: worker, now: now) { known.append(milli) }
        }
        return .busy(used: known.isEmpty ? nil : known.reduce(0, +) / UInt64(known.count))
    }

    /// Thousandths of a core that a container used in the last window that is over; `nil`: none is.
    private mutating func use(of worker: Worker, now: Instant) -> UInt64? {
        let key = ObjectIdentifier(worker)
        let earlier = used[key]
        let nanos = earlier.map { now.nanoseconds(since: $0.time) } ?? 0
        if let earlier, nanos < Self.windowNanos { return earlier.milli }
        guard let total = worker.sandbox.processorNanos else { return nil }
        let milli = earlier.map { (total > $0.nanos ? total - $0.nanos : 0) * 1000 / nanos }
        used[key] = (total, now, milli)
        return milli
    }
}
