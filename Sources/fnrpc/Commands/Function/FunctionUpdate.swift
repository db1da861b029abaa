import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc fn update`.
struct FunctionUpdate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Changes what is named of a function's working copy, and publishes nothing.",
        discussion: """
            Example: fnrpc fn update demo/hello --memory 256 --timeout 2m --config DEBUG=
            Lists replace the present ones; --clear empties one. fnrpc version publish makes a version of it.
            """)

    @OptionGroup var function: FunctionArgument
    @OptionGroup var options: FunctionOptions

    @Option(
        help: ArgumentHelp(
            "The list that becomes empty: entrypoint, services, secrets, headers; may be given several times.",
            valueName: "list"))
    var clear: [ClearableList] = []

    @Option(
        name: .customLong("source"),
        help: ArgumentHelp(
            "The code that replaces the present one; settings of its func.yaml do not count.",
            valueName: "folder|archive"), completion: .file())
    var source: String?

    @OptionGroup var sources: SourceOptions
    @OptionGroup var notes: NoteOptions
    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = try function.path
        let source = try source.map { (source) throws(Failure) in try FunctionSource(source, sources) }
        let changed: Function = try await connection.withClient { client in
            let request = UpdateFunctionRequest(
                app: path.app, function: path.function, revision: revision.revision, spec: try options.patch,
                clear: clear.map(\.rawValue), packageDigest: try await source?.upload(to: client, sources),
                labels: try notes.labels, extra: try notes.extra)
            return try await client.call("fnrpc.v1.Functions", "Update", request, timeout: UploadLimits.timeout)
        }
        switch output.output {
        case .json: try JSON(changed).print()
        case .table:
            try Terminal.print(
                "updated function \(changed.appName)/\(changed.name), revision \(changed.meta.revision); "
                    + "working copy: \(changed.workingCopy)")
        }
    }
}

/// The lists of a function that an update can empty.
enum ClearableList: String, ExpressibleByArgument, CaseIterable {
    case entrypoint, services, secrets, headers
}
