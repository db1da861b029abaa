import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc fn download`.
struct FunctionDownload: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "download", abstract: "Gives the package of a function's working copy, a tar.",
        discussion: "Example: fnrpc fn download demo/hello hello.tar, or fnrpc fn download demo/hello - | tar t")

    @OptionGroup var function: FunctionArgument
    @OptionGroup var target: DownloadOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = try function.path
        try await target.download(
            "fnrpc.v1.Functions", GetFunctionRequest(app: path.app, function: path.function),
            standardFile: "\(path.function).tar", connection, output)
    }
}
