package import CWire
package import Model

extension CallRecord: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Call>) { fnrpc__v1__call__init(raw) }

    /// Log and payload are not part of the message; ``log`` and ``input`` are empty.
    package init(_ raw: Fnrpc__V1__Call) throws(Failure) {
        let status: CallStatus = try choice(text(raw.status), "status")
        var exit = CallExit(ranOutOfMemory: raw.out_of_memory != 0)
        if raw.has_exit_code != 0 { exit.code = raw.exit_code }
        if raw.has_exit_signal != 0 { exit.signal = raw.exit_signal }
        let hasExit = exit != CallExit()
        self.init(
            meta: try Meta(field: raw.meta), appID: try identifier(raw.app_id, "app_id"), appName: text(raw.app_name),
            functionID: try identifier(raw.function_id, "function_id"), functionName: text(raw.function_name),
            path: text(raw.path), trigger: text(raw.trigger), version: raw.version, status: status,
            // Records of before there were reasons have none.
            reason: raw.reason == nil ? nil : try choice(text(raw.reason), "reason"), error: text(raw.error),
            exit: hasExit ? exit : nil,
            startedAt: raw.has_started_at != 0 ? Timestamp(nanoseconds: raw.started_at) : nil,
            completedAt: Timestamp(nanoseconds: raw.completed_at), waitNanos: raw.wait_nanos,
            coldStartNanos: raw.has_cold_start_nanos != 0 ? raw.cold_start_nanos : nil, runNanos: raw.run_nanos,
            container: text(raw.container), log: [], logTruncated: raw.log_truncated != 0,
            inputTruncated: raw.input_truncated != 0,
            spec: raw.spec_digest == nil ? nil : try Digest(text(raw.spec_digest), field: "spec_digest"),
            traceID: raw.trace_id.map { text($0) }, requestedVersion: raw.requested_version,
            requestedAlias: text(raw.requested_alias))
        logBytes = raw.log_bytes
        inputBytes = raw.input_bytes
        self = try validated()
    }

    package func write(to raw: inout Fnrpc__V1__Call, _ builder: Builder) {
        raw.meta = builder.message(meta)
        raw.app_id = builder.string(appID.description)
        raw.app_name = builder.string(appName)
        raw.function_id = builder.string(functionID.description)
        raw.function_name = builder.string(functionName)
        if !path.isEmpty { raw.path = builder.string(path) }
        if !trigger.isEmpty { raw.trigger = builder.string(trigger) }
        raw.has_version = 1
        raw.version = version
        raw.status = builder.string(status.rawValue)
        if reason != .none { raw.reason = builder.string(reason.rawValue) }
        raw.error = builder.string(error)
        writeExit(to: &raw)
        raw.has_started_at = startedAt == nil ? 0 : 1
        raw.started_at = startedAt?.nanoseconds ?? 0
        raw.has_completed_at = 1
        raw.completed_at = completedAt.nanoseconds
        raw.has_wait_nanos = 1
        raw.wait_nanos = waitNanos
        raw.has_cold_start_nanos = coldStartNanos == nil ? 0 : 1
        raw.cold_start_nanos = coldStartNanos ?? 0
        raw.has_run_nanos = 1
        raw.run_nanos = runNanos
        raw.container = builder.string(container)
        writeContents(to: &raw)
        if let spec { raw.spec_digest = builder.string(spec.description) }
        if let traceID { raw.trace_id = builder.string(traceID) }
        raw.has_requested_version = 1
        raw.requested_version = requestedVersion
        if !requestedAlias.isEmpty { raw.requested_alias = builder.string(requestedAlias) }
    }

    private func writeExit(to raw: inout Fnrpc__V1__Call) {
        guard let exit else { return }
        raw.has_exit_code = exit.code == nil ? 0 : 1
        raw.exit_code = exit.code ?? 0
        raw.has_exit_signal = exit.signal == nil ? 0 : 1
        raw.exit_signal = exit.signal ?? 0
        raw.has_out_of_memory = exit.ranOutOfMemory ? 1 : 0
        raw.out_of_memory = exit.ranOutOfMemory ? 1 : 0
    }

    private func writeContents(to raw: inout Fnrpc__V1__Call) {
        raw.has_log_bytes = 1
        raw.log_bytes = logBytes
        raw.has_log_truncated = logTruncated ? 1 : 0
        raw.log_truncated = logTruncated ? 1 : 0
        raw.has_input_bytes = inputBytes == 0 ? 0 : 1
        raw.input_bytes = inputBytes
        raw.has_input_truncated = inputTruncated ? 1 : 0
        raw.input_truncated = inputTruncated ? 1 : 0
    }
}
