import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc call get`.
struct CallGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows one finished call.",
        discussion: "Example: fnrpc call get 01JD5V7Q3M0K8T2W4X6Y9Z1ABC")

    @Argument(help: "The call's id, as fnrpc call list shows it.")
    var id: String

    @Flag(help: "Show what it ran with: package, limits and config at call time.")
    var spec = false

    @Flag(help: "Print its payload instead, if its function has record_input.")
    var input = false

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        try CallCommands.checkID(id)
        guard !(spec && input) else { throw ValidationError("--spec and --input: give one of them") }
    }

    func run() async throws {
        if spec { return try await showSpec() }
        if input { return try await printInput() }
        let call: CallRecord = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Calls", "Get", GetCallRequest(id: id), timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(call).print()
        case .table: try Terminal.write(Table.pairs(call.rows), to: STDOUT_FILENO)
        }
    }

    private func showSpec() async throws {
        let spec: CallSpec = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Calls", "Spec", GetCallSpecRequest(id: id), timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(spec).print()
        case .table:
            let frozen = FrozenRuntime(
                interpreter: spec.interpreter, command: spec.runtimeCommand, root: spec.runtimeRoot)
            let config = spec.appConfig.sorted { $0.key < $1.key }.map { ("app config \($0.key)", $0.value) }
            let rows = [("call", id), ("package", spec.packageDigest ?? "-")]
            try Terminal.write(Table.pairs(rows + frozen.rows + spec.spec.rows + config), to: STDOUT_FILENO)
        }
    }

    private func printInput() async throws {
        let answer: GetCallInputResponse = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Calls", "Input", GetCallInputRequest(id: id), timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json:
            let members = JSON.body(answer.input, "input").merging([
                "call_id": .string(id), "truncated": .bool(answer.truncated), "removed": .bool(answer.removed),
            ]) { own, _ in own }
            try JSON.object(members).print()
        case .table:
            try Terminal.write(answer.input, to: STDOUT_FILENO)
            if answer.truncated { Terminal.warn("the payload was longer than the daemon keeps; this is its beginning") }
            if answer.removed { Terminal.warn("the payload was removed; it was too old, or its place was needed") }
        }
    }
}

extension CallRecord {
    fileprivate var rows: [(String, String)] {
        var rows = [
            ("call", meta.id.description), ("function", "\(appName)/\(functionName)@\(version)"),
            ("asked for", requested), ("status", status.rawValue),
        ]
        if !path.isEmpty { rows += [("path", path), ("trigger", trigger)] }
        if reason != .none { rows.append(("reason", reason.rawValue)) }
        if let exit { rows.append(("process", exit.text)) }
        if !error.isEmpty { rows.append(("error", error)) }
        rows += [
            ("accepted", Shown.time(meta.createdAt)),
            ("started", startedAt.map(Shown.time) ?? "never"), ("completed", Shown.time(completedAt)),
            ("waited", Shown.duration(waitNanos)),
            ("cold start", coldStartNanos.map(Shown.duration) ?? "none, the container was hot"),
            ("ran", Shown.duration(runNanos)), ("container", container),
            ("log", "\(logBytes) bytes" + (logTruncated ? ", cut" : "")),
        ]
        if inputBytes > 0 { rows.append(("input", "\(inputBytes) bytes" + (inputTruncated ? ", cut" : ""))) }
        rows += [("spec", spec?.description ?? "none"), ("trace", traceID ?? "none")]
        return rows
    }
}

extension CallExit {
    /// For people.
    var text: String {
        var parts: [String] = []
        if let code { parts.append("exit code \(code)") }
        if let signal { parts.append("signal \(signal)") }
        if ranOutOfMemory { parts.append("out of memory") }
        return parts.joined(separator: ", ")
    }
}
