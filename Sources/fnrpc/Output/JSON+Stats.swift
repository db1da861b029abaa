import Model
import Wire

// As JSON+Entities: the names are an interface.

extension JSON {
    init(_ stats: SystemStatsResponse) {
        self = .object([
            "uptime_nanos": .unsigned(stats.uptimeNanos), "daemon": stats.daemon.map { JSON($0) } ?? .null,
            "functions": .array(stats.functions.map { JSON($0) }), "omitted": .unsigned(UInt64(stats.omitted)),
        ])
    }

    private init(_ daemon: DaemonStats) {
        self = .object([
            "calls_started": .unsigned(daemon.callsStarted), "calls": JSON(daemon.calls ?? CallCounts()),
            "load": JSON(daemon.load ?? Load()), "total": JSON(daemon.total ?? Durations()),
            "wait": JSON(daemon.wait ?? Durations()), "run": JSON(daemon.run ?? Durations()),
            "cold_start": JSON(daemon.coldStart ?? Durations()), "evictions": .unsigned(daemon.evictions),
            "thaws": .unsigned(daemon.thaws), "memory_bytes": .unsigned(daemon.memoryBytes),
            "memory_bytes_limit": .unsigned(daemon.memoryBytesLimit),
            "connections": .unsigned(UInt64(daemon.connections)),
        ])
    }

    private init(_ function: FunctionStats) {
        self = .object([
            "app": .string(function.app), "function": .string(function.function),
            "calls": JSON(function.calls ?? CallCounts()), "cold_starts": .unsigned(function.coldStarts),
            "load": JSON(function.load ?? Load()), "wait": JSON(function.wait ?? Durations()),
            "run": JSON(function.run ?? Durations()),
        ])
    }

    init(_ load: Load) {
        self = .object([
            "starting": .unsigned(UInt64(load.starting)), "idle": .unsigned(UInt64(load.idle)),
            "frozen": .unsigned(UInt64(load.frozen)), "busy": .unsigned(UInt64(load.busy)),
            "leaving": .unsigned(UInt64(load.leaving)), "running": .unsigned(UInt64(load.running)),
            "waiting": .unsigned(UInt64(load.waiting)),
        ])
    }

    /// A bucket without an upper bound has `null` there.
    private init(_ durations: Durations) {
        let isEmpty = durations.count == 0
        func quantile(_ nanos: UInt64) -> JSON { isEmpty ? .null : .unsigned(nanos) }
        self = .object([
            "count": .unsigned(durations.count), "sum_nanos": .unsigned(durations.sumNanos),
            "p50_nanos": quantile(durations.p50Nanos), "p95_nanos": quantile(durations.p95Nanos),
            "p99_nanos": quantile(durations.p99Nanos),
            "buckets": .array(
                durations.buckets.map { bucket in
                    .object([
                        "above_nanos": .unsigned(bucket.aboveNanos),
                        "up_to_nanos": bucket.upToNanos == .max ? .null : .unsigned(bucket.upToNanos),
                        "count": .unsigned(bucket.count),
                    ])
                }),
        ])
    }
}
