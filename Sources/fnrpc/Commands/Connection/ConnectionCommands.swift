import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc connection …`.
struct ConnectionCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connection", abstract: "Shows and closes the daemon's connections.",
        discussion: "Example: fnrpc connection list", subcommands: [ConnectionList.self, ConnectionClose.self])
}

/// `fnrpc connection list`.
struct ConnectionList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists who is connected to the daemon, the oldest first.",
        discussion: "Example: fnrpc connection list --output json")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let answer: ListConnectionsResponse = try await connection.withClient { client in
            try await client.call(
                "fnrpc.v1.Connections", "List", ListConnectionsRequest(), timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json:
            try JSON.object([
                "connections": .array(answer.connections.map { JSON($0) }), "total": .unsigned(UInt64(answer.total)),
            ]).print()
        case .table:
            var table = Table(
                "ID", "PRINCIPAL", "PEER", "LISTENER", "TLS", "OPENED", "STREAMS", "CALLS", "RECEIVED", "SENT", "QUEUED"
            )
            table.rows = answer.connections.map {
                [
                    "\($0.id)", $0.principal.isEmpty ? "-" : $0.principal, $0.peer, $0.listener, $0.tls ? "yes" : "no",
                    Shown.time($0.openedAt), "\($0.streams)", "\($0.calls)", "\($0.bytesReceived)", "\($0.bytesSent)",
                    "\($0.queuedBytes)",
                ]
            }
            try Terminal.write(table.text, to: STDOUT_FILENO)
            if Int(answer.total) > answer.connections.count {
                Terminal.warn("these are the oldest \(answer.connections.count) of \(answer.total) connections")
            }
        }
    }
}

/// `fnrpc connection close`.
struct ConnectionClose: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "close", abstract: "Closes a connection; its calls are cancelled.",
        discussion: "Example: fnrpc connection close 17")

    @Argument(help: "The connection's id, from fnrpc connection list.", transform: UInt64.read)
    var id: UInt64

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let _: CloseConnectionResponse = try await connection.withClient { client in
            try await client.call(
                "fnrpc.v1.Connections", "Close", CloseConnectionRequest(id: id), timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON.object(["closed": .unsigned(id)]).print()
        case .table: try Terminal.print("closed connection \(id)")
        }
    }
}
