import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc stats`.
struct StatsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Shows how many calls there were since the daemon started, and how long they took.",
        discussion: """
            Example: fnrpc stats demo
            Functions that were not called for long are forgotten; without a function's name all calls are counted too.
            """)

    @OptionGroup var scope: ScopeArgument

    @Option(help: "Most functions to show, 1 to 1000: those with most calls. Default: 100.", transform: UInt32.read)
    var limit: UInt32 = 100

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...ScopeArgument.mostFunctions).contains(limit) else {
            throw ValidationError("--limit: \(limit) is out of range; 1 to \(ScopeArgument.mostFunctions)")
        }
    }

    func run() async throws {
        let stats = try await connection.withClient { client in
            try await scope.ask(client, limit: limit, buckets: output.output == .json)
        }
        switch output.output {
        case .json: try JSON(stats).print()
        case .table:
            try Terminal.write(Self.table(stats, isAll: scope.isEmpty).text, to: STDOUT_FILENO)
            if stats.omitted > 0 { try Terminal.print("and \(stats.omitted) functions more") }
        }
    }

    /// - Parameter isAll: whether all functions were asked for; then the first row is of all together.
    static func table(_ stats: SystemStatsResponse, isAll: Bool) -> Table {
        var table = Table(
            "FUNCTION", "SUCCESS", "FAILED", "ERROR", "TIMEOUT", "CANCELLED", "COLD", "RUNNING", "WAITING",
            "CONTAINERS", "RUN P50", "P95", "P99", "WAIT P50", "P99")
        if isAll, let all = stats.daemon {
            table.rows.append(row("all", all.calls, all.coldStart?.count ?? 0, all.load, all.run, all.wait))
        }
        table.rows += stats.functions.map { function in
            row(
                "\(function.app)/\(function.function)", function.calls, function.coldStarts, function.load,
                function.run,
                function.wait)
        }
        return table
    }

    private static func row(
        _ name: String, _ calls: CallCounts?, _ coldStarts: UInt64, _ load: Load?, _ run: Durations?,
        _ wait: Durations?
    ) -> [String] {
        let (calls, load) = (calls ?? CallCounts(), load ?? Load())
        let counts = [calls.success, calls.failed, calls.error, calls.timeout, calls.cancelled, coldStarts]
        let cells = [name] + counts.map { "\($0)" } + ["\(load.running)", "\(load.waiting)", "\(load.containers)"]
        return cells + quantiles(run, \.p50Nanos, \.p95Nanos, \.p99Nanos) + quantiles(wait, \.p50Nanos, \.p99Nanos)
    }

    private static func quantiles(_ durations: Durations?, _ paths: KeyPath<Durations, UInt64>...) -> [String] {
        guard let durations, durations.count > 0 else { return paths.map { _ in "-" } }
        return paths.map { Shown.duration(durations[keyPath: $0]) }
    }
}

/// Which functions are meant: all, an app's, or one.
struct ScopeArgument: ParsableArguments {
    /// In one answer of the daemon.
    static let mostFunctions: UInt32 = 1000

    @Argument(help: ArgumentHelp("Only this app or function.", valueName: "app[/fn]"))
    private var function: String?

    /// Whether all are meant.
    var isEmpty: Bool { function == nil }

    /// Names or ids; empty: all.
    private var names: (app: String, function: String) {
        get throws(Failure) {
            guard let function else { return ("", "") }
            guard function.contains("/") else {
                if Identifier(function) == nil { _ = try Name(function, field: "app") }
                return (function, "")
            }
            let path = try FunctionPath(function)
            guard path.version == 0 else { throw Failure(.invalid, "\(function): give the function without @VERSION") }
            return (path.app, path.function)
        }
    }

    func validate() throws {
        _ = try usage { () throws(Failure) in try names }
    }

    /// What the daemon has counted of them.
    func ask(_ client: Client, limit: UInt32, buckets: Bool) async throws -> SystemStatsResponse {
        let (app, function) = try names
        return try await client.call(
            "fnrpc.v1.System", "Stats",
            SystemStatsRequest(app: app, function: function, limit: limit, buckets: buckets),
            timeout: CommandLimits.answer)
    }
}

extension Load {
    /// Of every state.
    var containers: UInt32 { starting + idle + frozen + busy + leaving }
}
