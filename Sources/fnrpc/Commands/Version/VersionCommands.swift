import ArgumentParser

/// `fnrpc version …`.
struct VersionCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Shows a function's published versions.", subcommands: [VersionList.self])
}
