import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc call logs`.
struct CallLogs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Prints what a call wrote to standard error and output, unchanged.",
        discussion: "Example: fnrpc call logs 01JD5V7Q3M0K8T2W4X6Y9Z1ABC")

    @Argument(help: "The call's id, as fnrpc call list shows it.")
    var id: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { try CallCommands.checkID(id) }

    func run() async throws {
        let logs: GetCallLogsResponse = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Calls", "Logs", GetCallLogsRequest(id: id), timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json:
            let members = JSON.body(logs.log, "log").merging([
                "call_id": .string(id), "truncated": .bool(logs.truncated), "removed": .bool(logs.removed),
            ]) { own, _ in own }
            try JSON.object(members).print()
        case .table:
            try Terminal.write(logs.log, to: STDOUT_FILENO)
            if logs.removed { Terminal.warn("the log was removed; it was too old, or its place was needed") }
            if logs.truncated { Terminal.warn("the log was longer than the daemon keeps; this is its beginning") }
        }
    }
}
