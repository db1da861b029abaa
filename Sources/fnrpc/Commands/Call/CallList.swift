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

    @Option(
        help: ArgumentHelp("Only calls that came by this path of the app, as its trigger has it.", valueName: "path"))
    var path: String?

    @Option(help: "Only calls that ended so: success, failed, error, timeout, cancelled.")
    var status: CallStatus?

    @Option(
        help: ArgumentHelp("Only calls since then: RFC 3339, or an age such as 10m.", valueName: "time"),
        transform: PointInTime.read)
    var since: PointInTime?

    @Option(
        help: ArgumentHelp("Only calls before then: RFC 3339, or an age such as 10m.", valueName: "time"),
        transform: PointInTime.read)
    var until: PointInTime?

    @OptionGroup var matching: FilterOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...100_000).contains(limit) else {
            throw ValidationError("--limit: \(limit) is out of range; 1 to 100000")
        }
        let wanted = try usage { () throws(Failure) in try filter() }
        guard path == nil || (!wanted.app.isEmpty && wanted.function.isEmpty) else {
            throw ValidationError("--path: give it with an app, without a function")
        }
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
        let now = Timestamp.now()
        let calls = try await connection.withClient { client in
            try await everyPage(limit: limit) { page in
                let request = ListCallsRequest(
                    app: filter.app, function: filter.function, page: page, filter: matching.filter,
                    path: path ?? "", status: status?.rawValue ?? "", since: since?.nanoseconds(at: now) ?? 0,
                    until: until?.nanoseconds(at: now) ?? 0)
                let answer: ListCallsResponse = try await client.call(
                    "fnrpc.v1.Calls", "List", request, timeout: CommandLimits.answer)
                return (answer.calls, answer.nextCursor)
            }
        }
        switch output.output {
        case .json: try JSON.object(["calls": .array(calls.map { JSON($0) })]).print()
        case .table:
            var table = Table("ID", "FUNCTION", "ASKED FOR", "STATUS", "STARTED", "COLD", "RUN", "WHY")
            table.rows = calls.map {
                [
                    $0.meta.id.description, "\($0.appName)/\($0.functionName)@\($0.version)", $0.requested,
                    $0.status.rawValue, $0.startedAt.map(Shown.time) ?? "-",
                    $0.coldStartNanos.map(Shown.duration) ?? "-",
                    Shown.duration($0.runNanos), $0.why,
                ]
            }
            try Terminal.write(table.text, to: STDOUT_FILENO)
        }
    }
}

extension CallStatus: ExpressibleByArgument {}

extension CallRecord {
    /// Why it did not succeed, for people.
    var why: String {
        if !error.isEmpty { return error }
        return [reason.rawValue, exit?.text ?? ""].filter { !$0.isEmpty }.joined(separator: ": ")
    }

    /// What the caller wrote behind the `@`, for people.
    var requested: String {
        if !requestedAlias.isEmpty { return "@" + requestedAlias }
        return requestedVersion > 0 ? "@\(requestedVersion)" : "working copy"
    }
}
