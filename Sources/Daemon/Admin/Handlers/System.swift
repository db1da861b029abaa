internal import Calls
internal import Model
internal import Store
internal import Synchronization
internal import Wire

/// `fnrpc.v1.System`.
struct SystemHandler: Sendable {
    let context: AdminContext

    func register(in list: inout MethodList) {
        registerStats(in: &list)
        list.add("fnrpc.v1.System", "Info", .read) { (_: SystemInfoRequest, _: Caller) in
            let counts = try context.store.countByAPIVersion().mapValues { $0.values.reduce(0, +) }
            return SystemInfoResponse(
                version: context.version, wireProtocol: "ttrpc 1.2",
                apiVersions: context.apiVersions.accepted.map(\.number),
                schemaVersion: UInt32(context.store.driver.schemaVersion),
                instance: context.store.driver.instanceID.description,
                dataDir: context.dataDirectory, sandboxRuntime: context.driver.runtime,
                cgroups: context.driver.cgroupLayout.rawValue, userNamespaces: context.driver.userNamespaces,
                uptimeNanos: Instant.now().nanoseconds(since: context.startedAt),
                apps: UInt32(clamping: counts[.app] ?? 0),
                functions: UInt32(clamping: counts[.function] ?? 0),
                containers: UInt32(max(context.counters.containers.load(ordering: .relaxed), 0)),
                callsStarted: context.counters.callsStarted.load(ordering: .relaxed),
                callsFinished: context.counters.callsFinished.load(ordering: .relaxed),
                connections: UInt32(max(context.counters.connections.load(ordering: .relaxed), 0)),
                listeners: context.listeners.withLock { $0 },
                versions: context.apiVersions.all.map {
                    APIVersionInfo(number: $0.number, status: $0.status.name, sunsetAt: $0.status.sunset)
                })
        }
    }
}
