import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc fn get`.
struct FunctionGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows one function.",
        discussion: "Example: fnrpc fn get demo/hello, or one version's settings with fnrpc fn get demo/hello@1")

    @Argument(help: ArgumentHelp("The function, or one of its versions.", valueName: "app/fn[@version]"))
    var function: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        _ = try usage { () throws(Failure) in try FunctionReference(function) }
    }

    func run() async throws {
        let reference = try FunctionReference(function)
        let (app, name) = (reference.app.text, reference.function.text)
        if reference.version > 0 {
            let version: Version = try await connection.withClient { client in
                try await client.call(
                    "fnrpc.v1.Versions", "Get",
                    GetVersionRequest(app: app, function: name, number: reference.version),
                    timeout: CommandLimits.answer)
            }
            return try show(JSON(version), version.rows(of: reference) + version.spec.rows)
        }
        let function: Function = try await connection.withClient { client in
            try await client.call(
                "fnrpc.v1.Functions", "Get", GetFunctionRequest(app: app, function: name),
                timeout: CommandLimits.answer)
        }
        let rows = [
            ("function", "\(function.appName)/\(function.name)"), ("id", function.meta.id.description),
            ("latest version", "\(function.latestVersion)"), ("package", function.package?.description ?? ""),
            ("created", Shown.time(function.meta.createdAt)), ("updated", Shown.time(function.meta.updatedAt)),
        ]
        try show(JSON(function), rows + function.spec.rows)
    }

    private func show(_ json: JSON, _ rows: [(String, String)]) throws {
        switch output.output {
        case .json: try json.print()
        case .table: try Terminal.write(Table.pairs(rows), to: STDOUT_FILENO)
        }
    }
}

extension Version {
    fileprivate func rows(of reference: FunctionReference) -> [(String, String)] {
        [
            ("version", reference.description), ("id", meta.id.description), ("description", description),
            ("package", "\(package?.description ?? "") (\(packageBytes) bytes)"), ("interpreter", runtime.interpreter),
            ("created", Shown.time(meta.createdAt)),
        ]
    }
}

extension FunctionSpec {
    /// For people, in func.yaml's words.
    var rows: [(String, String)] {
        let command = entrypoint.isEmpty ? ("entry", entry) : ("entrypoint", entrypoint.joined(separator: " "))
        var rows = [
            ("runtime", runtime.rawValue), command, ("format", format.rawValue), ("memory", "\(memoryMiB) MiB"),
            ("timeout", Shown.duration(timeoutNanos)), ("idle_timeout", Shown.duration(idleTimeoutNanos)),
            ("concurrency", "\(concurrency)"), ("max_containers", "\(maxContainers)"),
            ("min_containers", "\(minContainers)"), ("max_queue", "\(maxQueue)"),
            ("pids", "\(pids)"), ("tmp_size", "\(tmpMiB) MiB"), ("network", network.rawValue),
        ]
        if !services.isEmpty { rows.append(("services", services.joined(separator: " "))) }
        if !descriptorSet.isEmpty { rows.append(("descriptor_set", descriptorSet)) }
        rows += config.sorted { $0.key < $1.key }.map { ("config \($0.key)", $0.value) }
        rows += annotations.sorted { $0.key < $1.key }.map { ("annotation \($0.key)", $0.value) }
        for (name, values) in headers.sorted(by: { $0.key < $1.key }) {
            rows += values.map { ("header \(name)", $0) }
        }
        return rows
    }
}
