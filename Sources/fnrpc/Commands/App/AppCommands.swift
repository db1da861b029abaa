import ArgumentParser

/// `fnrpc app …`.
struct AppCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "app", abstract: "Shows apps, the groups of functions.", discussion: "Example: fnrpc app list",
        subcommands: [AppList.self, AppGet.self])
}
