import ArgumentParser

/// `fnrpc fn …`.
struct FunctionCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fn", abstract: "Makes, shows, changes, downloads and deletes functions.",
        discussion: "Example: fnrpc fn list demo",
        subcommands: [
            FunctionCreate.self, FunctionGet.self, FunctionList.self, FunctionUpdate.self, FunctionDelete.self,
            FunctionDownload.self,
        ],
        aliases: ["function"])
}
