import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc fn create`.
struct FunctionCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Makes a function's working copy, without publishing a version.",
        discussion: """
            Example: fnrpc fn create demo/hello ./hello --memory 256
            Without a source it needs --image. Options win over func.yaml; the app must exist. fnrpc deploy
            creates what is absent, and publishes.
            """)

    @OptionGroup var function: FunctionArgument

    @Argument(
        help: ArgumentHelp("The folder that holds func.yaml, or an archive of it.", valueName: "folder|archive"),
        completion: .file())
    var source: String?

    @OptionGroup var options: FunctionOptions
    @OptionGroup var sources: SourceOptions
    @OptionGroup var notes: NoteOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if source == nil, options.image == nil {
            throw ValidationError("the source is missing; name a folder or an archive, or give --image")
        }
    }

    func run() async throws {
        let path = try function.path
        let source = try source.map { (source) throws(Failure) in try FunctionSource(source, sources) }
        let start = source?.file.spec ?? FunctionSpec(runtime: .none, entry: "", format: .httpStream)
        let spec = try options.patch.applied(to: start)
        let made: Function = try await connection.withClient { client in
            let digest = spec.image.isEmpty ? try await source?.upload(to: client, sources) : nil
            let request = CreateFunctionRequest(
                app: path.app, function: path.function, spec: spec, packageDigest: digest ?? "",
                labels: try notes.labels, extra: try notes.extra)
            // The daemon checks the function in a sandbox before it takes it.
            return try await client.call("fnrpc.v1.Functions", "Create", request, timeout: UploadLimits.timeout)
        }
        switch output.output {
        case .json: try JSON(made).print()
        case .table: try Terminal.print("created function \(made.appName)/\(made.name) (\(made.meta.id))")
        }
    }
}
