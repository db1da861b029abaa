import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc runtime delete`.
struct RuntimeDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Deletes a runtime that no function uses.",
        discussion: "Example: fnrpc runtime delete node")

    @Argument(help: "The runtime's name or id.")
    var runtime: String

    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let request = DeleteRuntimeRequest(runtime: runtime, revision: revision.revision ?? 0)
        let deletion: Deletion = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Runtimes", "Delete", request, timeout: CommandLimits.answer)
        }
        try deletion.show(output)
    }
}
