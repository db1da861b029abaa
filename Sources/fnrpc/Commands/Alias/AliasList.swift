import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc alias list`.
struct AliasList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists a function's aliases by name.",
        discussion: "Example: fnrpc alias list demo/hello")

    @OptionGroup var function: FunctionArgument
    @OptionGroup var filter: FilterOptions
    @OptionGroup var limit: LimitOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = try function.path
        let aliases = try await connection.withClient { client in
            try await everyPage(limit: limit.most) { page in
                let request = ListAliasesRequest(
                    app: path.app, function: path.function, page: page, filter: filter.filter)
                let answer: ListAliasesResponse = try await client.call(
                    "fnrpc.v1.Aliases", "List", request, timeout: CommandLimits.answer)
                return (answer.aliases, answer.nextCursor)
            }
        }
        switch output.output {
        case .json: try JSON.object(["aliases": .array(aliases.map { JSON($0) })]).print()
        case .table:
            var table = Table("NAME", "VERSION", "SINCE", "STICKY KEY", "DESCRIPTION")
            table.rows = aliases.map {
                [$0.name.text, $0.target.shown, Shown.time($0.target.setAt), $0.stickyKey, $0.description]
            }
            try Terminal.write(table.text, to: STDOUT_FILENO)
        }
    }
}
