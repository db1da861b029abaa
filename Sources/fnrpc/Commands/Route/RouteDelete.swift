import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc route delete`.
struct RouteDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Deletes a route, and its function if nothing else uses that.",
        discussion: "Example: fnrpc route delete demo /resize")

    @Argument(help: "The app's name or id.")
    var app: String

    @Argument(help: "The route's path, or its id.")
    var path: String

    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let request = DeleteRouteRequest(app: app, path: path, revision: revision.revision ?? 0)
        let deletion: Deletion = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Routes", "Delete", request, timeout: CommandLimits.answer)
        }
        try deletion.show(output)
    }
}
