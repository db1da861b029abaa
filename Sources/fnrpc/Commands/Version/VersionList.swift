import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc version list`.
struct VersionList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists a function's versions, newest first.",
        discussion: "Example: fnrpc version list demo/hello")

    @Argument(help: ArgumentHelp("The function.", valueName: "app/fn"))
    var function: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        let reference = try usage { () throws(Failure) in try FunctionReference(function) }
        guard reference.version == 0 else { throw ValidationError("\(function): give the function without @VERSION") }
    }

    func run() async throws {
        let reference = try FunctionReference(function)
        let versions = try await connection.withClient { client in
            try await everyPage { page in
                let request = ListVersionsRequest(
                    app: reference.app.text, function: reference.function.text, page: page)
                let answer: ListVersionsResponse = try await client.call(
                    "fnrpc.v1.Versions", "List", request, timeout: CommandLimits.answer)
                return (answer.versions, answer.nextCursor)
            }
        }
        switch output.output {
        case .json: try JSON.object(["versions": .array(versions.map { JSON($0) })]).print()
        case .table:
            var table = Table("VERSION", "CREATED", "BYTES", "PACKAGE", "DESCRIPTION")
            table.rows = versions.map {
                [
                    "\($0.number)", Shown.time($0.meta.createdAt), "\($0.packageBytes)",
                    String(($0.package?.description ?? $0.spec.image).prefix(19)), $0.description,
                ]
            }
            try Terminal.write(table.text, to: STDOUT_FILENO)
        }
    }
}
