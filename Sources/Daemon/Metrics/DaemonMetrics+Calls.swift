internal import Model
internal import Synchronization
internal import Telemetry

/// Calls of functions, and the containers that serve them.
extension DaemonMetrics {
    /// Upper bounds of the histograms of all calls, nanoseconds: 16 µs to 67 s in powers of two.
    private static let bounds = (4...26).map { UInt64(1000) << UInt64($0) }
    /// Of refusals: 1 µs to 1 s in powers of two.
    private static let refusalBounds = (0...20).map { UInt64(1000) << UInt64($0) }
    /// Of each function, to have fewer: 256 µs to 67 s in powers of four.
    private static let functionBounds = stride(from: 8, through: 26, by: 2).map { UInt64(1000) << UInt64($0) }

    func writeCalls(_ out: inout Exposition, _ load: LoadFigures) {
        // In this order, so that never more calls have ended than were started.
        let figures = statistics.calls
        let finished = counters.callsFinished.load(ordering: .relaxed)
        let started = counters.callsStarted.load(ordering: .relaxed)
        out.single("fnrpc_calls_started_total", .counter, "Calls of functions that were accepted.", started)
        out.single("fnrpc_calls_finished_total", .counter, "Calls of functions that were answered.", finished)
        let calls = "fnrpc_calls_total"
        out.family(calls, .counter, "Calls of functions that have ended, by how.")
        for status in CallStatus.completed {
            out.sample(calls, ["status": status.rawValue], figures.ended[status] ?? 0)
        }
        write(&out, "fnrpc_call_seconds", "From a call's acceptance to its answer.", figures.total)
        write(
            &out, "fnrpc_call_wait_seconds", "From a call's acceptance to a container, or to its end without one.",
            figures.wait)
        write(&out, "fnrpc_call_run_seconds", "Of calls that got a container, from then to their answer.", figures.run)
        write(
            &out, "fnrpc_cold_start_seconds", "From the start of a container until it is ready for calls.",
            figures.coldStart)
        let refusals = "fnrpc_refusal_seconds"
        out.family(
            refusals, .histogram,
            "Of requests that a limit refused at once: from the read of their last byte until their answer was queued.")
        out.histogram(
            refusals, [:], counts: figures.refusal.counts(upTo: Self.refusalBounds), bounds: Self.refusalBounds,
            sum: figures.refusal.sum)
        out.single(
            "fnrpc_containers", .gauge, "Containers that start, are ready or are being removed.",
            UInt64(clamping: counters.containers.load(ordering: .relaxed)))
        out.single(
            "fnrpc_waiting_calls", .gauge, "Calls that wait for a container, in the queues of all functions.",
            UInt64(clamping: load.waiting))
    }

    private func write(_ out: inout Exposition, _ name: String, _ help: String, _ durations: DurationCounts) {
        out.family(name, .histogram, help)
        out.histogram(
            name, [:], counts: durations.counts(upTo: Self.bounds), bounds: Self.bounds, sum: durations.sum)
    }

    /// - Parameter omitted: how many functions more there are.
    func writeFunctions(_ out: inout Exposition, _ functions: ArraySlice<FunctionFigures>, omitted: Int) {
        out.single(
            "fnrpc_functions_omitted", .gauge,
            "Functions that were called and have no figures of their own here: those with fewest calls (metrics-functions).",
            UInt64(clamping: omitted))
        let calls = "fnrpc_function_calls_total"
        out.family(calls, .counter, "Calls of a function that have ended, by how.")
        for function in functions {
            for status in CallStatus.completed {
                guard let count = function.calls.ended[status], count > 0 || status == .success else { continue }
                let (app, name) = function.names
                out.sample(calls, ["app": app, "function": name, "status": status.rawValue], count)
            }
        }
        write(
            &out, functions, "fnrpc_function_wait_seconds",
            "From a call's acceptance to a container, or to its end without one.", \.wait)
        write(
            &out, functions, "fnrpc_function_run_seconds", "Of calls that got a container, from then to their answer.",
            \.run)
        write(
            &out, functions, "fnrpc_function_cold_starts_total", .counter,
            "Containers of a function that became ready for calls."
        ) { $0.calls.coldStarts }
        write(
            &out, functions, "fnrpc_function_running_calls", .gauge, "Calls of a function that are in a container."
        ) { UInt64(clamping: $0.load.running) }
        write(
            &out, functions, "fnrpc_function_waiting_calls", .gauge, "Calls of a function that wait for a container."
        ) { UInt64(clamping: $0.load.waiting) }
        let containers = "fnrpc_function_containers"
        out.family(containers, .gauge, "Containers of a function, by what they do; idle ones are not frozen.")
        for function in functions {
            let (app, name) = function.names
            for (state, count) in function.load.containers {
                out.sample(containers, ["app": app, "function": name, "state": state], UInt64(clamping: count))
            }
        }
    }

    private func write(
        _ out: inout Exposition, _ functions: ArraySlice<FunctionFigures>, _ family: String, _ help: String,
        _ durations: KeyPath<CallFigures, DurationCounts>
    ) {
        out.family(family, .histogram, help)
        for function in functions {
            let (app, name) = function.names
            let times = function.calls[keyPath: durations]
            out.histogram(
                family, ["app": app, "function": name], counts: times.counts(upTo: Self.functionBounds),
                bounds: Self.functionBounds, sum: times.sum)
        }
    }

    private func write(
        _ out: inout Exposition, _ functions: ArraySlice<FunctionFigures>, _ family: String, _ kind: Exposition.Kind,
        _ help: String, _ number: (FunctionFigures) -> UInt64
    ) {
        out.family(family, kind, help)
        for function in functions {
            let (app, name) = function.names
            out.sample(family, ["app": app, "function": name], number(function))
        }
    }
}

extension FunctionFigures {
    fileprivate var names: (app: String, function: String) { (function.appName.text, function.name.text) }
}

extension LoadFigures {
    fileprivate var containers: KeyValuePairs<String, Int> {
        ["starting": starting, "idle": idle, "frozen": frozen, "busy": busy, "leaving": leaving]
    }
}
