import ArgumentParser
import FnrpcClient
import Foundation
import Glibc
import Model
import Wire

/// `fnrpc deploy`.
struct Deploy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Publishes a folder as the next version of a function.",
        discussion: """
            Example: fnrpc deploy hello --app demo
            Creates the app and the function where they are absent. The dependencies of a Python function's
            requirements.txt are installed into the package, and kept in a cache for the next deploy.
            """)

    @Argument(help: "The folder that holds func.yaml.", completion: .directory)
    var folder: String

    @Option(help: "The app that the function belongs to.")
    var app: String

    @Option(help: "A note that the version keeps.")
    var description = ""

    @Flag(help: "Install the dependencies again, although requirements.txt is unchanged.")
    var freshDependencies = false

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        _ = try usage { () throws(Failure) in try Name(app, field: "--app") }
    }

    func run() async throws {
        let folder = try FunctionFolder(folder)
        for warning in folder.file.warnings { Terminal.warn(warning) }
        // Connected first: whoever has no daemon should not wait for pip to learn it.
        let response: DeployResponse = try await connection.withClient { client in
            let package = try pack(folder)
            do throws(ClientError) {
                return try await deploy(package, folder, client)
            } catch  where error.code == .notFound {
                // Its last user may have gone between the upload and the deploy, and the package with it.
                return try await deploy(package, folder, client)
            }
        }
        try show(response)
    }

    private func deploy(
        _ package: FunctionPackage, _ folder: FunctionFolder, _ client: Client
    ) async throws(ClientError) -> DeployResponse {
        var line = ProgressLine()
        let uploaded = try await client.upload(package) { held in
            line.show("uploading \(held >> 10) of \(package.byteCount >> 10) KiB")
        }
        line.end()
        let request = DeployRequest(
            app: app, function: folder.file.name.text, spec: folder.file.spec, packageDigest: uploaded.digest,
            description: description)
        // The daemon checks the function in a sandbox before it publishes.
        return try await client.call("fnrpc.v1.Functions", "Deploy", request, timeout: UploadLimits.timeout)
    }

    private func pack(_ folder: FunctionFolder) throws(Failure) -> FunctionPackage {
        let environment = ProcessInfo.processInfo.environment
        let temporary = environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
        var installed: PythonDependencies.Installed?
        defer { installed?.discard() }
        if folder.file.spec.runtime == .python,
            let dependencies = try PythonDependencies(source: folder.path, environment: environment)
        {
            var line = ProgressLine()
            installed = try dependencies.install(useCache: !freshDependencies) { line.show("pip: \($0)") }
            line.end()
        }
        try checkScripts(folder, installed?.path)
        return try FunctionPackage(folder: folder.path, dependencies: installed?.path, temporary: temporary)
    }

    /// An entrypoint in the dependencies, such as Fn's, needs them.
    private func checkScripts(_ folder: FunctionFolder, _ dependencies: String?) throws(Failure) {
        let prefix = PythonDependencies.mountPoint + "/"
        for word in folder.file.spec.entrypoint where word.hasPrefix(prefix) {
            let name = String(word.dropFirst(prefix.count))
            guard let dependencies, access(dependencies + "/" + name, F_OK) == 0 else {
                let package = name.split(separator: "/").last.map(String.init) ?? name
                throw folder.file.failure(
                    .entrypoint,
                    "\(quoted(name)) is not among the dependencies; add a line \(package) to \(folder.path)/"
                        + PythonDependencies.fileName)
            }
        }
    }

    private func show(_ response: DeployResponse) throws {
        let (function, version) = (response.function, response.version)
        switch output.output {
        case .table:
            try Terminal.print(
                "deployed \(function.appName)/\(function.name) version \(version.number) "
                    + "(\(version.package?.description ?? version.spec.image), \(version.packageBytes) bytes)")
        case .json:
            try JSON.object([
                "function": JSON(function), "version": JSON(version), "created_app": .bool(response.createdApp),
                "created_function": .bool(response.createdFunction),
            ]).print()
        }
    }
}
