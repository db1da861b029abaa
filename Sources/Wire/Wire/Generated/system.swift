// Generated from proto/fnrpc/v1/system.proto by scripts/swift-messages.
package import CWire
package import Model

/// Asks about the daemon.
package struct SystemInfoRequest: WireMessage {
    package init() {}

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__SystemInfoRequest>) {
        fnrpc__v1__system_info_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__SystemInfoRequest) throws(Failure) {
        self.init()
    }

    package func write(to raw: inout Fnrpc__V1__SystemInfoRequest, _ builder: Builder) {}
}

/// A version of the API; docs/api-versions.md.
package struct APIVersionInfo: WireMessage {
    package var number: UInt32
    /// current, supported, deprecated, test
    package var status: String
    /// When it may go; absent: nothing says so.
    package var sunsetAt: Timestamp?

    package init(number: UInt32 = 0, status: String = "", sunsetAt: Timestamp? = nil) {
        self.number = number
        self.status = status
        self.sunsetAt = sunsetAt
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__APIVersionInfo>) {
        fnrpc__v1__apiversion_info__init(raw)
    }

    package init(_ raw: Fnrpc__V1__APIVersionInfo) throws(Failure) {
        self.init(
            number: raw.number, status: text(raw.status),
            sunsetAt: raw.has_sunset_at != 0 ? Timestamp(nanoseconds: raw.sunset_at) : nil)
    }

    package func write(to raw: inout Fnrpc__V1__APIVersionInfo, _ builder: Builder) {
        raw.has_number = 1
        raw.number = number
        raw.status = builder.string(status)
        raw.has_sunset_at = sunsetAt == nil ? 0 : 1
        raw.sunset_at = sunsetAt?.nanoseconds ?? 0
    }
}

/// About the daemon.
package struct SystemInfoResponse: WireMessage {
    package var version: String
    /// "ttrpc 1.2"
    package var wireProtocol: String
    /// That requests may name.
    package var apiVersions: [UInt32]
    package var schemaVersion: UInt32
    package var instance: String
    package var dataDir: String
    /// "crun 1.8.1"
    package var sandboxRuntime: String
    /// v1, v2, hybrid
    package var cgroups: String
    package var userNamespaces: Bool
    package var uptimeNanos: UInt64
    package var apps: UInt32
    package var functions: UInt32
    package var containers: UInt32
    package var callsStarted: UInt64
    package var callsFinished: UInt64
    package var connections: UInt32
    package var listeners: [String]
    package var versions: [APIVersionInfo]

    package init(
        version: String = "", wireProtocol: String = "", apiVersions: [UInt32] = [], schemaVersion: UInt32 = 0,
        instance: String = "", dataDir: String = "", sandboxRuntime: String = "", cgroups: String = "",
        userNamespaces: Bool = false, uptimeNanos: UInt64 = 0, apps: UInt32 = 0, functions: UInt32 = 0,
        containers: UInt32 = 0, callsStarted: UInt64 = 0, callsFinished: UInt64 = 0, connections: UInt32 = 0,
        listeners: [String] = [], versions: [APIVersionInfo] = []
    ) {
        self.version = version
        self.wireProtocol = wireProtocol
        self.apiVersions = apiVersions
        self.schemaVersion = schemaVersion
        self.instance = instance
        self.dataDir = dataDir
        self.sandboxRuntime = sandboxRuntime
        self.cgroups = cgroups
        self.userNamespaces = userNamespaces
        self.uptimeNanos = uptimeNanos
        self.apps = apps
        self.functions = functions
        self.containers = containers
        self.callsStarted = callsStarted
        self.callsFinished = callsFinished
        self.connections = connections
        self.listeners = listeners
        self.versions = versions
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__SystemInfoResponse>) {
        fnrpc__v1__system_info_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__SystemInfoResponse) throws(Failure) {
        self.init(
            version: text(raw.version), wireProtocol: text(raw.protocol),
            apiVersions: (0..<raw.n_api_versions).map { raw.api_versions[$0] }, schemaVersion: raw.schema_version,
            instance: text(raw.instance), dataDir: text(raw.data_dir), sandboxRuntime: text(raw.sandbox_runtime),
            cgroups: text(raw.cgroups), userNamespaces: raw.user_namespaces != 0, uptimeNanos: raw.uptime_nanos,
            apps: raw.apps, functions: raw.functions, containers: raw.containers, callsStarted: raw.calls_started,
            callsFinished: raw.calls_finished, connections: raw.connections,
            listeners: texts(raw.listeners, raw.n_listeners), versions: try list(raw.versions, raw.n_versions))
    }

    package func write(to raw: inout Fnrpc__V1__SystemInfoResponse, _ builder: Builder) {
        raw.version = builder.string(version)
        raw.protocol = builder.string(wireProtocol)
        raw.n_api_versions = apiVersions.count
        raw.api_versions = builder.values(apiVersions)
        raw.has_schema_version = 1
        raw.schema_version = schemaVersion
        raw.instance = builder.string(instance)
        raw.data_dir = builder.string(dataDir)
        raw.sandbox_runtime = builder.string(sandboxRuntime)
        raw.cgroups = builder.string(cgroups)
        raw.has_user_namespaces = 1
        raw.user_namespaces = userNamespaces ? 1 : 0
        raw.has_uptime_nanos = 1
        raw.uptime_nanos = uptimeNanos
        raw.has_apps = 1
        raw.apps = apps
        raw.has_functions = 1
        raw.functions = functions
        raw.has_containers = 1
        raw.containers = containers
        raw.has_calls_started = 1
        raw.calls_started = callsStarted
        raw.has_calls_finished = 1
        raw.calls_finished = callsFinished
        raw.has_connections = 1
        raw.connections = connections
        raw.n_listeners = listeners.count
        raw.listeners = builder.strings(listeners)
        raw.n_versions = versions.count
        raw.versions = builder.messages(versions)
    }
}

/// Asks for everything that the daemon counts, as Prometheus reads it.
package struct SystemMetricsRequest: WireMessage {
    package init() {}

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__SystemMetricsRequest>) {
        fnrpc__v1__system_metrics_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__SystemMetricsRequest) throws(Failure) {
        self.init()
    }

    package func write(to raw: inout Fnrpc__V1__SystemMetricsRequest, _ builder: Builder) {}
}

/// The answer of System/Metrics.
package struct SystemMetricsResponse: WireMessage {
    /// Exposition format 0.0.4.
    package var text: String

    package init(text: String = "") {
        self.text = text
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__SystemMetricsResponse>) {
        fnrpc__v1__system_metrics_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__SystemMetricsResponse) throws(Failure) {
        self.init(text: Wire.text(raw.text))
    }

    package func write(to raw: inout Fnrpc__V1__SystemMetricsResponse, _ builder: Builder) {
        raw.text = builder.string(text)
    }
}

/// Asks what was counted of calls since the daemon started.
package struct SystemStatsRequest: WireMessage {
    /// Name or id; empty or absent: all.
    package var app: String
    /// Name or id; empty or absent: all of the app.
    package var function: String
    /// functions, 1 to 1000; 0 or absent: 100
    package var limit: UInt32
    /// Absent or false: only quantiles.
    package var buckets: Bool

    package init(app: String = "", function: String = "", limit: UInt32 = 0, buckets: Bool = false) {
        self.app = app
        self.function = function
        self.limit = limit
        self.buckets = buckets
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__SystemStatsRequest>) {
        fnrpc__v1__system_stats_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__SystemStatsRequest) throws(Failure) {
        self.init(app: text(raw.app), function: text(raw.function), limit: raw.limit, buckets: raw.buckets != 0)
    }

    package func write(to raw: inout Fnrpc__V1__SystemStatsRequest, _ builder: Builder) {
        if !app.isEmpty { raw.app = builder.string(app) }
        if !function.isEmpty { raw.function = builder.string(function) }
        raw.has_limit = limit == 0 ? 0 : 1
        raw.limit = limit
        raw.has_buckets = 1
        raw.buckets = buckets ? 1 : 0
    }
}

/// Durations above one bound and up to another.
package struct DurationBucket: WireMessage {
    package var aboveNanos: UInt64
    /// The greatest number: there is no bound.
    package var upToNanos: UInt64
    package var count: UInt64

    package init(aboveNanos: UInt64 = 0, upToNanos: UInt64 = 0, count: UInt64 = 0) {
        self.aboveNanos = aboveNanos
        self.upToNanos = upToNanos
        self.count = count
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__DurationBucket>) {
        fnrpc__v1__duration_bucket__init(raw)
    }

    package init(_ raw: Fnrpc__V1__DurationBucket) throws(Failure) {
        self.init(aboveNanos: raw.above_nanos, upToNanos: raw.up_to_nanos, count: raw.count)
    }

    package func write(to raw: inout Fnrpc__V1__DurationBucket, _ builder: Builder) {
        raw.has_above_nanos = 1
        raw.above_nanos = aboveNanos
        raw.has_up_to_nanos = 1
        raw.up_to_nanos = upToNanos
        raw.has_count = 1
        raw.count = count
    }
}

/// Durations of one kind. Quantiles are 0 without any; from 1 µs to 71 minutes they are wrong by an eighth at most.
package struct Durations: WireMessage {
    package var count: UInt64
    package var sumNanos: UInt64
    package var p50Nanos: UInt64
    package var p95Nanos: UInt64
    package var p99Nanos: UInt64
    /// Those that are not empty, the shortest first, if they were asked for.
    package var buckets: [DurationBucket]

    package init(
        count: UInt64 = 0, sumNanos: UInt64 = 0, p50Nanos: UInt64 = 0, p95Nanos: UInt64 = 0, p99Nanos: UInt64 = 0,
        buckets: [DurationBucket] = []
    ) {
        self.count = count
        self.sumNanos = sumNanos
        self.p50Nanos = p50Nanos
        self.p95Nanos = p95Nanos
        self.p99Nanos = p99Nanos
        self.buckets = buckets
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Durations>) {
        fnrpc__v1__durations__init(raw)
    }

    package init(_ raw: Fnrpc__V1__Durations) throws(Failure) {
        self.init(
            count: raw.count, sumNanos: raw.sum_nanos, p50Nanos: raw.p50_nanos, p95Nanos: raw.p95_nanos,
            p99Nanos: raw.p99_nanos, buckets: try list(raw.buckets, raw.n_buckets))
    }

    package func write(to raw: inout Fnrpc__V1__Durations, _ builder: Builder) {
        raw.has_count = 1
        raw.count = count
        raw.has_sum_nanos = 1
        raw.sum_nanos = sumNanos
        raw.has_p50_nanos = 1
        raw.p50_nanos = p50Nanos
        raw.has_p95_nanos = 1
        raw.p95_nanos = p95Nanos
        raw.has_p99_nanos = 1
        raw.p99_nanos = p99Nanos
        raw.n_buckets = buckets.count
        raw.buckets = builder.messages(buckets)
    }
}

/// Containers by what they do, and calls by where they are, now.
package struct Load: WireMessage {
    /// Asked for and not ready; some may wait for room or their turn.
    package var starting: UInt32
    package var idle: UInt32
    package var frozen: UInt32
    package var busy: UInt32
    /// They take no more calls, and still have some.
    package var leaving: UInt32
    /// Calls in containers.
    package var running: UInt32
    /// Calls without one.
    package var waiting: UInt32

    package init(
        starting: UInt32 = 0, idle: UInt32 = 0, frozen: UInt32 = 0, busy: UInt32 = 0, leaving: UInt32 = 0,
        running: UInt32 = 0, waiting: UInt32 = 0
    ) {
        self.starting = starting
        self.idle = idle
        self.frozen = frozen
        self.busy = busy
        self.leaving = leaving
        self.running = running
        self.waiting = waiting
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Load>) {
        fnrpc__v1__load__init(raw)
    }

    package init(_ raw: Fnrpc__V1__Load) throws(Failure) {
        self.init(
            starting: raw.starting, idle: raw.idle, frozen: raw.frozen, busy: raw.busy, leaving: raw.leaving,
            running: raw.running, waiting: raw.waiting)
    }

    package func write(to raw: inout Fnrpc__V1__Load, _ builder: Builder) {
        raw.has_starting = 1
        raw.starting = starting
        raw.has_idle = 1
        raw.idle = idle
        raw.has_frozen = 1
        raw.frozen = frozen
        raw.has_busy = 1
        raw.busy = busy
        raw.has_leaving = 1
        raw.leaving = leaving
        raw.has_running = 1
        raw.running = running
        raw.has_waiting = 1
        raw.waiting = waiting
    }
}

/// A function that was called, and not forgotten since (forget-after).
package struct FunctionStats: WireMessage {
    package var app: String
    package var function: String
    /// That have ended.
    package var calls: CallCounts?
    /// Containers that became ready.
    package var coldStarts: UInt64
    package var load: Load?
    /// Of calls, until they got a container, or ended without one.
    package var wait: Durations?
    /// Of calls, from then on.
    package var run: Durations?

    package init(
        app: String = "", function: String = "", calls: CallCounts? = nil, coldStarts: UInt64 = 0, load: Load? = nil,
        wait: Durations? = nil, run: Durations? = nil
    ) {
        self.app = app
        self.function = function
        self.calls = calls
        self.coldStarts = coldStarts
        self.load = load
        self.wait = wait
        self.run = run
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__FunctionStats>) {
        fnrpc__v1__function_stats__init(raw)
    }

    package init(_ raw: Fnrpc__V1__FunctionStats) throws(Failure) {
        self.init(
            app: text(raw.app), function: text(raw.function), calls: try optional(raw.calls),
            coldStarts: raw.cold_starts, load: try optional(raw.load), wait: try optional(raw.wait),
            run: try optional(raw.run))
    }

    package func write(to raw: inout Fnrpc__V1__FunctionStats, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.calls = calls.map { builder.message($0) }
        raw.has_cold_starts = 1
        raw.cold_starts = coldStarts
        raw.load = load.map { builder.message($0) }
        raw.wait = wait.map { builder.message($0) }
        raw.run = run.map { builder.message($0) }
    }
}

/// The daemon and all functions together, those that were forgotten or deleted too.
package struct DaemonStats: WireMessage {
    package var callsStarted: UInt64
    /// That have ended.
    package var calls: CallCounts?
    package var load: Load?
    /// Of calls, from their acceptance to their answer.
    package var total: Durations?
    package var wait: Durations?
    package var run: Durations?
    /// Of containers, until they are ready.
    package var coldStart: Durations?
    package var evictions: UInt64
    package var thaws: UInt64
    /// That containers hold, used or not.
    package var memoryBytes: UInt64
    package var memoryBytesLimit: UInt64
    package var connections: UInt32

    package init(
        callsStarted: UInt64 = 0, calls: CallCounts? = nil, load: Load? = nil, total: Durations? = nil,
        wait: Durations? = nil, run: Durations? = nil, coldStart: Durations? = nil, evictions: UInt64 = 0,
        thaws: UInt64 = 0, memoryBytes: UInt64 = 0, memoryBytesLimit: UInt64 = 0, connections: UInt32 = 0
    ) {
        self.callsStarted = callsStarted
        self.calls = calls
        self.load = load
        self.total = total
        self.wait = wait
        self.run = run
        self.coldStart = coldStart
        self.evictions = evictions
        self.thaws = thaws
        self.memoryBytes = memoryBytes
        self.memoryBytesLimit = memoryBytesLimit
        self.connections = connections
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__DaemonStats>) {
        fnrpc__v1__daemon_stats__init(raw)
    }

    package init(_ raw: Fnrpc__V1__DaemonStats) throws(Failure) {
        self.init(
            callsStarted: raw.calls_started, calls: try optional(raw.calls), load: try optional(raw.load),
            total: try optional(raw.total), wait: try optional(raw.wait), run: try optional(raw.run),
            coldStart: try optional(raw.cold_start), evictions: raw.evictions, thaws: raw.thaws,
            memoryBytes: raw.memory_bytes, memoryBytesLimit: raw.memory_bytes_limit, connections: raw.connections)
    }

    package func write(to raw: inout Fnrpc__V1__DaemonStats, _ builder: Builder) {
        raw.has_calls_started = 1
        raw.calls_started = callsStarted
        raw.calls = calls.map { builder.message($0) }
        raw.load = load.map { builder.message($0) }
        raw.total = total.map { builder.message($0) }
        raw.wait = wait.map { builder.message($0) }
        raw.run = run.map { builder.message($0) }
        raw.cold_start = coldStart.map { builder.message($0) }
        raw.has_evictions = 1
        raw.evictions = evictions
        raw.has_thaws = 1
        raw.thaws = thaws
        raw.has_memory_bytes = 1
        raw.memory_bytes = memoryBytes
        raw.has_memory_bytes_limit = 1
        raw.memory_bytes_limit = memoryBytesLimit
        raw.has_connections = 1
        raw.connections = connections
    }
}

/// The answer of System/Stats.
package struct SystemStatsResponse: WireMessage {
    /// When everything was read.
    package var uptimeNanos: UInt64
    /// For callers who may read.
    package var daemon: DaemonStats?
    /// That the caller may read or call, those with most calls first.
    package var functions: [FunctionStats]
    /// Functions that are not among them: beyond the limit, or 3 MiB of answer.
    package var omitted: UInt32

    package init(
        uptimeNanos: UInt64 = 0, daemon: DaemonStats? = nil, functions: [FunctionStats] = [], omitted: UInt32 = 0
    ) {
        self.uptimeNanos = uptimeNanos
        self.daemon = daemon
        self.functions = functions
        self.omitted = omitted
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__SystemStatsResponse>) {
        fnrpc__v1__system_stats_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__SystemStatsResponse) throws(Failure) {
        self.init(
            uptimeNanos: raw.uptime_nanos, daemon: try optional(raw.daemon),
            functions: try list(raw.functions, raw.n_functions), omitted: raw.omitted)
    }

    package func write(to raw: inout Fnrpc__V1__SystemStatsResponse, _ builder: Builder) {
        raw.has_uptime_nanos = 1
        raw.uptime_nanos = uptimeNanos
        raw.daemon = daemon.map { builder.message($0) }
        raw.n_functions = functions.count
        raw.functions = builder.messages(functions)
        raw.has_omitted = 1
        raw.omitted = omitted
    }
}
