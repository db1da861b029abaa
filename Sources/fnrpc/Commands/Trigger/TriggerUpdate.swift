import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc trigger update`.
struct TriggerUpdate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Changes what is given of a trigger.",
        discussion: "Example: fnrpc trigger update demo greet --function hello@4")

    @Argument(help: "The app's name or id.")
    var app: String

    @Argument(help: "The trigger's name or id.")
    var trigger: String

    @Option(help: "The path that it answers.")
    var source: String?

    @Option(
        help: ArgumentHelp(
            "The function that it calls; without version or alias those stay, @0 is its working copy.",
            valueName: "function[@version|@alias]"))
    var function: String?

    @OptionGroup var notes: NoteOptions
    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        _ = try usage { () throws(Failure) in
            if let source { _ = try TriggerSource(source, field: "--source") }
            _ = try target()
        }
    }

    private func target() throws(Failure) -> TriggerTarget? {
        guard let function else { return nil }
        return try TriggerTarget(function, field: "--function")
    }

    func run() async throws {
        let target = try target()
        var request = UpdateTriggerRequest(
            app: app, trigger: trigger, revision: revision.revision, source: source, function: target?.function,
            labels: try notes.labels, extra: try notes.extra)
        if let target, target.namesRevision {
            if target.alias.isEmpty { request.version = target.version } else { request.alias = target.alias }
        }
        let changed: Trigger = try await connection.withClient { [request] client in
            try await client.call("fnrpc.v1.Triggers", "Update", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(changed).print()
        case .table: try Terminal.print("updated trigger \(changed.name), revision \(changed.meta.revision)")
        }
    }
}
