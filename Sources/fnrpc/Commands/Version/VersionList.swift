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

    @OptionGroup var function: FunctionArgument
    @OptionGroup var filter: FilterOptions
    @OptionGroup var limit: LimitOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = try function.path
        let versions = try await connection.withClient { client in
            try await everyPage(limit: limit.most) { page in
                let request = ListVersionsRequest(
                    app: path.app, function: path.function, page: page, filter: filter.filter)
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
