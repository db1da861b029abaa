import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc route create`.
struct RouteCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Runs an image for a path; creates the app if it is absent.",
        discussion: "Example: fnrpc route create demo /resize registry.example.org/resize:2 --memory 256")

    @Argument(help: "The app's name or id.")
    var app: String

    @Argument(help: "The path that it answers.")
    var path: String

    @Argument(help: "The container image.")
    var image: String

    @OptionGroup var options: RouteOptions
    @OptionGroup var notes: NoteOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        _ = try usage { () throws(Failure) in
            _ = try TriggerSource(path, field: "path")
            if let empty = try options.headers().first(where: { $0.values.isEmpty }) {
                throw Failure(.invalid, "--header: \(quoted(empty.name)) has no value; write NAME=VALUE")
            }
        }
    }

    func run() async throws {
        let request = CreateRouteRequest(
            app: app, path: path, image: image, memoryMiB: options.memory, type: options.type ?? "",
            format: options.format ?? "", headers: try options.headers(), timeoutNanos: options.timeout?.nanoseconds,
            idleTimeoutNanos: options.idleTimeout?.nanoseconds, config: try options.configuration(),
            labels: try notes.labels, extra: try notes.extra)
        let made: Route = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Routes", "Create", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(made).print()
        case .table:
            try Terminal.print(
                Terminal.harmless("created route \(made.path) of \(made.appName), function \(made.functionName)"))
        }
    }
}
