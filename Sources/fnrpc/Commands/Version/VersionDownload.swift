import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc version download`.
struct VersionDownload: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "download", abstract: "Gives the package of a version, a tar.",
        discussion: "Example: fnrpc version download demo/hello@3 hello.tar")

    // The version is always behind the @: a second argument is the file.
    @OptionGroup var version: RevisionArgument
    @OptionGroup var target: DownloadOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        let path = try usage { () throws(Failure) in try version.path }
        guard path.version > 0 else { throw ValidationError("\(path): the version is missing; write \(path)@1") }
    }

    func run() async throws {
        let path = try version.path
        try await target.download(
            "fnrpc.v1.Versions",
            GetVersionRequest(app: path.app, function: path.function, number: path.version),
            standardFile: "\(path.function)-\(path.version).tar", connection, output)
    }
}
