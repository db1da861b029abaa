import Foundation
import Model
import Wire

// As JSON+Entities: the names are an interface.

extension JSON {
    init(_ deletion: Deletion) {
        self = .object([
            "done": .bool(deletion.done), "count": .unsigned(deletion.count),
            "entities": .array(
                deletion.entities.map { entity in
                    .object(["kind": .string(entity.kind), "id": .string(entity.id), "name": .string(entity.name)])
                }),
        ])
    }

    init(_ trigger: Trigger) {
        self = Self.entity(
            trigger.meta,
            [
                "app_id": .string(trigger.appID.description), "function_id": .string(trigger.functionID.description),
                "name": .string(trigger.name.text), "type": .string(trigger.type.rawValue),
                "source": .string(trigger.source), "version": .unsigned(UInt64(trigger.version)),
                "latest": .bool(trigger.isLatest),
                "alias_id": trigger.aliasID.map { .string($0.description) } ?? .null,
                "owns_function": .bool(trigger.ownsFunction),
            ])
    }

    init(_ route: Route) {
        self = Self.entity(
            route.meta,
            [
                "app_id": .string(route.appID), "app": .string(route.appName), "path": .string(route.path),
                "image": .string(route.image), "memory_mib": .unsigned(UInt64(route.memoryMiB)),
                "type": .string(route.type), "format": .string(route.format),
                "headers": .object(
                    Dictionary(route.headers.map { ($0.name, .array($0.values.map { .string($0) })) }) { $1 }),
                "timeout_nanos": .unsigned(route.timeoutNanos),
                "idle_timeout_nanos": .unsigned(route.idleTimeoutNanos), "config": JSON(route.config),
                "function_id": .string(route.functionID), "function": .string(route.functionName),
                "trigger": .string(route.triggerName),
            ])
    }

    init(_ runtime: Runtime) {
        self = Self.entity(
            runtime.meta,
            [
                "name": .string(runtime.name.text), "description": .string(runtime.description),
                "root": .string(runtime.root), "command": .array(runtime.command.map { .string($0) }),
                "zygote": .bool(runtime.zygote), "pool_size": .unsigned(UInt64(runtime.poolSize)),
                "built_in": .bool(runtime.isBuiltIn),
            ])
    }

    init(_ secret: Secret) {
        self = Self.entity(
            secret.meta,
            [
                "app_id": .string(secret.appID.description), "name": .string(secret.name.text),
                "value_bytes": .unsigned(UInt64(secret.valueBytes)), "description": .string(secret.description),
            ])
    }

    init(_ event: Event) {
        self = .object([
            "sequence": .unsigned(event.sequence), "at": .string(Timestamp(nanoseconds: event.at).description),
            "action": .string(event.action), "kind": .string(event.kind), "id": .string(event.id),
            "name": .string(event.name), "revision": .unsigned(event.revision),
            "api_version": .unsigned(UInt64(event.apiVersion)),
        ])
    }

    init(_ count: ApiVersionCount) {
        self = .object([
            "kind": .string(count.kind), "api_version": .unsigned(UInt64(count.apiVersion)),
            "entities": .unsigned(count.entities),
        ])
    }

    init(_ backup: BackupResponse) {
        self = .object([
            "name": .string(backup.name), "bytes": .unsigned(backup.bytes), "digest": .string(backup.digest),
        ])
    }

    /// The body is always base64: it is protobuf, whatever it looks like.
    init(_ raw: RawEntity) {
        self = .object([
            "kind": .string(raw.kind), "id": .string(raw.id), "parent_id": .string(raw.parentID),
            "name": .string(raw.name), "api_version": .unsigned(UInt64(raw.apiVersion)),
            "revision": .unsigned(raw.revision), "created_at": .string(raw.createdAt.description),
            "updated_at": .string(raw.updatedAt.description),
            "body_base64": .string(Data(raw.body).base64EncodedString()),
        ])
    }
}
