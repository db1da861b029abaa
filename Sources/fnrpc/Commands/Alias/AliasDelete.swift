import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc alias delete`.
struct AliasDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Deletes an alias; its versions stay.",
        discussion: "Example: fnrpc alias delete demo/hello prod")

    @OptionGroup var alias: AliasArgument
    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = try alias.path
        let request = DeleteAliasRequest(
            app: path.app, function: path.function, alias: alias.alias, revision: revision.revision ?? 0)
        let deletion: Deletion = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Aliases", "Delete", request, timeout: CommandLimits.answer)
        }
        try deletion.show(output)
    }
}
