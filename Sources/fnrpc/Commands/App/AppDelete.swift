import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc app delete`.
struct AppDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Deletes an app; with --force everything in it.",
        discussion: "Example: fnrpc app delete demo --preview, then fnrpc app delete demo --force")

    @Argument(help: "The app's name or id.")
    var app: String

    @Flag(help: "Only show what would go.")
    var preview = false

    @Flag(help: "Delete what is in it, too; waits for calls that run.")
    var force = false

    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let request = DeleteAppRequest(
            app: app, revision: revision.revision ?? 0, preview: preview, force: force)
        let deletion: Deletion = try await connection.withClient { client in
            try await client.call(
                "fnrpc.v1.Apps", "Delete", request, timeout: CommandLimits.deletion(force: force && !preview))
        }
        try deletion.show(output)
    }
}

extension CommandLimits {
    /// Longest wait for a deletion; by force the daemon first waits for calls, which take an hour at most.
    static func deletion(force: Bool) -> Duration { force ? .seconds(3600) + answer : answer }
}
