import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc logs`.
struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Prints what a function's newest calls wrote, or follows what it writes.",
        discussion: """
            Example: fnrpc logs demo/hello --follow
            Without --follow it prints the logs of the newest calls, the oldest of them first. With it, it prints what
            the function's containers write from now on, until Ctrl-C. With --output json each piece is one line.
            """)

    @OptionGroup var function: FunctionArgument

    @Flag(name: [.short, .long], help: "Print what is written from now on.")
    var follow = false

    @Option(help: "Most calls whose logs are printed, 1 to 1000. Default: 10.", transform: UInt32.read)
    var limit: UInt32 = 10

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...1000).contains(limit) else { throw ValidationError("--limit: \(limit) is out of range; 1 to 1000") }
    }

    func run() async throws {
        try await connection.withClient { client in
            if follow { try await followLogs(client) } else { try await printLogs(client) }
        }
    }

    private func printLogs(_ client: Client) async throws {
        let path = try function.path
        let request = ListCallsRequest(app: path.app, function: path.function, page: Page(size: limit))
        let answer: ListCallsResponse = try await client.call(
            "fnrpc.v1.Calls", "List", request, timeout: CommandLimits.answer)
        for call in answer.calls.reversed() where call.logBytes > 0 {
            let id = call.meta.id.description
            let logs: GetCallLogsResponse = try await client.call(
                "fnrpc.v1.Calls", "Logs", GetCallLogsRequest(id: id), timeout: CommandLimits.answer)
            try show(
                LogPiece(at: call.completedAt.nanoseconds, container: call.container, callID: id, data: logs.log))
        }
    }

    private func followLogs(_ client: Client) async throws {
        let path = try function.path
        let request = FollowLogsRequest(app: path.app, function: path.function)
        let stream = try await client.stream(
            service: "fnrpc.v1.Calls", method: "FollowLogs", kind: .serverStreaming, payload: request.encoded())
        while let message = try await stream.receive() {
            let piece = try LogPiece(decoding: message, strict: false)
            if piece.droppedBytes > 0 {
                Terminal.warn("\(piece.droppedBytes) bytes were left out, because they were not read in time")
            }
            if !piece.data.isEmpty { try show(piece) }
        }
    }

    private func show(_ piece: LogPiece) throws {
        switch output.output {
        case .json:
            let members = JSON.body(piece.data, "data").merging([
                "at": .string(Timestamp(nanoseconds: piece.at).description), "container": .string(piece.container),
                "call_id": piece.callID.isEmpty ? .null : .string(piece.callID),
                "dropped_bytes": .unsigned(piece.droppedBytes),
            ]) { own, _ in own }
            try Terminal.print(JSON.object(members).text())
        case .table: try Terminal.write(piece.data, to: STDOUT_FILENO)
        }
    }
}
