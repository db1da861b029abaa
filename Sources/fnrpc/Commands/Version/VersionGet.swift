import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc version get`.
struct VersionGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows one version with its settings.",
        discussion: "Example: fnrpc version get demo/hello@3")

    @OptionGroup var version: VersionArgument
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = try version.path
        let found: Version = try await connection.withClient { client in
            try await client.call(
                "fnrpc.v1.Versions", "Get",
                GetVersionRequest(app: path.app, function: path.function, number: path.version),
                timeout: CommandLimits.answer)
        }
        try found.show(path, output)
    }
}
