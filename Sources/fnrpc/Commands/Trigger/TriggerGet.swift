import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc trigger get`.
struct TriggerGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows one trigger.", discussion: "Example: fnrpc trigger get demo greet")

    @Argument(help: "The app's name or id.")
    var app: String

    @Argument(help: "The trigger's name or id.")
    var trigger: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await connection.withClient { client in
            let request = GetTriggerRequest(app: app, trigger: trigger)
            let found: Trigger = try await client.call(
                "fnrpc.v1.Triggers", "Get", request, timeout: CommandLimits.answer)
            switch output.output {
            case .json: try JSON(found).print()
            case .table:
                var names = TriggerNames(client, app: app)
                let rows = [
                    ("name", found.name.text), ("type", found.type.rawValue), ("source", found.source),
                    ("function", try await names.target(of: found)),
                    ("made as a route", found.ownsFunction ? "yes" : "no"),
                ]
                try Terminal.write(Table.pairs(rows + found.meta.rows), to: STDOUT_FILENO)
            }
        }
    }
}
