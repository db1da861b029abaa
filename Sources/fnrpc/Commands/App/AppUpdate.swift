import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc app update`.
struct AppUpdate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Changes what is named of an app, and nothing else.",
        discussion: """
            Example: fnrpc app update demo --config STAGE=live --config DEBUG=
            Containers of its functions are replaced if the config changes.
            """)

    @Argument(help: "The app's name or id.")
    var app: String

    @OptionGroup var options: AppOptions
    @OptionGroup var notes: NoteOptions
    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let request = UpdateAppRequest(
            app: app, revision: revision.revision, labels: try notes.labels, config: try options.config,
            annotations: try options.annotations, syslogURL: options.syslogUrl, extra: try notes.extra)
        let changed: App = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Apps", "Update", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(changed).print()
        case .table: try Terminal.print("updated app \(changed.name), revision \(changed.meta.revision)")
        }
    }
}
