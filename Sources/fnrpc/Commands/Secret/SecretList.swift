import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc secret list`.
struct SecretList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists an app's secrets by name, never their values.",
        discussion: "Example: fnrpc secret list demo")

    @Argument(help: "The app's name or id.")
    var app: String

    @OptionGroup var filter: FilterOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let secrets = try await connection.withClient { client in
            try await everyPage { page in
                let request = ListSecretsRequest(app: app, page: page, filter: filter.filter)
                let answer: ListSecretsResponse = try await client.call(
                    "fnrpc.v1.Secrets", "List", request, timeout: CommandLimits.answer)
                return (answer.secrets, answer.nextCursor)
            }
        }
        switch output.output {
        case .json: try JSON.object(["secrets": .array(secrets.map { JSON($0) })]).print()
        case .table:
            var table = Table("NAME", "BYTES", "UPDATED", "REVISION", "DESCRIPTION")
            table.rows = secrets.map {
                [
                    $0.name.text, "\($0.valueBytes)", Shown.time($0.meta.updatedAt), "\($0.meta.revision)",
                    $0.description,
                ]
            }
            try Terminal.write(table.text, to: STDOUT_FILENO)
        }
    }
}
