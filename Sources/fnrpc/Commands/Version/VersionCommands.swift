import ArgumentParser

/// `fnrpc version …`.
struct VersionCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Publishes, shows, restores, downloads and deletes a function's versions.",
        discussion: "Example: fnrpc version list demo/hello",
        subcommands: [
            VersionPublish.self, VersionGet.self, VersionList.self, VersionUpdate.self, VersionRestore.self,
            VersionDownload.self, VersionDelete.self,
        ])
}
