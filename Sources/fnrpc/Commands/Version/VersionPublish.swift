import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc version publish`.
struct VersionPublish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Makes the next version of a function's working copy.",
        discussion: "Example: fnrpc version publish demo/hello --description \"more memory\"")

    @OptionGroup var function: FunctionArgument

    @Option(help: "A note that the version keeps.")
    var description = ""

    @Flag(help: "Refuse if the working copy equals the newest version.")
    var requireChange = false

    @OptionGroup var notes: NoteOptions
    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = try function.path
        let request = PublishVersionRequest(
            app: path.app, function: path.function, description: description, requireChange: requireChange,
            labels: try notes.labels, extra: try notes.extra, revision: revision.revision ?? 0)
        let made: Version = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Versions", "Publish", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(made).print()
        case .table: try Terminal.print("published \(path)@\(made.number)")
        }
    }
}
