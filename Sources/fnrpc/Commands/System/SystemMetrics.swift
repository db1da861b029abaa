import ArgumentParser
import FnrpcClient
import Glibc
import Wire

/// `fnrpc system metrics`.
struct SystemMetrics: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics", abstract: "Prints everything that the daemon counts, as Prometheus reads it.",
        discussion: "Example: fnrpc system metrics")

    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        let answer: SystemMetricsResponse = try await connection.withClient { client in
            try await client.call("fnrpc.v1.System", "Metrics", SystemMetricsRequest(), timeout: CommandLimits.answer)
        }
        try Terminal.write(answer.text, to: STDOUT_FILENO)
    }
}
