import ArgumentParser

/// `fnrpc worker …`.
struct WorkerCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Shows, adds and removes the containers of functions.",
        discussion: "Example: fnrpc worker list demo/hello",
        subcommands: [WorkerList.self, WorkerScaleUp.self, WorkerScaleDown.self, WorkerDetach.self])
}
