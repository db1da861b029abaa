import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc version get`.
struct VersionGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows one version with its settings.",
        discussion: "Example: fnrpc version get demo/hello@3, or demo/hello@latest, the highest")

    @OptionGroup var version: ShownArgument
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        let path = try usage { () throws(Failure) in try version.path }
        guard path.version > 0 || version.isLatest else {
            throw ValidationError("\(path): the version is missing; write \(path)@1 or \(path)@latest")
        }
    }

    func run() async throws {
        try await connection.withClient { client in
            let path = try await version.resolved(by: client)
            try await path.version(from: client).show(path, output)
        }
    }
}
