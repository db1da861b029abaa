import ArgumentParser
import FnrpcClient
import Wire

/// `fnrpc system purge`.
struct SystemPurge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge", abstract: "Deletes all entities that are stored in one api_version.",
        discussion: """
            Example: fnrpc system purge 2 --kind trigger --confirm
            Without --confirm it only shows what would go, and what would stay because something refers to it.
            """)

    // Not --api-version: that is the version which the request itself is written in.
    @Argument(help: ArgumentHelp("The api_version of what goes.", valueName: "version"), transform: UInt32.read)
    var version: UInt32

    @Option(help: "Only this kind of entity.")
    var kind = ""

    @Flag(help: "Really delete.")
    var confirm = false

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let request = PurgeByApiVersionRequest(apiVersion: version, kind: kind, confirm: confirm)
        let answer: PurgeByApiVersionResponse = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Entities", "PurgeByApiVersion", request, timeout: CommandLimits.answer)
        }
        let deletion = answer.deletion ?? Deletion(done: confirm)
        switch output.output {
        case .json:
            try JSON.object([
                "deletion": JSON(deletion), "refused": .array(answer.refused.map { .string($0) }),
                "refused_count": .unsigned(answer.refusedCount),
            ]).print()
        case .table:
            try deletion.show(output)
            for reason in answer.refused { try Terminal.print(Terminal.harmless("stays: \(reason)")) }
            let stays = UInt64(answer.refused.count)
            if answer.refusedCount > stays { try Terminal.print("and \(answer.refusedCount - stays) more stay") }
            let count = deletion.count
            let noun = count == 1 ? "entity" : "entities"
            try Terminal.print(
                deletion.done ? "deleted \(count) \(noun)" : "\(count) \(noun) would go; --confirm deletes them")
        }
    }
}
