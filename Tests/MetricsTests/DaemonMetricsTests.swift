import Access
import Calls
import Catalog
import Glibc
import Loop
import Model
import Pool
import Telemetry
import Testing

@testable import Metrics

@Suite struct DaemonMetricsTests {
    @Test func everyNumberIsWhereItBelongs() throws {
        let counters = Counters()
        for _ in 0..<5 { counters.callsStarted.increment() }
        for _ in 0..<3 { counters.callsFinished.increment() }
        let block = counters.calls.block(of: counters)
        block.ended(.success, wait: 5, run: 15_995, total: 16_000)
        block.ended(.success, wait: 1, run: 1_023_999, total: 1_024_000)
        counters.calls.common.ended(.timeout, wait: 100_000_000_000, run: nil, total: 100_000_000_000)
        block.coldStarted(nanos: 20_000_000)
        for nanos in [1000, 1001, 1_024_000, 2_000_000_000] as [UInt64] { block.refused(nanos: nanos) }
        counters.recordsDropped.increment()
        counters.connections.change(by: 2)
        // As it may look for a moment.
        counters.containers.change(by: -1)
        let methods = MethodTable([
            Method("a.B", "Used", kind: .unary, access: .read, handler: .echo),
            Method("a.B", "Idle", kind: .unary, access: .read, handler: .echo),
        ])
        for nanos in [999, 1000, 1001, 2000, 5_000_000_000] as [UInt64] {
            methods.methods[0].metrics.started.increment()
            methods.methods[0].metrics.observe(code: nanos == 2000 ? 5 : 0, nanos: nanos)
        }
        methods.methods[0].metrics.started.increment()
        methods.routed.metrics.started.increment()
        methods.routed.metrics.observe(code: 99, nanos: .max / 2)
        let budget = ByteBudget(limit: 1000)
        #expect(budget.reserve(10))
        let audit = AuditLog(path: "/proc/none/audit.log") { _ in }
        let entry = AuditEntry(
            time: .now(), principal: "", peer: "", method: "", target: [], failure: nil, connection: 1)
        for _ in 0..<3 { audit.record(entry) }
        let ledger = Ledger(total: Resources(memoryMiB: 4096, cpuMilli: 2000), maxStarts: 1)
        for memory in [100, 5] as [UInt64] {
            let needs = Resources(memoryMiB: memory, cpuMilli: 250)
            let limits = PoolMachine.Limits(
                concurrency: 1, maxSlots: 1, maxWaiters: 1, idleNanos: 1, isSingleUse: false)
            let claim = Claim(needs: needs, pool: FunctionPool(limits: limits), start: memory, isUrgent: false)
            _ = ledger.event { $0.request(claim) }
        }
        counters.evictions.increment()
        let metrics = DaemonMetrics(
            version: "1.2\"3", startedAt: .now(), counters: counters, methods: methods,
            sessions: SessionRegistry(counters: counters), budget: budget,
            statistics: CallStatistics(catalog: Catalog(source: FixedSource()), counters: counters) { [] },
            functions: 10, audit: audit, ledger: ledger)
        let reader = try ExpositionReader(metrics.text(maxBytes: .max))

        let expected: [String: Double] = [
            "fnrpc_build_info{version=\"1.2\\\"3\"}": 1, "fnrpc_connections": 2, "fnrpc_calls_started_total": 5,
            "fnrpc_container_memory_bytes": 104_857_600, "fnrpc_container_memory_bytes_limit": 4_294_967_296,
            "fnrpc_container_cores": 0.25, "fnrpc_container_cores_limit": 2, "fnrpc_containers_starting": 1,
            "fnrpc_starts_waiting": 1, "fnrpc_evictions_total": 1, "fnrpc_thaws_total": 0, "fnrpc_containers_frozen": 0,
            "fnrpc_calls_total{status=\"success\"}": 2, "fnrpc_calls_total{status=\"timeout\"}": 1,
            "fnrpc_calls_total{status=\"cancelled\"}": 0, "fnrpc_call_seconds_count": 3,
            "fnrpc_call_seconds_bucket{le=\"0.000016\"}": 1, "fnrpc_call_seconds_bucket{le=\"0.001024\"}": 2,
            "fnrpc_call_seconds_bucket{le=\"67.108864\"}": 2, "fnrpc_call_seconds_bucket{le=\"+Inf\"}": 3,
            "fnrpc_call_wait_seconds_sum": 100.000000006, "fnrpc_call_run_seconds_count": 2,
            "fnrpc_cold_start_seconds_bucket{le=\"0.016384\"}": 0,
            "fnrpc_cold_start_seconds_bucket{le=\"0.032768\"}": 1, "fnrpc_functions_omitted": 0,
            "fnrpc_refusal_seconds_bucket{le=\"0.000001\"}": 1, "fnrpc_refusal_seconds_bucket{le=\"0.001024\"}": 3,
            "fnrpc_refusal_seconds_bucket{le=\"1.048576\"}": 3, "fnrpc_refusal_seconds_bucket{le=\"+Inf\"}": 4,
            "fnrpc_refusal_seconds_sum": 2.001026001,
            "fnrpc_calls_finished_total": 3, "fnrpc_containers": 0, "fnrpc_waiting_calls": 0,
            "fnrpc_records_dropped_total": 1, "fnrpc_audit_lines_lost_total": 3, "fnrpc_buffered_bytes": 10,
            "fnrpc_buffered_bytes_limit": 1000, "fnrpc_connection_bytes_total{direction=\"received\"}": 0,
            "fnrpc_requests_started_total{service=\"a.B\",method=\"Used\"}": 6,
            "fnrpc_requests_started_total{service=\"a.B\",method=\"Idle\"}": 0,
            "fnrpc_requests_started_total{service=\"routed\",method=\"\"}": 1,
            "fnrpc_requests_total{service=\"a.B\",method=\"Used\",code=\"OK\"}": 4,
            "fnrpc_requests_total{service=\"a.B\",method=\"Used\",code=\"NOT_FOUND\"}": 1,
            "fnrpc_requests_total{service=\"a.B\",method=\"Idle\",code=\"OK\"}": 0,
            "fnrpc_requests_total{service=\"routed\",method=\"\",code=\"UNKNOWN\"}": 1,
            "fnrpc_request_duration_seconds_bucket{service=\"a.B\",method=\"Used\",le=\"0.000001\"}": 2,
            "fnrpc_request_duration_seconds_bucket{service=\"a.B\",method=\"Used\",le=\"0.000002\"}": 4,
            "fnrpc_request_duration_seconds_bucket{service=\"a.B\",method=\"Used\",le=\"4.194304\"}": 4,
            "fnrpc_request_duration_seconds_bucket{service=\"a.B\",method=\"Used\",le=\"8.388608\"}": 5,
            "fnrpc_request_duration_seconds_count{service=\"a.B\",method=\"Used\"}": 5,
            "fnrpc_request_duration_seconds_sum{service=\"a.B\",method=\"Used\"}": 5.000005,
            "fnrpc_request_duration_seconds_bucket{service=\"routed\",method=\"\",le=\"33.554432\"}": 0,
            "fnrpc_request_duration_seconds_bucket{service=\"routed\",method=\"\",le=\"+Inf\"}": 1,
        ]
        for (key, value) in expected { #expect(reader.values[key] == value, "\(key)") }
        #expect(!reader.values.keys.contains { $0.contains("Idle") && $0.contains("duration") })
        #expect(!reader.values.keys.contains { $0.contains("Idle") && $0.contains("NOT_FOUND") })
    }

    @Test func familiesKeepTheirOrder() throws {
        let counters = Counters()
        let metrics = DaemonMetrics(
            version: "1", startedAt: .now(), counters: counters, methods: MethodTable([]),
            sessions: SessionRegistry(counters: counters), budget: ByteBudget(limit: 1),
            statistics: CallStatistics(catalog: Catalog(source: FixedSource()), counters: counters) { [] },
            functions: 10, audit: AuditLog(path: "/proc/none/audit.log") { _ in },
            ledger: Ledger(total: .none, maxStarts: 1))
        let first = try ExpositionReader(metrics.text(maxBytes: .max))
        #expect(first.families.count == 43)
        #expect(try ExpositionReader(metrics.text(maxBytes: .max)).families == first.families)
    }

    @Test func theProcessIsThisOne() throws {
        let before = ProcessFigures.now()
        let descriptor = open("/dev/null", O_RDONLY)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let after = ProcessFigures.now()
        let (resident, processor) = (try #require(after.residentBytes), try #require(after.processorNanos))
        #expect(resident > 1 << 20 && resident < 1 << 40)
        #expect(processor >= (before.processorNanos ?? .max) && processor > 0)
        // Other tests open and close files at the same time.
        #expect(try #require(after.openFiles) >= 4)
        #expect(try #require(after.maxFiles) > #require(after.openFiles))
    }
}
