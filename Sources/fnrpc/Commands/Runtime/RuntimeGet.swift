import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc runtime get`.
struct RuntimeGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows one runtime.", discussion: "Example: fnrpc runtime get python")

    @Argument(help: "The runtime's name or id.")
    var runtime: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let found: Runtime = try await connection.withClient { client in
            let request = GetRuntimeRequest(runtime: runtime)
            return try await client.call("fnrpc.v1.Runtimes", "Get", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(found).print()
        case .table:
            let rows = [
                ("name", found.name.text), ("description", found.description), ("root", found.root),
                ("command", found.command.joined(separator: " ")), ("zygote", found.zygote ? "yes" : "no"),
                ("pool size", "\(found.poolSize)"), ("built in", found.isBuiltIn ? "yes" : "no"),
            ]
            try Terminal.write(Table.pairs(rows + found.meta.rows), to: STDOUT_FILENO)
        }
    }
}
