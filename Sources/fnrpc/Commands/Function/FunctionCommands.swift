import ArgumentParser

/// `fnrpc fn …`.
struct FunctionCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fn", abstract: "Shows functions.", discussion: "Example: fnrpc fn list demo",
        subcommands: [FunctionList.self, FunctionGet.self])
}
