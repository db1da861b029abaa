import ArgumentParser
import Model

/// `fnrpc call …`.
struct CallCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call", abstract: "Shows the records and logs of calls.",
        discussion: "Example: fnrpc call list demo/hello",
        subcommands: [CallList.self, CallGet.self, CallLogs.self])

    /// Checks an id that the user typed.
    static func checkID(_ text: String) throws {
        guard Identifier(text) != nil else {
            throw ValidationError("\(quoted(text)) is not the id of a call: 26 digits and capital letters")
        }
    }
}
