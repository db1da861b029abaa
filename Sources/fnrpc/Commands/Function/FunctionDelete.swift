import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc fn delete`.
struct FunctionDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Deletes a function with its versions.",
        discussion: """
            Example: fnrpc fn delete demo/hello
            Refused while calls run, or a trigger or an alias uses it. --force waits for calls, and skips no other check.
            """)

    @OptionGroup var function: FunctionArgument

    @Flag(help: "Only show what would go.")
    var preview = false

    @Flag(help: "Take no new calls, and wait for those that run.")
    var force = false

    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = try function.path
        let request = DeleteFunctionRequest(
            app: path.app, function: path.function, revision: revision.revision ?? 0, preview: preview, force: force)
        let deletion: Deletion = try await connection.withClient { client in
            try await client.call(
                "fnrpc.v1.Functions", "Delete", request, timeout: CommandLimits.deletion(force: force && !preview))
        }
        try deletion.show(output)
    }
}
