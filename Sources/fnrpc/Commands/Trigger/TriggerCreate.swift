import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc trigger create`.
struct TriggerCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Lets a function be called by a path of its app.",
        discussion: """
            Example: fnrpc trigger create demo greet /greet/:name hello@prod
            A path is exact (/a/b), has parameters (/a/:id) or ends in the rest (/files/*).
            """)

    @Argument(help: "The app's name or id.")
    var app: String

    @Argument(help: "The trigger's name.")
    var name: String

    @Argument(help: ArgumentHelp("The path that it answers.", valueName: "source"))
    var source: String

    @Argument(
        help: ArgumentHelp(
            "The function of the app; without version or alias its working copy.",
            valueName: "function[@version|@alias]"))
    var function: String

    @OptionGroup var notes: NoteOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        _ = try usage { () throws(Failure) in
            _ = try Name(name, field: "name")
            _ = try TriggerSource(source, field: "source")
            _ = try TriggerTarget(function, field: "function")
        }
    }

    func run() async throws {
        let target = try TriggerTarget(function, field: "function")
        let request = CreateTriggerRequest(
            app: app, name: name, source: source, function: target.function, version: target.version,
            alias: target.alias, labels: try notes.labels, extra: try notes.extra)
        let made: Trigger = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Triggers", "Create", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(made).print()
        case .table: try Terminal.print("created trigger \(made.name) for \(made.source) (\(made.meta.id))")
        }
    }
}
