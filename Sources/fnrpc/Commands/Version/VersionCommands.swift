import ArgumentParser

/// `fnrpc version …`.
struct VersionCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Shows a function's published versions.",
        discussion: "Example: fnrpc version list demo/hello", subcommands: [VersionList.self])
}
