import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc alias rollback`.
struct AliasRollback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback", abstract: "Points an alias to what it pointed to before; twice undoes it.",
        discussion: "Example: fnrpc alias rollback demo/hello prod")

    @OptionGroup var alias: AliasArgument
    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = try alias.path
        let request = RollbackAliasRequest(
            app: path.app, function: path.function, alias: alias.alias, revision: revision.revision ?? 0)
        let changed: Alias = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Aliases", "Rollback", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(changed).print()
        case .table: try Terminal.print("rolled back alias \(path)@\(changed.name): version \(changed.target.shown)")
        }
    }
}
