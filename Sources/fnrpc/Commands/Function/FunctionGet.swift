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

    @OptionGroup var function: ShownArgument
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let path = try self.function.path
        if path.version > 0 || self.function.isLatest {
            return try await connection.withClient { client in
                let path = try await self.function.resolved(by: client)
                try await path.version(from: client).show(path, output)
            }
        }
        let function: Function = try await connection.withClient { client in
            try await client.call(
                "fnrpc.v1.Functions", "Get", GetFunctionRequest(app: path.app, function: path.function),
                timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(function).print()
        case .table:
            let rows = [
                ("function", "\(function.appName)/\(function.name)"),
                ("latest version", function.latestVersion == 0 ? "-" : "\(function.latestVersion)"),
                ("working copy", function.workingCopy), ("package", function.package?.description ?? "-"),
            ]
            try Terminal.write(
                Table.pairs(rows + function.runtime.rows + function.spec.rows + function.meta.rows), to: STDOUT_FILENO)
        }
    }
}

extension Function {
    /// How the working copy relates to what is published.
    var workingCopy: String {
        if workingVersion > 0 { return "version \(workingVersion)" }
        return latestVersion == 0 ? "not published" : "changed since version \(latestVersion), not published"
    }
}

extension FrozenRuntime {
    var rows: [(String, String)] {
        var rows: [(String, String)] = []
        if !interpreter.isEmpty { rows.append(("interpreter", interpreter)) }
        if !command.isEmpty { rows.append(("runtime command", command.joined(separator: " "))) }
        if !root.isEmpty { rows.append(("runtime root", root)) }
        return rows
    }
}

extension Version {
    /// Prints it.
    func show(_ path: FunctionPath, _ output: OutputOptions) throws {
        switch output.output {
        case .json: try JSON(self).print()
        case .table:
            let name = "\(path.app)/\(path.function)@\(number)"
            let rows = [
                ("version", name), ("description", description),
                ("package", package.map { "\($0) (\(packageBytes) bytes)" } ?? "-"),
            ]
            try Terminal.write(Table.pairs(rows + runtime.rows + spec.rows + meta.rows), to: STDOUT_FILENO)
        }
    }
}

extension FunctionSpec {
    /// For people, in func.yaml's words.
    var rows: [(String, String)] {
        var rows = image.isEmpty ? [("runtime", runtime.rawValue)] : [("image", image)]
        if !entry.isEmpty { rows.append(("entry", entry)) }
        if !entrypoint.isEmpty { rows.append(("entrypoint", entrypoint.joined(separator: " "))) }
        rows += [
            ("format", format.rawValue), ("type", callType.rawValue), ("memory", "\(memoryMiB) MiB"),
            ("cpu", cpuMilli == 0 ? "no limit" : "\(Double(cpuMilli) / 1000) cores"),
            ("timeout", Shown.duration(timeoutNanos)), ("idle_timeout", Shown.duration(idleTimeoutNanos)),
            ("concurrency", "\(concurrency)"), ("max_containers", "\(maxContainers)"),
            ("min_containers", "\(minContainers)"), ("max_calls", maxCalls == 0 ? "any" : "\(maxCalls)"),
            ("max_age", maxAgeNanos == 0 ? "any" : Shown.duration(maxAgeNanos)), ("max_queue", "\(maxQueue)"),
            ("max_wait", maxWaitNanos == 0 ? "no limit" : Shown.duration(maxWaitNanos)),
            ("start_margin", "\(startMargin)"), ("rate_limit", rateLimit == 0 ? "no limit" : "\(rateLimit)/s"),
            ("pids", "\(pids)"), ("tmp_size", "\(tmpMiB) MiB"), ("network", network.rawValue),
        ]
        if !services.isEmpty { rows.append(("services", services.joined(separator: " "))) }
        if !descriptorSet.isEmpty { rows.append(("descriptor_set", descriptorSet)) }
        if !secrets.isEmpty { rows.append(("secrets", secrets.joined(separator: " "))) }
        if !onSuccess.isEmpty { rows.append(("on_success", onSuccess)) }
        if !onFailure.isEmpty { rows.append(("on_failure", onFailure)) }
        if record != .all { rows.append(("record", record.rawValue)) }
        if reservedContainers > 0 { rows.append(("reserved_containers", "\(reservedContainers)")) }
        if queueAhead { rows.append(("queue_ahead", "true")) }
        if recordInput { rows.append(("record_input", "true")) }
        rows += config.sorted { $0.key < $1.key }.map { ("config \($0.key)", $0.value) }
        rows += annotations.sorted { $0.key < $1.key }.map { ("annotation \($0.key)", $0.value) }
        for (name, values) in headers.sorted(by: { $0.key < $1.key }) {
            rows += values.map { ("header \(name)", $0) }
        }
        return rows
    }
}
