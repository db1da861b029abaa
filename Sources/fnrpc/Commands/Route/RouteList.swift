import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc route list`.
struct RouteList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists an app's routes.", discussion: "Example: fnrpc route list demo")

    @Argument(help: "The app's name or id.")
    var app: String

    @Option(help: "Only those that run this image.")
    var image = ""

    @OptionGroup var filter: FilterOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let routes = try await connection.withClient { client in
            try await everyPage { page in
                let request = ListRoutesRequest(app: app, image: image, page: page, filter: filter.filter)
                let answer: ListRoutesResponse = try await client.call(
                    "fnrpc.v1.Routes", "List", request, timeout: CommandLimits.answer)
                return (answer.routes, answer.nextCursor)
            }
        }
        switch output.output {
        case .json: try JSON.object(["routes": .array(routes.map { JSON($0) })]).print()
        case .table:
            var table = Table("PATH", "IMAGE", "TYPE", "FORMAT", "MEMORY", "TIMEOUT", "FUNCTION")
            table.rows = routes.map {
                [
                    $0.path, $0.image.isEmpty ? "-" : $0.image, $0.type, $0.format, "\($0.memoryMiB) MiB",
                    Shown.duration($0.timeoutNanos), $0.functionName,
                ]
            }
            try Terminal.write(table.text, to: STDOUT_FILENO)
        }
    }
}
