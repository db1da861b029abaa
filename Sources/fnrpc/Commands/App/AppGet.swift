import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc app get`.
struct AppGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows one app.", discussion: "Example: fnrpc app get demo")

    @Argument(help: "The app's name or id.")
    var app: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let found: App = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Apps", "Get", GetAppRequest(app: app), timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(found).print()
        case .table:
            let text = Table.pairs([
                ("name", found.name.text), ("id", found.meta.id.description),
                ("created", Shown.time(found.meta.createdAt)),
                ("updated", Shown.time(found.meta.updatedAt)), ("revision", "\(found.meta.revision)"),
            ])
            try Terminal.write(text, to: STDOUT_FILENO)
        }
    }
}
