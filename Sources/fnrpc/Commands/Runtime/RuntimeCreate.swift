import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc runtime create`.
struct RuntimeCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Makes a runtime.",
        discussion: """
            Example: fnrpc runtime create perl -- /usr/bin/perl {entry}
            In the command {entry} is the function's entry and {package} the folder of its package.
            """)

    @Argument(help: "The runtime's name.")
    var name: String

    @Option(
        help: ArgumentHelp(
            "What functions see as their root. Default: host.", valueName: "host|folder:PATH|image:REFERENCE"))
    var root: String?

    @Flag(help: "No effect yet: keep interpreters warm that have loaded the runtime's modules.")
    var zygote = false

    @Option(
        help: ArgumentHelp("No effect yet: sandboxes that wait, 0 to 1024.", valueName: "count"), transform: UInt32.read
    )
    var poolSize: UInt32 = 0

    @Option(help: "A note that the runtime keeps.")
    var description = ""

    @Argument(parsing: .postTerminator, help: "Behind --, the command that starts a function.")
    var command: [String] = []

    @OptionGroup var notes: NoteOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        _ = try usage { () throws(Failure) in try Name(name, field: "name") }
        try RuntimeCommands.check(root: root, poolSize: poolSize)
        guard !command.isEmpty else {
            throw ValidationError("the command is missing; write it behind --, such as -- node {entry}")
        }
    }

    func run() async throws {
        let request = CreateRuntimeRequest(
            name: name, description: description, root: root ?? "", command: command, zygote: zygote,
            poolSize: poolSize, labels: try notes.labels, extra: try notes.extra)
        let made: Runtime = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Runtimes", "Create", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(made).print()
        case .table: try Terminal.print("created runtime \(made.name) (\(made.meta.id))")
        }
    }
}
