import Foundation
import Model
import Wire

// The names here are an interface: programs read them. Times are RFC 3339 in UTC with nanoseconds.

extension JSON {
    /// Prints it on standard output.
    func print() throws {
        try Terminal.print(text(pretty: true))
    }

    init(_ map: [String: String]) {
        self = .object(map.mapValues { .string($0) })
    }

    /// Text as it is, anything else as base64 under another name.
    static func body(_ bytes: [UInt8], _ name: String) -> [String: JSON] {
        if let text = String(validating: bytes, as: UTF8.self) { return [name: .string(text)] }
        return [name + "_base64": .string(Data(bytes).base64EncodedString())]
    }

    /// What every entity carries.
    static func meta(_ meta: Meta) -> [String: JSON] {
        [
            "api_version": .unsigned(UInt64(meta.apiVersion)), "id": .string(meta.id.description),
            "revision": .unsigned(meta.revision), "created_at": .string(meta.createdAt.description),
            "updated_at": .string(meta.updatedAt.description), "labels": JSON(meta.labels),
            "extra": .object(meta.extra.mapValues { (try? JSONParser.parse(Array($0.utf8))) ?? .string($0) }),
        ]
    }

    static func entity(_ meta: Meta, _ members: [String: JSON]) -> JSON {
        .object(Self.meta(meta).merging(members) { _, own in own })
    }

    init(_ app: App) {
        self = Self.entity(
            app.meta,
            [
                "name": .string(app.name.text), "config": JSON(app.config), "annotations": JSON(app.annotations),
                "syslog_url": .string(app.syslogURL),
            ])
    }

    init(_ function: Function) {
        self = Self.entity(
            function.meta,
            [
                "app_id": .string(function.appID.description), "app": .string(function.appName.text),
                "name": .string(function.name.text), "spec": JSON(function.spec),
                "package": .string(function.package?.description ?? ""),
                "latest_version": .unsigned(UInt64(function.latestVersion)),
                "last_version_number": .unsigned(UInt64(function.lastVersionNumber)),
                "working_version": .unsigned(UInt64(function.workingVersion)),
                "interpreter": .string(function.runtime.interpreter),
                "runtime_command": .array(function.runtime.command.map { .string($0) }),
                "runtime_root": .string(function.runtime.root),
            ])
    }

    init(_ version: Version) {
        self = Self.entity(
            version.meta,
            [
                "function_id": .string(version.functionID.description), "number": .unsigned(UInt64(version.number)),
                "description": .string(version.description), "spec": JSON(version.spec),
                "package": .string(version.package?.description ?? ""),
                "package_bytes": .unsigned(version.packageBytes),
                "interpreter": .string(version.runtime.interpreter),
                "runtime_command": .array(version.runtime.command.map { .string($0) }),
                "runtime_root": .string(version.runtime.root),
            ])
    }

    /// With func.yaml's keys; clocks are nanoseconds and say so.
    init(_ spec: FunctionSpec) {
        self = .object([
            "runtime": .string(spec.runtime.rawValue), "entry": .string(spec.entry),
            "entrypoint": .array(spec.entrypoint.map { .string($0) }), "format": .string(spec.format.rawValue),
            "memory_mib": .unsigned(UInt64(spec.memoryMiB)), "timeout_nanos": .unsigned(spec.timeoutNanos),
            "idle_timeout_nanos": .unsigned(spec.idleTimeoutNanos),
            "concurrency": .unsigned(UInt64(spec.concurrency)),
            "max_containers": .unsigned(UInt64(spec.maxContainers)),
            "reserved_containers": .unsigned(UInt64(spec.reservedContainers)), "queue_ahead": .bool(spec.queueAhead),
            "max_calls": .unsigned(UInt64(spec.maxCalls)), "max_age_nanos": .unsigned(spec.maxAgeNanos),
            "min_containers": .unsigned(UInt64(spec.minContainers)), "max_queue": .unsigned(UInt64(spec.maxQueue)),
            "max_wait_nanos": .unsigned(spec.maxWaitNanos), "start_margin": .bool(spec.startMargin),
            "rate_limit": .unsigned(UInt64(spec.rateLimit)),
            "pids": .unsigned(UInt64(spec.pids)), "tmp_size_mib": .unsigned(UInt64(spec.tmpMiB)),
            "network": .string(spec.network.rawValue), "config": JSON(spec.config),
            "annotations": JSON(spec.annotations), "services": .array(spec.services.map { .string($0) }),
            "descriptor_set": .string(spec.descriptorSet),
            "cpu_milli": .unsigned(UInt64(spec.cpuMilli)), "image": .string(spec.image),
            "type": .string(spec.callType.rawValue), "on_success": .string(spec.onSuccess),
            "on_failure": .string(spec.onFailure), "record": .string(spec.record.rawValue),
            "record_input": .bool(spec.recordInput), "secrets": .array(spec.secrets.map { .string($0) }),
            "headers": .object(spec.headers.mapValues { .array($0.map { .string($0) }) }),
        ])
    }

    init(_ info: SystemInfoResponse) {
        self = .object([
            "version": .string(info.version), "protocol": .string(info.wireProtocol),
            "api_versions": .array(info.apiVersions.map { .unsigned(UInt64($0)) }),
            "versions": .array(
                info.versions.map { version in
                    .object([
                        "number": .unsigned(UInt64(version.number)), "status": .string(version.status),
                        "sunset_at": version.sunsetAt.map { .string($0.description) } ?? .null,
                    ])
                }),
            "schema_version": .unsigned(UInt64(info.schemaVersion)), "instance": .string(info.instance),
            "data_dir": .string(info.dataDir), "sandbox_runtime": .string(info.sandboxRuntime),
            "cgroups": .string(info.cgroups), "user_namespaces": .bool(info.userNamespaces),
            "uptime_nanos": .unsigned(info.uptimeNanos), "apps": .unsigned(UInt64(info.apps)),
            "functions": .unsigned(UInt64(info.functions)), "containers": .unsigned(UInt64(info.containers)),
            "calls_started": .unsigned(info.callsStarted), "calls_finished": .unsigned(info.callsFinished),
            "connections": .unsigned(UInt64(info.connections)),
            "listeners": .array(info.listeners.map { .string($0) }),
        ])
    }

    init(_ token: Token) {
        self = Self.entity(
            token.meta,
            [
                "name": .string(token.name.text), "scopes": .array(token.scopes.map { .string($0.description) }),
                "expires_at": token.expiresAt.map { .string($0.description) } ?? .null,
                "last_used_at": token.lastUsedAt.map { .string($0.description) } ?? .null,
            ])
    }

    init(_ connection: ConnectionInfo) {
        self = .object([
            "id": .unsigned(connection.id), "listener": .string(connection.listener), "peer": .string(connection.peer),
            "principal": .string(connection.principal), "tls": .bool(connection.tls),
            "opened_at": .string(connection.openedAt.description), "streams": .unsigned(UInt64(connection.streams)),
            "calls": .unsigned(connection.calls), "bytes_received": .unsigned(connection.bytesReceived),
            "bytes_sent": .unsigned(connection.bytesSent), "queued_bytes": .unsigned(connection.queuedBytes),
            "buffered_bytes": .unsigned(connection.bufferedBytes),
        ])
    }

    init(_ service: ServiceInfo) {
        self = .object([
            "service": .string(service.service), "app": service.app.isEmpty ? .null : .string(service.app),
            "function": service.function.isEmpty ? .null : .string(service.function),
            "described": .bool(service.described),
        ])
    }
}
