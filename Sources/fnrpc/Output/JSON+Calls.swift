import Model
import Wire

/// Calls as JSON.
extension JSON {
    init(_ call: CallRecord) {
        var members: [String: JSON] = [
            "app_id": .string(call.appID.description), "app": .string(call.appName),
            "function_id": .string(call.functionID.description), "function": .string(call.functionName),
            "path": Self.orNull(call.path), "trigger": Self.orNull(call.trigger),
            "version": .unsigned(UInt64(call.version)),
            "requested_version": .unsigned(UInt64(call.requestedVersion)),
            "requested_alias": Self.orNull(call.requestedAlias), "status": .string(call.status.rawValue),
            "reason": Self.orNull(call.reason.rawValue), "error": .string(call.error),
            "started_at": call.startedAt.map { .string($0.description) } ?? .null,
            "completed_at": .string(call.completedAt.description), "wait_nanos": .unsigned(call.waitNanos),
            "cold_start_nanos": call.coldStartNanos.map { .unsigned($0) } ?? .null,
            "run_nanos": .unsigned(call.runNanos), "container": .string(call.container),
            "log_bytes": .unsigned(call.logBytes), "log_truncated": .bool(call.logTruncated),
            "spec_digest": call.spec.map { .string($0.description) } ?? .null,
            "trace_id": call.traceID.map { .string($0) } ?? .null,
        ]
        if let exit = call.exit {
            members["exit"] = .object([
                "code": exit.code.map { .integer(Int64($0)) } ?? .null,
                "signal": exit.signal.map { .integer(Int64($0)) } ?? .null, "out_of_memory": .bool(exit.ranOutOfMemory),
            ])
        }
        if call.inputBytes > 0 {
            members["input_bytes"] = .unsigned(call.inputBytes)
            members["input_truncated"] = .bool(call.inputTruncated)
        }
        self = Self.entity(call.meta, members)
    }

    init(_ spec: CallSpec) {
        self = .object([
            "spec": JSON(spec.spec), "package": Self.orNull(spec.packageDigest ?? ""),
            "interpreter": .string(spec.interpreter),
            "runtime_command": .array(spec.runtimeCommand.map { .string($0) }),
            "runtime_root": .string(spec.runtimeRoot), "app_config": JSON(spec.appConfig),
        ])
    }

    private static func orNull(_ text: String) -> JSON { text.isEmpty ? .null : .string(text) }
}
