import ArgumentParser
import FnrpcClient
import Glibc
import Wire

/// `fnrpc system backup`.
struct SystemBackup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copies the database into the daemon's own backups, while it runs.",
        discussion: """
            Example: fnrpc system backup
            The copy stays in backups of the daemon's data directory. fnrpc system export has packages too.
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let backup: BackupResponse = try await connection.withClient { client in
            // However large the database is.
            try await client.call("fnrpc.v1.Maintenance", "Backup", BackupRequest())
        }
        switch output.output {
        case .json: try JSON(backup).print()
        case .table:
            let text = Table.pairs([
                ("backup", backup.name), ("bytes", "\(backup.bytes)"), ("digest", backup.digest),
            ])
            try Terminal.write(text, to: STDOUT_FILENO)
        }
    }
}
