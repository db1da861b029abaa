import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc secret delete`.
struct SecretDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Deletes a secret that no function uses.",
        discussion: "Example: fnrpc secret delete demo database-password")

    @Argument(help: "The app's name or id.")
    var app: String

    @Argument(help: "The secret's name or id.")
    var secret: String

    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let request = DeleteSecretRequest(app: app, secret: secret, revision: revision.revision ?? 0)
        let deletion: Deletion = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Secrets", "Delete", request, timeout: CommandLimits.answer)
        }
        try deletion.show(output)
    }
}
