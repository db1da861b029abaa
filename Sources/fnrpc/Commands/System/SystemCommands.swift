import ArgumentParser

/// `fnrpc system …`.
struct SystemCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "system", abstract: "Shows the daemon itself.", discussion: "Example: fnrpc system info",
        subcommands: [SystemInfo.self])
}
