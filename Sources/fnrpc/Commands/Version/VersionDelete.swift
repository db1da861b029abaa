import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc version delete`.
struct VersionDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Deletes a version; its number is never used again.",
        discussion: """
            Example: fnrpc version delete demo/hello@3
            Refused while calls run, or a trigger or an alias uses it. --force waits for calls, and skips no other check.
            """)

    @OptionGroup var version: VersionArgument

    @Flag(help: "Take no new calls of it, and wait for those that run.")
    var force = false

    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = try version.path
        let request = DeleteVersionRequest(
            app: path.app, function: path.function, number: path.version, revision: revision.revision ?? 0,
            force: force)
        let deletion: Deletion = try await connection.withClient { client in
            try await client.call(
                "fnrpc.v1.Versions", "Delete", request, timeout: CommandLimits.deletion(force: force))
        }
        try deletion.show(output)
    }
}
