import Access
import Calls
import Catalog
import Foundation
import Loop
import Model
import Pool
import Telemetry
import Testing

@testable import Metrics

/// Figures of single functions.
@Suite struct FunctionMetricsTests {
    /// A daemon's metrics with these functions, each called once more than the one behind it.
    private func bench(
        _ names: [(app: String, function: String)], functions: Int = 1000
    ) throws -> (metrics: DaemonMetrics, runnables: [Runnable]) {
        let catalog = Catalog(source: try FixedSource(names))
        let counters = Counters()
        let runnables = try names.map { try #require(catalog.runnable($0.app, $0.function)) }
        for (index, runnable) in runnables.enumerated() {
            for _ in index..<names.count { runnable.metrics.common.ended(.success, wait: 10, run: 1_000_000, total: 0) }
        }
        let metrics = DaemonMetrics(
            version: "1", startedAt: .now(), counters: counters, methods: MethodTable([]),
            sessions: SessionRegistry(counters: counters), budget: ByteBudget(limit: 1),
            statistics: CallStatistics(catalog: catalog, counters: counters) { runnables }, functions: functions,
            audit: AuditLog(path: "/proc/none/audit.log") { _ in }, ledger: Ledger(total: .none, maxStarts: 1))
        return (metrics, runnables)
    }

    private func numbers(_ count: Int) -> [(app: String, function: String)] {
        (0..<count).map { ("app", "f\($0)") }
    }

    @Test func everyFunctionHasItsNumbers() throws {
        let (metrics, runnables) = try bench([("a", "f"), ("b", "f")])
        let figures = runnables[0].metrics.block(of: runnables[0])
        figures.ended(.failed, wait: 300_000, run: 100_000_000_000, total: 0)
        figures.coldStarted(nanos: 1)
        let waiters = [Waiter(), Waiter()]
        runnables[0].pool.event { machine in
            for waiter in waiters { _ = machine.lease(waiter, of: waiter, now: Instant(nanoseconds: 1)) }
        }
        let values = try ExpositionReader(metrics.text(maxBytes: .max)).values
        let function = "app=\"a\",function=\"f\""
        let other = "app=\"b\",function=\"f\""
        let expected: [String: Double] = [
            "calls_total{\(function),status=\"success\"}": 2, "calls_total{\(function),status=\"failed\"}": 1,
            "calls_total{\(other),status=\"success\"}": 1, "cold_starts_total{\(function)}": 1,
            "cold_starts_total{\(other)}": 0, "waiting_calls{\(function)}": 2, "waiting_calls{\(other)}": 0,
            "running_calls{\(function)}": 0, "containers{\(function),state=\"starting\"}": 1,
            "containers{\(function),state=\"idle\"}": 0, "run_seconds_count{\(function)}": 3,
            "run_seconds_bucket{\(function),le=\"0.001024\"}": 2, "run_seconds_bucket{\(function),le=\"67.108864\"}": 2,
            "run_seconds_bucket{\(function),le=\"+Inf\"}": 3, "wait_seconds_bucket{\(function),le=\"0.000256\"}": 2,
            "wait_seconds_bucket{\(function),le=\"0.001024\"}": 3, "run_seconds_sum{\(other)}": 0.001,
        ]
        for (key, value) in expected { #expect(values["fnrpc_function_" + key] == value, "\(key)") }
        #expect(values["fnrpc_function_calls_total{\(other),status=\"failed\"}"] == nil)
        #expect(values["fnrpc_waiting_calls"] == 2)
        _ = runnables[0].pool.event { $0.close() }
    }

    @Test func everyFamilyIsDocumentedAndNoOther() throws {
        let families = try ExpositionReader(try bench(numbers(1)).metrics.text(maxBytes: .max)).families
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/metrics.md")
        let rows = try String(contentsOf: page, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("| `") }
        let documented = rows.flatMap { row in
            row.split(separator: "|")[0].split(separator: "`").map { $0.prefix { $0 != "{" } }
                .filter { $0.hasPrefix("fnrpc_") || $0.hasPrefix("process_") }.map(String.init)
        }
        #expect(Set(documented) == Set(families))
    }

    @Test func onlyThoseWithMostCallsHaveTheirOwn() throws {
        let (metrics, _) = try bench(numbers(12), functions: 5)
        let values = try ExpositionReader(metrics.text(maxBytes: .max)).values
        let own = values.keys.filter { $0.hasPrefix("fnrpc_function_calls_total{") }
        #expect(
            Set(own)
                == Set((0..<5).map { "fnrpc_function_calls_total{app=\"app\",function=\"f\($0)\",status=\"success\"}" })
        )
        #expect(values["fnrpc_functions_omitted"] == 7)
        let none = try ExpositionReader(try bench(numbers(3), functions: 0).metrics.text(maxBytes: .max))
        #expect(none.values["fnrpc_functions_omitted"] == 3)
        #expect(none.families == (try ExpositionReader(metrics.text(maxBytes: .max)).families))
    }

    /// Whatever the limit is, the text is valid and keeps it, and says how many are left out.
    @Test func theTextKeepsItsLimit() throws {
        let long = String(repeating: "x", count: 200)
        let names = numbers(60) + (0..<20).map { ("app", long + "\($0)") }
        let (metrics, _) = try bench(names)
        let whole = metrics.text(maxBytes: .max)
        let least = try bench(names, functions: 0).metrics.text(maxBytes: .max).count
        #expect(whole.count > 3 * least)
        for limit in [whole.count + 64, whole.count - 64, whole.count / 2, least + 5000, least + 100, least] {
            let text = metrics.text(maxBytes: limit)
            // Figures of the process have one digit more or less.
            #expect(text.count <= limit + 64, "\(text.count) of \(limit)")
            let values = try ExpositionReader(text).values
            let own = values.keys.count { $0.hasPrefix("fnrpc_function_waiting_calls{") }
            #expect(values["fnrpc_functions_omitted"] == Double(80 - own))
            #expect(own == 80 || limit < whole.count + 64)
        }
        #expect(try ExpositionReader(metrics.text(maxBytes: 0)).values["fnrpc_functions_omitted"] == 80)
    }

    @Test func theOrderStays() throws {
        let (metrics, runnables) = try bench(numbers(4))
        func order() -> [String] { metrics.statistics.look().busiest(10).functions.map(\.function.name.text) }
        #expect(order() == ["f0", "f1", "f2", "f3"])
        for _ in 0..<3 { runnables[3].metrics.common.ended(.error, wait: 0, run: nil, total: 0) }
        // As many as the first has: by name.
        #expect(order() == ["f0", "f3", "f1", "f2"])
        let look = metrics.statistics.look()
        let (wanted, omitted) = look.busiest(1) { $0.name.text != "f0" }
        #expect(wanted.map(\.function.name.text) == ["f3"] && omitted == 2)
        #expect(wanted[0].calls.ended == [.success: 1, .error: 3, .failed: 0, .timeout: 0, .cancelled: 0])
    }
}
