import ArgumentParser
import FnrpcClient
import Glibc
import Wire

/// `fnrpc system count`.
struct SystemCount: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "count", abstract: "Counts the stored entities by kind and api_version.",
        discussion: "Example: fnrpc system count --kind function")

    @Option(help: "Only this kind of entity.")
    var kind = ""

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let answer: CountByApiVersionResponse = try await connection.withClient { client in
            try await client.call(
                "fnrpc.v1.Entities", "CountByApiVersion", CountByApiVersionRequest(kind: kind),
                timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON.object(["counts": .array(answer.counts.map { JSON($0) })]).print()
        case .table:
            var table = Table("KIND", "API VERSION", "ENTITIES")
            table.rows = answer.counts.map { [$0.kind, "\($0.apiVersion)", "\($0.entities)"] }
            try Terminal.write(table.text, to: STDOUT_FILENO)
        }
    }
}
