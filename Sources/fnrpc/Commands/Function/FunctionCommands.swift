import ArgumentParser

/// `fnrpc fn …`.
struct FunctionCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fn", abstract: "Shows functions.", subcommands: [FunctionList.self, FunctionGet.self])
}
