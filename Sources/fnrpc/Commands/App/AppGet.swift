import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc app get`.
struct AppGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows one app, what is in it, and how its calls went.",
        discussion: "Example: fnrpc app get demo")

    @Argument(help: "The app's name or id.")
    var app: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let (found, usage): (App, AppUsage) = try await connection.withClient { client in
            let found: App = try await client.call(
                "fnrpc.v1.Apps", "Get", GetAppRequest(app: app), timeout: CommandLimits.answer)
            let usage: AppUsage = try await client.call(
                "fnrpc.v1.Apps", "Usage", AppUsageRequest(app: found.meta.id.description),
                timeout: CommandLimits.answer)
            return (found, usage)
        }
        switch output.output {
        case .json: try JSON(found, usage).print()
        case .table: try Terminal.write(Table.pairs(found.rows + usage.rows + found.meta.rows), to: STDOUT_FILENO)
        }
    }
}

extension App {
    fileprivate var rows: [(String, String)] {
        var rows = [("name", name.text)]
        if !syslogURL.isEmpty { rows.append(("syslog url", syslogURL)) }
        rows += config.sorted { $0.key < $1.key }.map { ("config \($0.key)", $0.value) }
        rows += annotations.sorted { $0.key < $1.key }.map { ("annotation \($0.key)", $0.value) }
        return rows
    }
}

extension AppUsage {
    fileprivate var rows: [(String, String)] {
        [
            ("functions", "\(functions)"), ("triggers", "\(triggers)"), ("versions", "\(versions)"),
            ("containers", "\(containers) (\(memoryMiB) MiB)"), ("calls in an hour", lastHour?.shown ?? "-"),
            ("calls in a day", lastDay?.shown ?? "-"),
        ]
    }
}

extension CallCounts {
    fileprivate var shown: String {
        "\(success) success, \(failed) failed, \(error) error, \(timeout) timeout, \(cancelled) cancelled"
    }
}
