import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc runtime list`.
struct RuntimeList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the runtimes by name.", discussion: "Example: fnrpc runtime list")

    @OptionGroup var filter: FilterOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let runtimes = try await connection.withClient { client in
            try await everyPage { page in
                let request = ListRuntimesRequest(page: page, filter: filter.filter)
                let answer: ListRuntimesResponse = try await client.call(
                    "fnrpc.v1.Runtimes", "List", request, timeout: CommandLimits.answer)
                return (answer.runtimes, answer.nextCursor)
            }
        }
        switch output.output {
        case .json: try JSON.object(["runtimes": .array(runtimes.map { JSON($0) })]).print()
        case .table:
            var table = Table("NAME", "ROOT", "COMMAND", "ZYGOTE", "POOL", "DESCRIPTION")
            table.rows = runtimes.map {
                [
                    $0.name.text, $0.root, $0.isBuiltIn ? "built in" : $0.command.joined(separator: " "),
                    $0.zygote ? "yes" : "no", "\($0.poolSize)", $0.description,
                ]
            }
            try Terminal.write(table.text, to: STDOUT_FILENO)
        }
    }
}
