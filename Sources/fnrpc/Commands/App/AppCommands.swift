import ArgumentParser

/// `fnrpc app …`.
struct AppCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "app", abstract: "Makes, shows, changes and deletes apps, the groups of functions.",
        discussion: "Example: fnrpc app list",
        subcommands: [AppCreate.self, AppGet.self, AppList.self, AppUpdate.self, AppDelete.self])
}
