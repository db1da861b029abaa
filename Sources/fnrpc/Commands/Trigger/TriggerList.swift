import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc trigger list`.
struct TriggerList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists an app's triggers by name.",
        discussion: "Example: fnrpc trigger list demo --function hello")

    @Argument(help: "The app's name or id.")
    var app: String

    @Option(help: "Only those of this function, by its name or id.")
    var function = ""

    @OptionGroup var filter: FilterOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await connection.withClient { client in
            let triggers = try await everyPage { page in
                let request = ListTriggersRequest(app: app, function: function, page: page, filter: filter.filter)
                let answer: ListTriggersResponse = try await client.call(
                    "fnrpc.v1.Triggers", "List", request, timeout: CommandLimits.answer)
                return (answer.triggers, answer.nextCursor)
            }
            switch output.output {
            case .json: try JSON.object(["triggers": .array(triggers.map { JSON($0) })]).print()
            case .table:
                var names = TriggerNames(client, app: app)
                var table = Table("NAME", "TYPE", "SOURCE", "FUNCTION", "UPDATED")
                for trigger in triggers {
                    table.rows.append([
                        trigger.name.text, trigger.type.rawValue, trigger.source,
                        try await names.target(of: trigger), Shown.time(trigger.meta.updatedAt),
                    ])
                }
                try Terminal.write(table.text, to: STDOUT_FILENO)
            }
        }
    }
}
