import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc fn list`.
struct FunctionList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists an app's functions by name.", discussion: "Example: fnrpc fn list demo")

    @Argument(help: "The app's name or id.")
    var app: String

    @OptionGroup var filter: FilterOptions
    @OptionGroup var limit: LimitOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let functions = try await connection.withClient { client in
            try await everyPage(limit: limit.most) { page in
                let answer: ListFunctionsResponse = try await client.call(
                    "fnrpc.v1.Functions", "List",
                    ListFunctionsRequest(app: app, page: page, filter: filter.filter),
                    timeout: CommandLimits.answer)
                return (answer.functions, answer.nextCursor)
            }
        }
        switch output.output {
        case .json: try JSON.object(["functions": .array(functions.map { JSON($0) })]).print()
        case .table:
            var table = Table("NAME", "RUNTIME", "FORMAT", "VERSION", "WORKING COPY", "UPDATED")
            table.rows = functions.map {
                [
                    "\($0.appName)/\($0.name)", $0.spec.image.isEmpty ? $0.spec.runtime.rawValue : "image",
                    $0.spec.format.rawValue, $0.latestVersion == 0 ? "-" : "\($0.latestVersion)", $0.workingCopy,
                    Shown.time($0.meta.updatedAt),
                ]
            }
            try Terminal.write(table.text, to: STDOUT_FILENO)
        }
    }
}
