import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc version update`.
struct VersionUpdate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Changes a version's description; nothing else of it can change.",
        discussion: "Example: fnrpc version update demo/hello@3 --description \"the good one\"")

    @OptionGroup var version: VersionArgument

    @Option(help: "The note that the version keeps; empty: none.")
    var description: String

    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = try version.path
        let request = UpdateVersionRequest(
            app: path.app, function: path.function, number: path.version, revision: revision.revision,
            description: description)
        let changed: Version = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Versions", "Update", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(changed).print()
        case .table: try Terminal.print("updated \(path), revision \(changed.meta.revision)")
        }
    }
}
