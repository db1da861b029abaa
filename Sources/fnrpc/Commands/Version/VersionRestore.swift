import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc version restore`.
struct VersionRestore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Makes a version's code and settings the working copy again.",
        discussion: "Example: fnrpc version restore demo/hello 3")

    @OptionGroup var version: VersionArgument
    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = try version.path
        let changed: Function = try await connection.withClient { client in
            try await client.call(
                "fnrpc.v1.Versions", "Restore",
                RestoreVersionRequest(
                    app: path.app, function: path.function, number: path.version, revision: revision.revision ?? 0),
                timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(changed).print()
        case .table:
            try Terminal.print("restored \(path); working copy: \(changed.workingCopy)")
        }
    }
}
