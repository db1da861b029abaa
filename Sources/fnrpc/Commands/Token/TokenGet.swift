import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc token get`.
struct TokenGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows one token, without its secret.", discussion: "Example: fnrpc token get ci")

    @Argument(help: "The token's name or id.")
    var token: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let found: Token = try await connection.withClient { client in
            let request = GetTokenRequest(token: token)
            return try await client.call("fnrpc.v1.Tokens", "Get", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(found).print()
        case .table:
            let rows = [
                ("name", found.name.text),
                ("scopes", found.scopes.map(\.description).joined(separator: " ")),
                ("expires", found.expiresAt.map(Shown.time) ?? "never"),
                ("last used", found.lastUsedAt.map(Shown.time) ?? "never"),
            ]
            try Terminal.write(Table.pairs(rows + found.meta.rows), to: STDOUT_FILENO)
        }
    }
}
