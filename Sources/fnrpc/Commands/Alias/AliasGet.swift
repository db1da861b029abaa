import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc alias get`.
struct AliasGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows one alias and what it pointed to before.",
        discussion: "Example: fnrpc alias get demo/hello prod")

    @OptionGroup var alias: AliasArgument
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = try alias.path
        let found: Alias = try await connection.withClient { client in
            try await client.call(
                "fnrpc.v1.Aliases", "Get",
                GetAliasRequest(app: path.app, function: path.function, alias: alias.alias),
                timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(found).print()
        case .table:
            var rows = [
                ("alias", "\(path)@\(found.name)"), ("version", found.target.shown),
                ("since", Shown.time(found.target.setAt)), ("sticky key", found.stickyKey),
                ("description", found.description),
            ].filter { !$0.1.isEmpty }
            rows += found.history.map { ("from \(Shown.time($0.setAt))", $0.shown) }
            try Terminal.write(Table.pairs(rows + found.meta.rows), to: STDOUT_FILENO)
        }
    }
}
