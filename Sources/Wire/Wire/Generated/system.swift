// Generated from proto/fnrpc/v1/system.proto by scripts/swift-messages.
package import CWire
package import Model

/// Asks about the daemon.
package struct SystemInfoRequest: WireMessage {
    package init() {}

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__SystemInfoRequest>) {
        fnrpc__v1__system_info_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__SystemInfoRequest) throws(Failure) {
        self.init()
    }

    package func write(to raw: inout Fnrpc__V1__SystemInfoRequest, _ builder: Builder) {}
}

/// A version of the API; docs/api-versions.md.
package struct APIVersionInfo: WireMessage {
    package var number: UInt32
    /// current, supported, deprecated, test
    package var status: String
    /// When it may go; absent: nothing says so.
    package var sunsetAt: Timestamp?

    package init(number: UInt32 = 0, status: String = "", sunsetAt: Timestamp? = nil) {
        self.number = number
        self.status = status
        self.sunsetAt = sunsetAt
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__APIVersionInfo>) {
        fnrpc__v1__apiversion_info__init(raw)
    }

    package init(_ raw: Fnrpc__V1__APIVersionInfo) throws(Failure) {
        self.init(
            number: raw.number, status: text(raw.status),
            sunsetAt: raw.has_sunset_at != 0 ? Timestamp(nanoseconds: raw.sunset_at) : nil)
    }

    package func write(to raw: inout Fnrpc__V1__APIVersionInfo, _ builder: Builder) {
        raw.has_number = 1
        raw.number = number
        raw.status = builder.string(status)
        raw.has_sunset_at = sunsetAt == nil ? 0 : 1
        raw.sunset_at = sunsetAt?.nanoseconds ?? 0
    }
}

/// About the daemon.
package struct SystemInfoResponse: WireMessage {
    package var version: String
    /// "ttrpc 1.2"
    package var wireProtocol: String
    /// That requests may name.
    package var apiVersions: [UInt32]
    package var schemaVersion: UInt32
    package var instance: String
    package var dataDir: String
    /// "crun 1.8.1"
    package var sandboxRuntime: String
    /// v1, v2, hybrid
    package var cgroups: String
    package var userNamespaces: Bool
    package var uptimeNanos: UInt64
    package var apps: UInt32
    package var functions: UInt32
    package var containers: UInt32
    package var callsStarted: UInt64
    package var callsFinished: UInt64
    package var connections: UInt32
    package var listeners: [String]
    package var versions: [APIVersionInfo]

    package init(
        version: String = "", wireProtocol: String = "", apiVersions: [UInt32] = [], schemaVersion: UInt32 = 0,
        instance: String = "", dataDir: String = "", sandboxRuntime: String = "", cgroups: String = "",
        userNamespaces: Bool = false, uptimeNanos: UInt64 = 0, apps: UInt32 = 0, functions: UInt32 = 0,
        containers: UInt32 = 0, callsStarted: UInt64 = 0, callsFinished: UInt64 = 0, connections: UInt32 = 0,
        listeners: [String] = [], versions: [APIVersionInfo] = []
    ) {
        self.version = version
        self.wireProtocol = wireProtocol
        self.apiVersions = apiVersions
        self.schemaVersion = schemaVersion
        self.instance = instance
        self.dataDir = dataDir
        self.sandboxRuntime = sandboxRuntime
        self.cgroups = cgroups
        self.userNamespaces = userNamespaces
        self.uptimeNanos = uptimeNanos
        self.apps = apps
        self.functions = functions
        self.containers = containers
        self.callsStarted = callsStarted
        self.callsFinished = callsFinished
        self.connections = connections
        self.listeners = listeners
        self.versions = versions
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__SystemInfoResponse>) {
        fnrpc__v1__system_info_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__SystemInfoResponse) throws(Failure) {
        self.init(
            version: text(raw.version), wireProtocol: text(raw.protocol),
            apiVersions: (0..<raw.n_api_versions).map { raw.api_versions[$0] }, schemaVersion: raw.schema_version,
            instance: text(raw.instance), dataDir: text(raw.data_dir), sandboxRuntime: text(raw.sandbox_runtime),
            cgroups: text(raw.cgroups), userNamespaces: raw.user_namespaces != 0, uptimeNanos: raw.uptime_nanos,
            apps: raw.apps, functions: raw.functions, containers: raw.containers, callsStarted: raw.calls_started,
            callsFinished: raw.calls_finished, connections: raw.connections,
            listeners: texts(raw.listeners, raw.n_listeners), versions: try list(raw.versions, raw.n_versions))
    }

    package func write(to raw: inout Fnrpc__V1__SystemInfoResponse, _ builder: Builder) {
        raw.version = builder.string(version)
        raw.protocol = builder.string(wireProtocol)
        raw.n_api_versions = apiVersions.count
        raw.api_versions = builder.values(apiVersions)
        raw.has_schema_version = 1
        raw.schema_version = schemaVersion
        raw.instance = builder.string(instance)
        raw.data_dir = builder.string(dataDir)
        raw.sandbox_runtime = builder.string(sandboxRuntime)
        raw.cgroups = builder.string(cgroups)
        raw.has_user_namespaces = 1
        raw.user_namespaces = userNamespaces ? 1 : 0
        raw.has_uptime_nanos = 1
        raw.uptime_nanos = uptimeNanos
        raw.has_apps = 1
        raw.apps = apps
        raw.has_functions = 1
        raw.functions = functions
        raw.has_containers = 1
        raw.containers = containers
        raw.has_calls_started = 1
        raw.calls_started = callsStarted
        raw.has_calls_finished = 1
        raw.calls_finished = callsFinished
        raw.has_connections = 1
        raw.connections = connections
        raw.n_listeners = listeners.count
        raw.listeners = builder.strings(listeners)
        raw.n_versions = versions.count
        raw.versions = builder.messages(versions)
    }
}
