import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc worker list`.
struct WorkerList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the containers of a function's working copy, or of a version.",
        discussion: "Example: fnrpc worker list demo/hello@3")

    @OptionGroup var function: RevisionArgument
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = try function.path
        let answer: ListWorkersResponse = try await connection.withClient { client in
            try await client.call(
                "fnrpc.v1.Workers", "List",
                WorkersRequest(app: path.app, function: path.function, version: path.version),
                timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(answer).print()
        case .table:
            var table = Table("CONTAINER", "VERSION", "STATE", "CALLS", "MEMORY", "STARTED", "LAST USED")
            table.rows = answer.workers.map {
                [
                    $0.container, $0.version == 0 ? "-" : "\($0.version)", $0.state, "\($0.calls)",
                    "\($0.memoryMiB) MiB", $0.startedAt.nanoseconds == 0 ? "-" : Shown.time($0.startedAt),
                    $0.lastUsedAt.nanoseconds == 0 ? "never" : Shown.time($0.lastUsedAt),
                ]
            }
            try Terminal.write(table.text, to: STDOUT_FILENO)
            if answer.waitingCalls > 0 { try Terminal.print("\(answer.waitingCalls) calls wait for a container") }
        }
    }
}
