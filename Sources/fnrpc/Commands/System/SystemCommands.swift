import ArgumentParser

/// `fnrpc system …`.
struct SystemCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "system", abstract: "Shows the daemon itself, and looks after all that it stores.",
        discussion: "Example: fnrpc system info",
        subcommands: [
            SystemInfo.self, SystemMetrics.self, SystemBackup.self, SystemExport.self, SystemImport.self,
            SystemCount.self, SystemPurge.self, SystemRaw.self, SystemMigrate.self,
        ])
}
