package import Access
package import Calls
package import Loop
package import Model
package import Pool
internal import Synchronization
package import Telemetry

/// Everything that the daemon counts, as text. Thread-safe; numbers are of about now, not all of one moment.
package struct DaemonMetrics: Sendable {
    private let version: String
    private let startedAt: Instant
    let counters: Counters
    private let methods: MethodTable
    private let sessions: SessionRegistry
    private let budget: ByteBudget
    private let functions: Int
    /// What is known of calls.
    package let statistics: CallStatistics
    private let audit: AuditLog
    private let ledger: Ledger

    /// - Parameters:
    ///   - version: the daemon's.
    ///   - startedAt: when the daemon started.
    ///   - budget: of what is buffered for all connections.
    ///   - functions: how many have figures of their own at most.
    package init(
        version: String, startedAt: Instant, counters: Counters, methods: MethodTable, sessions: SessionRegistry,
        budget: ByteBudget, statistics: CallStatistics, functions: Int, audit: AuditLog, ledger: Ledger
    ) {
        self.version = version
        self.startedAt = startedAt
        self.counters = counters
        self.methods = methods
        self.sessions = sessions
        self.budget = budget
        self.statistics = statistics
        self.functions = functions
        self.audit = audit
        self.ledger = ledger
    }

    /// The metrics in Prometheus' exposition format 0.0.4; the same families in the same order each time.
    ///
    /// - Parameter maxBytes: with fewer functions if it would be longer; without any it is far below 1 MiB.
    package func text(maxBytes: Int) -> [UInt8] {
        let look = statistics.look()
        var base = Exposition()
        writeDaemon(&base)
        writeConnections(&base)
        writeCalls(&base, look.load)
        writeMachine(&base, look.load)
        writeRequests(&base)
        writeProcess(&base)
        let (functions, omitted) = look.busiest(self.functions)
        var count = functions.count
        while true {
            var out = base
            writeFunctions(&out, functions.prefix(count), omitted: omitted + functions.count - count)
            if out.text.count <= maxBytes || count == 0 { return out.text }
            // As many as fit if all were equally long, and fewer the next time if they are not.
            let room = max(maxBytes - base.text.count, 0)
            count = min(count * room / (out.text.count - base.text.count), count - 1)
        }
    }

    private func writeDaemon(_ out: inout Exposition) {
        out.family("fnrpc_build_info", .gauge, "Always 1; the label says which fnrpcd runs.")
        out.sample("fnrpc_build_info", ["version": version], 1)
        out.single(
            "fnrpc_uptime_seconds", .gauge, "Time since the daemon started.",
            nanoseconds: Instant.now().nanoseconds(since: startedAt))
    }

    private func writeConnections(_ out: inout Exposition) {
        out.single(
            "fnrpc_connections", .gauge, "Open client connections.",
            UInt64(clamping: counters.connections.load(ordering: .relaxed)))
        let traffic = sessions.traffic
        let bytes = "fnrpc_connection_bytes_total"
        out.family(bytes, .counter, "Bytes that passed over all client connections, open and closed; inside TLS.")
        out.sample(bytes, ["direction": "received"], traffic.received)
        out.sample(bytes, ["direction": "sent"], traffic.sent)
        out.single(
            "fnrpc_buffered_bytes", .gauge, "Bytes of the buffer budget that are taken.", UInt64(clamping: budget.used))
        out.single(
            "fnrpc_buffered_bytes_limit", .gauge, "The buffer budget (buffer-budget-mib), bytes.",
            UInt64(clamping: budget.limit))
    }

    private func writeMachine(_ out: inout Exposition, _ load: LoadFigures) {
        let figures = ledger.figures
        out.single(
            "fnrpc_container_memory_bytes", .gauge, "Memory that containers hold, used or not; /tmp counts.",
            figures.held.memoryMiB << 20)
        out.single(
            "fnrpc_container_memory_bytes_limit", .gauge, "What all of them may hold (max-memory-mib).",
            ledger.total.memoryMiB << 20)
        out.single(
            "fnrpc_container_cores", .gauge, "Cores that containers with a limit of their own hold.",
            nanoseconds: figures.held.cpuMilli * 1_000_000)
        out.single(
            "fnrpc_container_cores_limit", .gauge, "What all of them may hold (max-cpu-milli).",
            nanoseconds: ledger.total.cpuMilli * 1_000_000)
        out.single(
            "fnrpc_containers_starting", .gauge, "Containers that are being started.",
            UInt64(clamping: figures.starting))
        out.single(
            "fnrpc_starts_waiting", .gauge, "Containers that wait for room or for their turn to start.",
            UInt64(clamping: figures.waiting))
        out.single(
            "fnrpc_records_dropped_total", .counter, "Call records that were lost because the store could not keep up.",
            counters.recordsDropped.load(ordering: .relaxed))
        out.single(
            "fnrpc_syslog_messages_lost_total", .counter,
            "Messages that did not reach an app's syslog server.", counters.syslogLost.load(ordering: .relaxed))
        out.single(
            "fnrpc_audit_lines_lost_total", .counter, "Lines of the audit log that could not be written.",
            audit.linesLost)
        out.single(
            "fnrpc_evictions_total", .counter, "Idle containers that were removed to make room for others.",
            counters.evictions.load(ordering: .relaxed))
        out.single("fnrpc_containers_frozen", .gauge, "Idle containers that are frozen.", UInt64(clamping: load.frozen))
        out.single(
            "fnrpc_thaws_total", .counter, "Calls that found a frozen container, and thawed it.",
            counters.thaws.load(ordering: .relaxed))
    }

    /// What is known of one method, read once.
    private struct Reading {
        let service: String
        let method: String
        let started: UInt64
        let ended: [UInt64]
        let histogram: [UInt64]
        let nanoseconds: UInt64

        init(_ service: String, _ method: String, _ metrics: MethodMetrics) {
            self.service = service
            self.method = method
            // What has ended first, so that it is never more than what was started.
            ended = metrics.ended
            histogram = metrics.histogram
            nanoseconds = metrics.totalNanoseconds
            started = metrics.started.load(ordering: .relaxed)
        }

        var isIdle: Bool { histogram.allSatisfy { $0 == 0 } }
    }

    private func writeRequests(_ out: inout Exposition) {
        // Calls by the names of functions' own services share a row: callers choose those names.
        let readings =
            methods.methods.map { Reading($0.service, $0.name, $0.metrics) } + [
                Reading("routed", "", methods.routed.metrics)
            ]
        let started = "fnrpc_requests_started_total"
        out.family(started, .counter, "Requests that came, by method; routed: by the name of a function's service.")
        for reading in readings {
            out.sample(started, ["service": reading.service, "method": reading.method], reading.started)
        }
        let ended = "fnrpc_requests_total"
        out.family(ended, .counter, "Requests that were answered or given up, by method and status.")
        for reading in readings {
            for (code, count) in reading.ended.enumerated() where code == 0 || count > 0 {
                out.sample(
                    ended, ["service": reading.service, "method": reading.method, "code": Self.codes[code]], count)
            }
        }
        let duration = "fnrpc_request_duration_seconds"
        out.family(
            duration, .histogram, "From a request's arrival to the end of its answer; methods that were used.")
        for reading in readings where !reading.isIdle {
            out.histogram(
                duration, ["service": reading.service, "method": reading.method], counts: reading.histogram,
                bounds: Self.bounds, sum: reading.nanoseconds)
        }
    }

    private func writeProcess(_ out: inout Exposition) {
        let figures = ProcessFigures.now()
        if let bytes = figures.residentBytes {
            out.single("process_resident_memory_bytes", .gauge, "Resident memory of the daemon alone.", bytes)
        }
        if let count = figures.openFiles {
            out.single("process_open_fds", .gauge, "Open file descriptors of the daemon.", count)
        }
        if let count = figures.maxFiles {
            out.single("process_max_fds", .gauge, "The limit on open file descriptors.", count)
        }
        if let nanos = figures.processorNanos {
            out.single(
                "process_cpu_seconds_total", .counter, "User and system time of the daemon alone.", nanoseconds: nanos)
        }
    }

    /// Upper bounds of ``MethodMetrics/histogram``, nanoseconds.
    private static let bounds: [UInt64] = (0..<MethodMetrics.buckets).map { 1000 << UInt64($0) }

    /// The names of google.rpc.Code, 0 to 16.
    private static let codes = [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ]
}
