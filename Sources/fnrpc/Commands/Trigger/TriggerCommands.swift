import ArgumentParser

/// `fnrpc trigger …`.
struct TriggerCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trigger", abstract: "Lets functions be called by paths.",
        discussion: "Example: fnrpc trigger create demo greet /greet/:name hello",
        subcommands: [TriggerCreate.self, TriggerGet.self, TriggerList.self, TriggerUpdate.self, TriggerDelete.self])
}
