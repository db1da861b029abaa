import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc route update`.
struct RouteUpdate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Changes what is given of a route.",
        discussion: "Example: fnrpc route update demo /resize --image registry.example.org/resize:3 --config LEVEL=")

    @Argument(help: "The app's name or id.")
    var app: String

    @Argument(help: "The route's path, or its id.")
    var path: String

    @Option(help: "The container image.")
    var image: String?

    @OptionGroup var options: RouteOptions
    @OptionGroup var notes: NoteOptions
    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let request = UpdateRouteRequest(
            app: app, path: path, revision: revision.revision, image: image, memoryMiB: options.memory,
            type: options.type, format: options.format, headers: try options.headers(),
            timeoutNanos: options.timeout?.nanoseconds, idleTimeoutNanos: options.idleTimeout?.nanoseconds,
            config: try options.configuration(), labels: try notes.labels, extra: try notes.extra)
        let changed: Route = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Routes", "Update", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(changed).print()
        case .table:
            try Terminal.print(
                Terminal.harmless(
                    "updated route \(changed.path) of \(changed.appName), revision \(changed.meta.revision)"))
        }
    }
}
