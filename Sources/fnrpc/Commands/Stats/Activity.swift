import Model
import Wire

/// What happened between two answers of `System/Stats`.
struct Activity {
    /// Of one function, or of all.
    struct Row {
        let name: String
        /// Calls that have ended.
        let calls: UInt64
        /// Those of them that failed, by the function, the platform or a clock.
        let errors: UInt64
        let run: Histogram
        let wait: Histogram
        /// Now.
        let load: Load
    }

    /// How long it was; never 0.
    let seconds: Double
    /// Of everything that was asked for.
    let all: Row
    /// Those with most calls first.
    let functions: [Row]
    /// Of the daemon, if the caller may know.
    let daemon: DaemonStats?
    /// Since when the daemon runs, nanoseconds.
    let uptimeNanos: UInt64

    /// - Parameters:
    ///   - old: the answer before; `nil`: everything since the daemon started counts.
    ///   - isAll: whether all functions were asked for.
    init(from old: SystemStatsResponse?, to new: SystemStatsResponse, isAll: Bool) {
        // What was counted before the daemon started again is gone.
        let old = old.flatMap { $0.uptimeNanos < new.uptimeNanos ? $0 : nil }
        seconds = max(Double(new.uptimeNanos - (old?.uptimeNanos ?? 0)) / 1e9, 1e-9)
        daemon = new.daemon
        uptimeNanos = new.uptimeNanos
        let before = Dictionary((old?.functions ?? []).map { ($0.name, $0) }) { $1 }
        var rows: [(row: Row, total: UInt64)] = []
        for function in new.functions {
            let earlier = before[function.name]
            let row = Row(
                name: function.name, from: earlier?.calls, to: function.calls, run: (earlier?.run, function.run),
                wait: (earlier?.wait, function.wait), load: function.load)
            rows.append((row, (function.calls ?? CallCounts()).ended))
        }
        // Between equals, those that were called more stay where they are.
        rows.sort { ($0.row.calls, $0.total, $1.row.name) > ($1.row.calls, $1.total, $0.row.name) }
        functions = rows.map(\.row)
        if isAll, let daemon = new.daemon {
            all = Row(
                name: "all", from: old?.daemon?.calls, to: daemon.calls, run: (old?.daemon?.run, daemon.run),
                wait: (old?.daemon?.wait, daemon.wait), load: daemon.load)
        } else {
            all = Row(sumOf: functions)
        }
    }

    /// In a second.
    func rate(_ count: UInt64) -> Double { Double(count) / seconds }
}

extension Activity.Row {
    fileprivate init(
        name: String, from old: CallCounts?, to new: CallCounts?, run: (Durations?, Durations?),
        wait: (Durations?, Durations?), load: Load?
    ) {
        let (old, new) = (old ?? CallCounts(), new ?? CallCounts())
        self.name = name
        calls = Self.growth(old.ended, new.ended)
        errors = Self.growth(old.errors, new.errors)
        self.run = Self.since(run.0, run.1)
        self.wait = Self.since(wait.0, wait.1)
        self.load = load ?? Load()
    }

    fileprivate init(sumOf rows: [Self]) {
        name = "all"
        calls = rows.reduce(0) { $0 + $1.calls }
        errors = rows.reduce(0) { $0 + $1.errors }
        run = Histogram(sumOf: rows.map(\.run))
        wait = Histogram(sumOf: rows.map(\.wait))
        load = rows.reduce(Load()) { sum, row in
            Load(
                starting: sum.starting + row.load.starting, idle: sum.idle + row.load.idle,
                frozen: sum.frozen + row.load.frozen, busy: sum.busy + row.load.busy,
                leaving: sum.leaving + row.load.leaving, running: sum.running + row.load.running,
                waiting: sum.waiting + row.load.waiting)
        }
    }

    /// A counter that is lower than before has begun anew.
    private static func growth(_ old: UInt64, _ new: UInt64) -> UInt64 { new >= old ? new - old : new }

    private static func since(_ old: Durations?, _ new: Durations?) -> Histogram {
        (new ?? Durations()).histogram.since((old ?? Durations()).histogram)
    }
}

extension Durations {
    /// Its buckets.
    var histogram: Histogram {
        Histogram(
            buckets: buckets.map { Histogram.Bucket(above: $0.aboveNanos, upTo: $0.upToNanos, count: $0.count) },
            sum: sumNanos)
    }
}

extension CallCounts {
    fileprivate var ended: UInt64 { success + failed + error + timeout + cancelled }
    fileprivate var errors: UInt64 { failed + error + timeout }
}

extension FunctionStats {
    fileprivate var name: String { "\(app)/\(function)" }
}
