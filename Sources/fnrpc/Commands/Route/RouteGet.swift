import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc route get`.
struct RouteGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows one route.", discussion: "Example: fnrpc route get demo /resize")

    @Argument(help: "The app's name or id.")
    var app: String

    @Argument(help: "The route's path, or its id.")
    var path: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let found: Route = try await connection.withClient { client in
            let request = GetRouteRequest(app: app, path: path)
            return try await client.call("fnrpc.v1.Routes", "Get", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(found).print()
        case .table:
            var rows = [
                ("path", found.path), ("app", found.appName), ("image", found.image), ("type", found.type),
                ("format", found.format), ("memory", "\(found.memoryMiB) MiB"),
                ("timeout", Shown.duration(found.timeoutNanos)),
                ("idle timeout", Shown.duration(found.idleTimeoutNanos)), ("function", found.functionName),
                ("trigger", found.triggerName),
            ]
            rows += found.config.sorted { $0.key < $1.key }.map { ("config \($0.key)", $0.value) }
            for header in found.headers { rows += header.values.map { ("header \(header.name)", $0) } }
            try Terminal.write(Table.pairs(rows + found.meta.rows), to: STDOUT_FILENO)
        }
    }
}
