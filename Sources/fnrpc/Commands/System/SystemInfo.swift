import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc system info`.
struct SystemInfo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Shows the daemon's version, state and counters.",
        discussion: "Example: fnrpc system info --address tcp:127.0.0.1:7000")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let info: SystemInfoResponse = try await connection.withClient { client in
            try await client.call("fnrpc.v1.System", "Info", SystemInfoRequest(), timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(info).print()
        case .table:
            let text = Table.pairs([
                ("fnrpcd", info.version), ("protocol", info.wireProtocol),
                ("api versions", info.versions.map(Self.shown).joined(separator: ", ")),
                ("database schema", "\(info.schemaVersion)"), ("instance", info.instance), ("data", info.dataDir),
                ("sandboxes", info.sandboxRuntime), ("cgroups", info.cgroups),
                ("user namespaces", info.userNamespaces ? "yes" : "no"),
                ("uptime", Shown.duration(info.uptimeNanos)), ("apps", "\(info.apps)"),
                ("functions", "\(info.functions)"), ("containers", "\(info.containers)"),
                ("calls", "\(info.callsFinished) of \(info.callsStarted) finished"),
                ("connections", "\(info.connections)"), ("listeners", info.listeners.joined(separator: ", ")),
            ])
            try Terminal.write(text, to: STDOUT_FILENO)
        }
    }

    private static func shown(_ version: APIVersionInfo) -> String {
        let sunset = version.sunsetAt.map { ", sunset \($0.rfc3339(fractionDigits: 0).prefix(10))" } ?? ""
        return "\(version.number) (\(version.status)\(sunset))"
    }
}
