import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc call get`.
struct CallGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows one finished call.",
        discussion: "Example: fnrpc call get 01JD5V7Q3M0K8T2W4X6Y9Z1ABC")

    @Argument(help: "The call's id, as fnrpc call list shows it.")
    var id: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { try CallCommands.checkID(id) }

    func run() async throws {
        let call: CallRecord = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Calls", "Get", GetCallRequest(id: id), timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(call).print()
        case .table:
            let text = Table.pairs([
                ("call", call.meta.id.description),
                ("function", "\(call.appName)/\(call.functionName)@\(call.version)"),
                ("asked for", call.requested),
                ("status", call.status.rawValue), ("error", call.error),
                ("accepted", Shown.time(call.meta.createdAt)),
                ("started", call.startedAt.map(Shown.time) ?? "never"), ("completed", Shown.time(call.completedAt)),
                ("waited", Shown.duration(call.waitNanos)),
                ("cold start", call.coldStartNanos.map(Shown.duration) ?? "none, the container was hot"),
                ("ran", Shown.duration(call.runNanos)), ("container", call.container),
                ("trace", call.traceID ?? "none"),
            ])
            try Terminal.write(text, to: STDOUT_FILENO)
        }
    }
}
