import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc trigger delete`.
struct TriggerDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Deletes a trigger; its function stays.",
        discussion: "Example: fnrpc trigger delete demo greet")

    @Argument(help: "The app's name or id.")
    var app: String

    @Argument(help: "The trigger's name or id.")
    var trigger: String

    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let request = DeleteTriggerRequest(app: app, trigger: trigger, revision: revision.revision ?? 0)
        let deletion: Deletion = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Triggers", "Delete", request, timeout: CommandLimits.answer)
        }
        try deletion.show(output)
    }
}
