import Model
import Wire

/// What `fnrpc top` shows.
extension Activity {
    /// On the screen, for so many lines at most.
    ///
    /// - Parameter interval: what the rates are of; `nil`: the time since the daemon started.
    func lines(interval: UInt64?, height: Int) -> [String] {
        let period = interval.map { "the last \(Shown.duration($0))" } ?? "the time since it started"
        var lines = ["fnrpcd up \(Shown.duration(uptimeNanos)); rates of \(period); q quits", rates, state]
        var table = Table(
            "FUNCTION", "CALLS/S", "ERRORS/S", "RUN P50", "RUN P99", "WAIT P99", "RUNNING", "WAITING", "BUSY", "IDLE",
            "FROZEN", "STARTING", "LEAVING")
        table.rows = functions.map { row in
            let states = [row.load.busy, row.load.idle, row.load.frozen, row.load.starting, row.load.leaving]
            return [
                row.name, Shown.rate(rate(row.calls)), Shown.rate(rate(row.errors)),
                Self.time(row.run.quantile(0.5)), Self.time(row.run.quantile(0.99)),
                Self.time(row.wait.quantile(0.99)), "\(row.load.running)", "\(row.load.waiting)",
            ] + states.map { "\($0)" }
        }
        lines += [""] + table.text.split(separator: "\n").map(String.init)
        guard lines.count > height, height > 5 else { return lines }
        let hidden = lines.count - (height - 1)
        return lines.prefix(height - 1) + ["and \(hidden) functions more"]
    }

    /// Everything together in one line.
    var summary: String { rates + ", " + state }

    private var rates: String {
        [
            "\(Shown.rate(rate(all.calls))) calls/s", "\(Shown.rate(rate(all.errors))) errors/s",
            "run p50 \(Self.time(all.run.quantile(0.5))) p99 \(Self.time(all.run.quantile(0.99)))",
            "wait p99 \(Self.time(all.wait.quantile(0.99)))",
        ].joined(separator: ", ")
    }

    private var state: String {
        let load = all.load
        var parts = [
            "\(load.running) running", "\(load.waiting) waiting", "\(load.containers) containers",
        ]
        if let daemon {
            parts.append("\(Shown.bytes(daemon.memoryBytes)) of \(Shown.bytes(daemon.memoryBytesLimit))")
            parts.append("\(daemon.connections) connections")
        }
        return parts.joined(separator: ", ")
    }

    private static func time(_ nanos: UInt64?) -> String { nanos.map(Shown.duration) ?? "-" }
}

extension JSON {
    /// - Parameter at: when the interval ended.
    init(_ activity: Activity, at: Timestamp) {
        guard case .object(var members) = JSON(activity.all, of: activity) else {
            preconditionFailure("BUG: a row is an object")
        }
        members["at"] = .string(at.description)
        members["seconds"] = .number(activity.seconds)
        members["memory_bytes"] = activity.daemon.map { .unsigned($0.memoryBytes) } ?? .null
        members["functions"] = .array(activity.functions.map { JSON($0, of: activity) })
        self = .object(members)
    }

    private init(_ row: Activity.Row, of activity: Activity) {
        func time(_ nanos: UInt64?) -> JSON { nanos.map { .unsigned($0) } ?? .null }
        self = .object([
            "name": .string(row.name), "calls_per_second": .number(activity.rate(row.calls)),
            "errors_per_second": .number(activity.rate(row.errors)), "run_p50_nanos": time(row.run.quantile(0.5)),
            "run_p99_nanos": time(row.run.quantile(0.99)), "wait_p50_nanos": time(row.wait.quantile(0.5)),
            "wait_p99_nanos": time(row.wait.quantile(0.99)), "load": JSON(row.load),
        ])
    }
}
