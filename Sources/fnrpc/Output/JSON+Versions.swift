import Model
import Wire

// As JSON+Entities: the names are an interface.

extension JSON {
    /// An app and what is in it.
    init(_ app: App, _ usage: AppUsage) {
        guard case .object(var members) = JSON(app) else { preconditionFailure("BUG: an entity is an object") }
        members["usage"] = .object([
            "functions": .unsigned(UInt64(usage.functions)), "triggers": .unsigned(UInt64(usage.triggers)),
            "versions": .unsigned(UInt64(usage.versions)), "containers": .unsigned(UInt64(usage.containers)),
            "memory_mib": .unsigned(usage.memoryMiB), "calls_last_hour": usage.lastHour.map { JSON($0) } ?? .null,
            "calls_last_day": usage.lastDay.map { JSON($0) } ?? .null,
        ])
        self = .object(members)
    }

    init(_ counts: CallCounts) {
        self = .object([
            "success": .unsigned(counts.success), "failed": .unsigned(counts.failed), "error": .unsigned(counts.error),
            "timeout": .unsigned(counts.timeout), "cancelled": .unsigned(counts.cancelled),
        ])
    }

    init(_ alias: Alias) {
        self = Self.entity(
            alias.meta,
            [
                "function_id": .string(alias.functionID.description), "name": .string(alias.name.text),
                "target": JSON(alias.target), "sticky_key": .string(alias.stickyKey),
                "history": .array(alias.history.map { JSON($0) }), "description": .string(alias.description),
            ])
    }

    /// The weight is of 10,000 calls.
    private init(_ target: Alias.Target) {
        self = .object([
            "version": .unsigned(UInt64(target.version)),
            "second_version": target.secondVersion == 0 ? .null : .unsigned(UInt64(target.secondVersion)),
            "second_weight": .unsigned(UInt64(target.secondWeight)), "set_at": .string(target.setAt.description),
        ])
    }

    /// `null` for what has not been yet.
    private static func moment(_ time: Timestamp) -> JSON { time.nanoseconds == 0 ? .null : .string(time.description) }

    init(_ answer: ListWorkersResponse) {
        self = .object([
            "workers": .array(
                answer.workers.map { worker in
                    .object([
                        "container": .string(worker.container), "version": .unsigned(UInt64(worker.version)),
                        "state": .string(worker.state), "calls": .unsigned(UInt64(worker.calls)),
                        "started_at": Self.moment(worker.startedAt), "last_used_at": Self.moment(worker.lastUsedAt),
                        "memory_mib": .unsigned(UInt64(worker.memoryMiB)),
                    ])
                }), "waiting_calls": .unsigned(UInt64(answer.waitingCalls)),
        ])
    }
}
