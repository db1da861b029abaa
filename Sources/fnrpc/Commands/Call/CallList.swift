import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc call list`.
struct CallList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists finished calls, newest first.",
        discussion: "Example: fnrpc call list demo/hello --limit 5")

    @Argument(help: ArgumentHelp("Only calls of this app or function.", valueName: "app[/fn]"))
    var function: String?

    @Option(help: "Most calls to list, 1 to 100000.")
    var limit = 50

    @OptionGroup var matching: FilterOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...100_000).contains(limit) else {
            throw ValidationError("--limit: \(limit) is out of range; 1 to 100000")
        }
        _ = try usage { () throws(Failure) in try filter() }
    }

    /// The names or ids to filter by; empty: all.
    private func filter() throws(Failure) -> (app: String, function: String) {
        guard let function else { return ("", "") }
        guard function.contains("/") else {
            try checkNameOrID(function, field: "app")
            return (function, "")
        }
        let reference = try FunctionPath(function)
        guard reference.version == 0 else {
            throw Failure(.invalid, "\(function): give the function without @VERSION")
        }
        return (reference.app, reference.function)
    }

    func run() async throws {
        let filter = try filter()
        let calls = try await connection.withClient { client in
            try await everyPage(limit: limit) { page in
                let request = ListCallsRequest(
                    app: filter.app, function: filter.function, page: page, filter: matching.filter)
                let answer: ListCallsResponse = try await client.call(
                    "fnrpc.v1.Calls", "List", request, timeout: CommandLimits.answer)
                return (answer.calls, answer.nextCursor)
            }
        }
        switch output.output {
        case .json: try JSON.object(["calls": .array(calls.map { JSON($0) })]).print()
        case .table:
            var table = Table("ID", "FUNCTION", "ASKED FOR", "STATUS", "STARTED", "COLD", "RUN", "ERROR")
            table.rows = calls.map {
                [
                    $0.meta.id.description, "\($0.appName)/\($0.functionName)@\($0.version)", $0.requested,
                    $0.status.rawValue, $0.startedAt.map(Shown.time) ?? "-",
                    $0.coldStartNanos.map(Shown.duration) ?? "-",
                    Shown.duration($0.runNanos), $0.error,
                ]
            }
            try Terminal.write(table.text, to: STDOUT_FILENO)
        }
    }
}

extension CallRecord {
    /// What the caller wrote behind the `@`, for people.
    var requested: String {
        if !requestedAlias.isEmpty { return "@" + requestedAlias }
        return requestedVersion > 0 ? "@\(requestedVersion)" : "working copy"
    }
}
