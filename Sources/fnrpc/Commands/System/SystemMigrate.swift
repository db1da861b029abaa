import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc system migrate`.
struct SystemMigrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Rewrites all entities in another api_version, up or down.",
        discussion: """
            Example: fnrpc system migrate --to 2 --dry-run
            It may be interrupted and run again at any time. What cannot be converted without loss stays as it is, and so does what a newer daemon has stored.
            """)

    @Option(help: ArgumentHelp("The api_version to rewrite in.", valueName: "version"), transform: UInt32.read)
    var to: UInt32

    @Flag(help: "Change nothing; find what cannot be converted.")
    var dryRun = false

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let last = try await connection.withClient { client in
            let stream = try await client.stream(
                service: "fnrpc.v1.Entities", method: "Migrate", kind: .serverStreaming,
                payload: MigrateEntitiesRequest(to: to, dryRun: dryRun).encoded())
            var last = MigrateEntitiesProgress()
            var line = ProgressLine()
            defer { line.end() }
            while let message = try await stream.receive() {
                last = try MigrateEntitiesProgress(decoding: message, strict: false)
                line.show("\(last.done) of \(last.total) entities, \(last.refused) refused")
            }
            return last
        }
        switch output.output {
        case .json:
            try JSON.object([
                "to": .unsigned(UInt64(to)), "dry_run": .bool(dryRun), "done": .unsigned(last.done),
                "total": .unsigned(last.total), "refused": .unsigned(last.refused),
                "problems": .array(last.problems.map { .string($0) }), "unknown": .unsigned(last.unknown),
                "unknown_ids": .array(last.unknownIDs.map { .string($0) }),
            ]).print()
        case .table:
            let verb = dryRun ? "would be rewritten" : "are rewritten"
            try Terminal.print("\(last.done) of \(last.total) entities \(verb) in api_version \(to)")
            for id in last.unknownIDs { try Terminal.print("stays: \(id): its api_version is not known") }
            let more = last.unknown - min(last.unknown, UInt64(last.unknownIDs.count))
            if more > 0 { try Terminal.print("and \(more) more stay") }
        }
        guard last.refused == 0 else {
            throw Failure(
                .precondition, "\(last.refused) of \(last.total) entities cannot be converted; they stay as they are",
                further: last.problems)
        }
    }
}
