import ArgumentParser

/// `fnrpc secret …`.
struct SecretCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "secret", abstract: "Keeps values that functions get as files, and nobody reads back.",
        discussion: "Example: fnrpc secret set demo database-password --file password.txt",
        subcommands: [SecretSet.self, SecretGet.self, SecretList.self, SecretDelete.self])
}
