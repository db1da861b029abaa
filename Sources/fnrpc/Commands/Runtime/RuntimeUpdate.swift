import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc runtime update`.
struct RuntimeUpdate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Changes what is given of a runtime.",
        discussion: """
            Example: fnrpc runtime update node --pool-size 4
            Root and command cannot change while functions use the runtime.
            """)

    @Argument(help: "The runtime's name or id.")
    var runtime: String

    @Option(
        help: ArgumentHelp("What functions see as their root.", valueName: "host|folder:PATH|image:REFERENCE"))
    var root: String?

    @Flag(inversion: .prefixedNo, help: "No effect yet: keep interpreters warm that have loaded the runtime's modules.")
    var zygote: Bool?

    @Option(
        help: ArgumentHelp("No effect yet: sandboxes that wait, 0 to 1024.", valueName: "count"), transform: UInt32.read
    )
    var poolSize: UInt32?

    @Option(help: "A note that the runtime keeps.")
    var description: String?

    @Argument(parsing: .postTerminator, help: "Behind --, the command that starts a function.")
    var command: [String] = []

    @OptionGroup var notes: NoteOptions
    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { try RuntimeCommands.check(root: root, poolSize: poolSize) }

    func run() async throws {
        let request = UpdateRuntimeRequest(
            runtime: runtime, revision: revision.revision, description: description, root: root, command: command,
            zygote: zygote, poolSize: poolSize, labels: try notes.labels, extra: try notes.extra)
        let changed: Runtime = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Runtimes", "Update", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(changed).print()
        case .table: try Terminal.print("updated runtime \(changed.name), revision \(changed.meta.revision)")
        }
    }
}
