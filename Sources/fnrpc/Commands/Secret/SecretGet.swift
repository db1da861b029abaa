import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc secret get`.
struct SecretGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows what is known of one secret, never its value.",
        discussion: "Example: fnrpc secret get demo database-password")

    @Argument(help: "The app's name or id.")
    var app: String

    @Argument(help: "The secret's name or id.")
    var secret: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let found: Secret = try await connection.withClient { client in
            let request = GetSecretRequest(app: app, secret: secret)
            return try await client.call("fnrpc.v1.Secrets", "Get", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(found).print()
        case .table:
            let rows = [
                ("name", found.name.text), ("description", found.description),
                ("value", "\(found.valueBytes) bytes, never shown"),
            ]
            try Terminal.write(Table.pairs(rows + found.meta.rows), to: STDOUT_FILENO)
        }
    }
}
