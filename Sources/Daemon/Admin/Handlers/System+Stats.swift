internal import Access
internal import Calls
internal import Metrics
internal import Model
internal import Store
internal import Synchronization
internal import Telemetry
internal import Wire

/// What is counted: as text for Prometheus, and as numbers.
extension SystemHandler {
    /// Functions in one answer, and how many there are unless the request says so.
    private static let limits: (most: UInt32, usual: UInt32) = (1000, 100)

    func registerStats(in list: inout MethodList) {
        list.add("fnrpc.v1.System", "Metrics", .read) { (_: SystemMetricsRequest, _: Caller) in
            // As pages: with what is around it, it fits into a frame.
            let text = try metrics.text(maxBytes: PageRequest.maxBytes)
            return SystemMetricsResponse(text: String(decoding: text, as: UTF8.self))
        }
        // For everybody: it has what the caller may see.
        list.add("fnrpc.v1.System", "Stats", .known) { (request: SystemStatsRequest, caller: Caller) in
            try stats(request, caller)
        }
    }

    private var metrics: DaemonMetrics {
        get throws(Failure) {
            guard let metrics = context.metrics.withLock({ $0 }) else {
                throw Failure(.unavailable, "the daemon is starting; try again")
            }
            return metrics
        }
    }

    private func stats(_ request: SystemStatsRequest, _ caller: Caller) throws(Failure) -> SystemStatsResponse {
        guard request.limit <= Self.limits.most else {
            throw Failure(.invalid, "limit: \(request.limit) is out of range; 1 to \(Self.limits.most) functions")
        }
        try checkNames(request, caller)
        let statistics = try metrics.statistics
        let look = statistics.look()
        let limit = request.limit == 0 ? Self.limits.usual : request.limit
        let (functions, omitted) = look.busiest(Int(limit)) { request.names($0) && caller.maySee($0) }
        var answer = SystemStatsResponse(uptimeNanos: Instant.now().nanoseconds(since: context.startedAt))
        if caller.principal.grants.allowsRead { answer.daemon = daemon(statistics.calls, look.load, request.buckets) }
        var bytes = 0
        for function in functions {
            let stats = FunctionStats(function, buckets: request.buckets)
            bytes += FieldSize.field(3, length: stats.encodedSize)
            guard bytes <= PageRequest.maxBytes else { break }
            answer.functions.append(stats)
        }
        answer.omitted = UInt32(clamping: omitted + functions.count - answer.functions.count)
        return answer
    }

    /// Who may know whether what it names is there is told if it is not; to all others it is nothing either way.
    private func checkNames(_ request: SystemStatsRequest, _ caller: Caller) throws(Failure) {
        let (app, function, grants) = (request.app, request.function, caller.principal.grants)
        guard !app.isEmpty else {
            guard function.isEmpty else {
                throw Failure(.invalid, "app: missing; function \(quoted(function)) may be in several")
            }
            return
        }
        if !function.isEmpty, grants.allowsRead || grants.allowsCall(app: app.utf8, function: function.utf8) {
            _ = try context.store.read { (tables) throws(Failure) in try tables.function(app, function) }
        } else if function.isEmpty, grants.allowsRead || Grants.withBytes(app.utf8, { grants.allowsCalls(in: $0) }) {
            _ = try context.store.read { (tables) throws(Failure) in try tables.named(app, .app) }
        }
    }

    private func daemon(_ calls: CallFigures, _ load: LoadFigures, _ buckets: Bool) -> DaemonStats {
        let counters = context.counters
        let ledger = context.dispatcher.ledger
        return DaemonStats(
            // After the calls that have ended, so that never more of these are told.
            callsStarted: counters.callsStarted.load(ordering: .relaxed), calls: CallCounts(calls), load: Load(load),
            total: Durations(calls.total, buckets), wait: Durations(calls.wait, buckets),
            run: Durations(calls.run, buckets), coldStart: Durations(calls.coldStart, buckets),
            evictions: counters.evictions.load(ordering: .relaxed), thaws: counters.thaws.load(ordering: .relaxed),
            memoryBytes: ledger.figures.held.memoryMiB << 20, memoryBytesLimit: ledger.total.memoryMiB << 20,
            connections: UInt32(clamping: counters.connections.load(ordering: .relaxed)))
    }
}

extension SystemStatsRequest {
    /// Whether it asks for a function, by names or ids.
    fileprivate func names(_ found: Function) -> Bool {
        (app.isEmpty || app == found.appName.text || Identifier(app) == found.appID)
            && (function.isEmpty || function == found.name.text || Identifier(function) == found.meta.id)
    }
}

extension FunctionStats {
    fileprivate init(_ figures: FunctionFigures, buckets: Bool) {
        self.init(
            app: figures.function.appName.text, function: figures.function.name.text, calls: CallCounts(figures.calls),
            coldStarts: figures.calls.coldStarts, load: Load(figures.load),
            wait: Durations(figures.calls.wait, buckets),
            run: Durations(figures.calls.run, buckets))
    }
}

extension CallCounts {
    fileprivate init(_ figures: CallFigures) {
        let ended = figures.ended
        self.init(
            success: ended[.success] ?? 0, failed: ended[.failed] ?? 0, error: ended[.error] ?? 0,
            timeout: ended[.timeout] ?? 0, cancelled: ended[.cancelled] ?? 0)
    }
}

extension Load {
    fileprivate init(_ load: LoadFigures) {
        self.init(
            starting: UInt32(clamping: load.starting), idle: UInt32(clamping: load.idle),
            frozen: UInt32(clamping: load.frozen), busy: UInt32(clamping: load.busy),
            leaving: UInt32(clamping: load.leaving), running: UInt32(clamping: load.running),
            waiting: UInt32(clamping: load.waiting))
    }
}

extension Durations {
    fileprivate init(_ counts: DurationCounts, _ buckets: Bool) {
        let histogram = counts.histogram
        self.init(
            count: histogram.count, sumNanos: histogram.sum, p50Nanos: histogram.quantile(0.5) ?? 0,
            p95Nanos: histogram.quantile(0.95) ?? 0, p99Nanos: histogram.quantile(0.99) ?? 0,
            buckets: buckets
                ? histogram.buckets.map { DurationBucket(aboveNanos: $0.above, upToNanos: $0.upTo, count: $0.count) }
                : [])
    }
}
