import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc app create`.
struct AppCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Makes an app.",
        discussion: "Example: fnrpc app create demo --config STAGE=test --label team=core")

    @Argument(help: "The app's name.")
    var name: String

    @OptionGroup var options: AppOptions
    @OptionGroup var notes: NoteOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        _ = try usage { () throws(Failure) in try Name(name, field: "name") }
    }

    func run() async throws {
        let request = CreateAppRequest(
            name: name, labels: try notes.labels, config: try options.config, annotations: try options.annotations,
            syslogURL: options.syslogUrl ?? "", extra: try notes.extra)
        let made: App = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Apps", "Create", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(made).print()
        case .table: try Terminal.print("created app \(made.name) (\(made.meta.id))")
        }
    }
}
