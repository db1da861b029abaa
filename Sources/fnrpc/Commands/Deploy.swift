import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc deploy`.
struct Deploy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Publishes a folder or an archive as the next version of a function.",
        discussion: """
            Example: fnrpc deploy hello --app demo
            Creates the app and the function where they are absent. The dependencies of a Python function's
            requirements.txt are installed into the package, and kept in a cache for the next deploy. An archive
            (.zip, .tar, .tar.gz) is deployed as it is. A func.yaml with an image needs nothing else.
            """)

    @Argument(
        help: ArgumentHelp("The folder that holds func.yaml, or an archive of it.", valueName: "folder|archive"),
        completion: .file())
    var source: String

    @Option(help: "The app that the function belongs to; its name or id.")
    var app: String

    @Option(help: "A note that the version keeps.")
    var description = ""

    @OptionGroup var sources: SourceOptions
    @OptionGroup var notes: NoteOptions
    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        try usage { () throws(Failure) in try checkNameOrID(app, field: "--app") }
    }

    func run() async throws {
        let source = try FunctionSource(source, sources)
        let response: DeployResponse = try await connection.withClient { client in
            do {
                return try await deploy(source, client)
            } catch let error as ClientError where error.code == .notFound {
                // The package's last user may have gone between the upload and the deploy, and the package with it.
                return try await deploy(source, client)
            }
        }
        try show(response)
    }

    private func deploy(_ source: FunctionSource, _ client: Client) async throws -> DeployResponse {
        let digest = try await source.upload(to: client, sources)
        let request = DeployRequest(
            app: app, function: source.file.name.text, spec: source.file.spec, packageDigest: digest ?? "",
            description: description, labels: try notes.labels, extra: try notes.extra,
            revision: revision.revision ?? 0)
        // The daemon checks the function in a sandbox before it publishes.
        return try await client.call("fnrpc.v1.Functions", "Deploy", request, timeout: UploadLimits.timeout)
    }

    private func show(_ response: DeployResponse) throws {
        let (function, version) = (response.function, response.version)
        switch output.output {
        case .table:
            try Terminal.print(
                "deployed \(function.appName)/\(function.name) version \(version.number) "
                    + "(\(version.package.map { "\($0), \(version.packageBytes) bytes" } ?? version.spec.image))")
        case .json:
            try JSON.object([
                "function": JSON(function), "version": JSON(version), "created_app": .bool(response.createdApp),
                "created_function": .bool(response.createdFunction),
            ]).print()
        }
    }
}
