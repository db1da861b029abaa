import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc worker scale-up`.
struct WorkerScaleUp: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale-up", abstract: "Starts containers, at most to the function's max_containers.",
        discussion: "Example: fnrpc worker scale-up demo/hello --count 3")

    @OptionGroup var function: RevisionArgument
    @OptionGroup var count: CountOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await count.scale("ScaleUp", try function.path, "started", connection, output)
    }
}

/// `fnrpc worker scale-down`.
struct WorkerScaleDown: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale-down", abstract: "Removes containers, idle ones first; calls in them end as usual.",
        discussion: "Example: fnrpc worker scale-down demo/hello --count 2\nmin_containers stay, and one always.")

    @OptionGroup var function: RevisionArgument
    @OptionGroup var count: CountOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await count.scale("ScaleDown", try function.path, "removed", connection, output)
    }
}

/// `fnrpc worker detach`.
struct WorkerDetach: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "detach", abstract: "Lets all containers go as their calls end; further calls get new ones.",
        discussion: "Example: fnrpc worker detach demo/hello")

    @OptionGroup var function: RevisionArgument
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = try function.path
        let answer: ScaleResponse = try await connection.withClient { client in
            try await client.call(
                "fnrpc.v1.Workers", "Detach",
                WorkersRequest(app: path.app, function: path.function, version: path.version),
                timeout: CommandLimits.answer)
        }
        try answer.show("detached", path, output)
    }
}

/// How many containers.
struct CountOptions: ParsableArguments {
    @Option(help: "How many containers. Default: 1.", transform: UInt32.read)
    private var count: UInt32 = 1

    func validate() throws {
        guard count > 0 else { throw ValidationError("--count: 0 is out of range; at least 1") }
    }

    fileprivate func scale(
        _ method: String, _ path: FunctionPath, _ done: String, _ connection: ConnectionOptions,
        _ output: OutputOptions
    ) async throws {
        let request = ScaleRequest(app: path.app, function: path.function, version: path.version, count: count)
        let answer: ScaleResponse = try await connection.withClient { client in
            // Containers start before the answer.
            try await client.call("fnrpc.v1.Workers", method, request, timeout: UploadLimits.timeout)
        }
        try answer.show(done, path, output)
    }
}

extension ScaleResponse {
    fileprivate func show(_ done: String, _ path: FunctionPath, _ output: OutputOptions) throws {
        switch output.output {
        case .json: try JSON.object(["count": .unsigned(UInt64(count))]).print()
        case .table: try Terminal.print("\(done) \(count) container\(count == 1 ? "" : "s") of \(path)")
        }
    }
}
