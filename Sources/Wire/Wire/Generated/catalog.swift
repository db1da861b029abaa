// Generated from proto/fnrpc/v1/catalog.proto by scripts/swift-messages.
package import CWire
package import Model

/// Which part of a list.
package struct Page: WireMessage {
    /// Where to go on; empty or absent: from the start.
    package var cursor: String
    /// 1 to 1000; 0 or absent: 100.
    package var size: UInt32

    package init(cursor: String = "", size: UInt32 = 0) {
        self.cursor = cursor
        self.size = size
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Page>) {
        fnrpc__v1__page__init(raw)
    }

    package init(_ raw: Fnrpc__V1__Page) throws(Failure) {
        self.init(cursor: text(raw.cursor), size: raw.size)
    }

    package func write(to raw: inout Fnrpc__V1__Page, _ builder: Builder) {
        if !cursor.isEmpty { raw.cursor = builder.string(cursor) }
        raw.has_size = size == 0 ? 0 : 1
        raw.size = size
    }
}

/// An entity, as deletions and purges list them.
package struct EntityName: WireMessage {
    package var kind: String
    package var id: String
    /// With its parents: app/function@version.
    package var name: String

    package init(kind: String = "", id: String = "", name: String = "") {
        self.kind = kind
        self.id = id
        self.name = name
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__EntityName>) {
        fnrpc__v1__entity_name__init(raw)
    }

    package init(_ raw: Fnrpc__V1__EntityName) throws(Failure) {
        self.init(kind: text(raw.kind), id: text(raw.id), name: text(raw.name))
    }

    package func write(to raw: inout Fnrpc__V1__EntityName, _ builder: Builder) {
        raw.kind = builder.string(kind)
        raw.id = builder.string(id)
        raw.name = builder.string(name)
    }
}

/// What a deletion takes with it.
package struct Deletion: WireMessage {
    /// Children first; at most the first 1000.
    package var entities: [EntityName]
    /// False: this was a preview.
    package var done: Bool
    /// Of all that went, or would go.
    package var count: UInt64

    package init(entities: [EntityName] = [], done: Bool = false, count: UInt64 = 0) {
        self.entities = entities
        self.done = done
        self.count = count
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Deletion>) {
        fnrpc__v1__deletion__init(raw)
    }

    package init(_ raw: Fnrpc__V1__Deletion) throws(Failure) {
        self.init(entities: try list(raw.entities, raw.n_entities), done: raw.done != 0, count: raw.count)
    }

    package func write(to raw: inout Fnrpc__V1__Deletion, _ builder: Builder) {
        raw.n_entities = entities.count
        raw.entities = builder.messages(entities)
        raw.has_done = 1
        raw.done = done ? 1 : 0
        raw.has_count = 1
        raw.count = count
    }
}

/// Makes an app.
package struct CreateAppRequest: WireMessage {
    package var name: String
    package var labels: [String: String]
    package var config: [String: String]
    package var annotations: [String: String]
    package var syslogURL: String
    package var extra: [String: String]

    package init(
        name: String = "", labels: [String: String] = [:], config: [String: String] = [:],
        annotations: [String: String] = [:], syslogURL: String = "", extra: [String: String] = [:]
    ) {
        self.name = name
        self.labels = labels
        self.config = config
        self.annotations = annotations
        self.syslogURL = syslogURL
        self.extra = extra
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CreateAppRequest>) {
        fnrpc__v1__create_app_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CreateAppRequest) throws(Failure) {
        self.init(
            name: text(raw.name), labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            config: try dictionary(raw.config, raw.n_config, "config"),
            annotations: try dictionary(raw.annotations, raw.n_annotations, "annotations"),
            syslogURL: text(raw.syslog_url), extra: try dictionary(raw.extra, raw.n_extra, "extra"))
    }

    package func write(to raw: inout Fnrpc__V1__CreateAppRequest, _ builder: Builder) {
        raw.name = builder.string(name)
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_config = config.count
        raw.config = builder.messages(Pair.sorted(config))
        raw.n_annotations = annotations.count
        raw.annotations = builder.messages(Pair.sorted(annotations))
        raw.syslog_url = builder.string(syslogURL)
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
    }
}

/// Reads an app.
package struct GetAppRequest: WireMessage {
    /// Name or id.
    package var app: String

    package init(app: String = "") {
        self.app = app
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetAppRequest>) {
        fnrpc__v1__get_app_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetAppRequest) throws(Failure) {
        self.init(app: text(raw.app))
    }

    package func write(to raw: inout Fnrpc__V1__GetAppRequest, _ builder: Builder) {
        raw.app = builder.string(app)
    }
}

/// Lists apps by name.
package struct ListAppsRequest: WireMessage {
    package var page: Page
    package var filter: String

    package init(page: Page = Page(), filter: String = "") {
        self.page = page
        self.filter = filter
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListAppsRequest>) {
        fnrpc__v1__list_apps_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListAppsRequest) throws(Failure) {
        self.init(page: try optional(raw.page) ?? Page(), filter: text(raw.filter))
    }

    package func write(to raw: inout Fnrpc__V1__ListAppsRequest, _ builder: Builder) {
        raw.page = builder.message(page)
        raw.filter = builder.string(filter)
    }
}

/// A page of apps.
package struct ListAppsResponse: WireMessage {
    package var apps: [App]
    /// Empty at the end.
    package var nextCursor: String

    package init(apps: [App] = [], nextCursor: String = "") {
        self.apps = apps
        self.nextCursor = nextCursor
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListAppsResponse>) {
        fnrpc__v1__list_apps_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListAppsResponse) throws(Failure) {
        self.init(apps: try list(raw.apps, raw.n_apps), nextCursor: text(raw.next_cursor))
    }

    package func write(to raw: inout Fnrpc__V1__ListAppsResponse, _ builder: Builder) {
        raw.n_apps = apps.count
        raw.apps = builder.messages(apps)
        raw.next_cursor = builder.string(nextCursor)
    }
}

/// The request of Apps/Update.
package struct UpdateAppRequest: WireMessage {
    package var app: String?
    package var revision: UInt64?
    /// A name other than the present one is refused.
    package var name: String?
    package var labels: [String: String]
    package var config: [String: String]
    package var annotations: [String: String]
    /// Empty: none.
    package var syslogURL: String?
    package var extra: [String: String]

    package init(
        app: String? = nil, revision: UInt64? = nil, name: String? = nil, labels: [String: String] = [:],
        config: [String: String] = [:], annotations: [String: String] = [:], syslogURL: String? = nil,
        extra: [String: String] = [:]
    ) {
        self.app = app
        self.revision = revision
        self.name = name
        self.labels = labels
        self.config = config
        self.annotations = annotations
        self.syslogURL = syslogURL
        self.extra = extra
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__UpdateAppRequest>) {
        fnrpc__v1__update_app_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__UpdateAppRequest) throws(Failure) {
        self.init(
            app: raw.app.map { text($0) }, revision: raw.has_revision != 0 ? raw.revision : nil,
            name: raw.name.map { text($0) }, labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            config: try dictionary(raw.config, raw.n_config, "config"),
            annotations: try dictionary(raw.annotations, raw.n_annotations, "annotations"),
            syslogURL: raw.syslog_url.map { text($0) }, extra: try dictionary(raw.extra, raw.n_extra, "extra"))
    }

    package func write(to raw: inout Fnrpc__V1__UpdateAppRequest, _ builder: Builder) {
        raw.app = app.map { builder.string($0) }
        raw.has_revision = revision == nil ? 0 : 1
        raw.revision = revision ?? 0
        raw.name = name.map { builder.string($0) }
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_config = config.count
        raw.config = builder.messages(Pair.sorted(config))
        raw.n_annotations = annotations.count
        raw.annotations = builder.messages(Pair.sorted(annotations))
        raw.syslog_url = syslogURL.map { builder.string($0) }
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
    }
}

/// The request of Apps/Delete.
package struct DeleteAppRequest: WireMessage {
    package var app: String
    package var revision: UInt64
    /// Only list what would go.
    package var preview: Bool
    /// With everything in it.
    package var force: Bool

    package init(app: String = "", revision: UInt64 = 0, preview: Bool = false, force: Bool = false) {
        self.app = app
        self.revision = revision
        self.preview = preview
        self.force = force
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__DeleteAppRequest>) {
        fnrpc__v1__delete_app_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__DeleteAppRequest) throws(Failure) {
        self.init(app: text(raw.app), revision: raw.revision, preview: raw.preview != 0, force: raw.force != 0)
    }

    package func write(to raw: inout Fnrpc__V1__DeleteAppRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.has_revision = 1
        raw.revision = revision
        raw.has_preview = 1
        raw.preview = preview ? 1 : 0
        raw.has_force = 1
        raw.force = force ? 1 : 0
    }
}

/// The request of Apps/Usage.
package struct AppUsageRequest: WireMessage {
    package var app: String

    package init(app: String = "") {
        self.app = app
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__AppUsageRequest>) {
        fnrpc__v1__app_usage_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__AppUsageRequest) throws(Failure) {
        self.init(app: text(raw.app))
    }

    package func write(to raw: inout Fnrpc__V1__AppUsageRequest, _ builder: Builder) {
        raw.app = builder.string(app)
    }
}

/// Calls that ended in a span of time.
package struct CallCounts: WireMessage {
    package var success: UInt64
    package var failed: UInt64
    package var error: UInt64
    package var timeout: UInt64
    package var cancelled: UInt64

    package init(
        success: UInt64 = 0, failed: UInt64 = 0, error: UInt64 = 0, timeout: UInt64 = 0, cancelled: UInt64 = 0
    ) {
        self.success = success
        self.failed = failed
        self.error = error
        self.timeout = timeout
        self.cancelled = cancelled
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CallCounts>) {
        fnrpc__v1__call_counts__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CallCounts) throws(Failure) {
        self.init(
            success: raw.success, failed: raw.failed, error: raw.error, timeout: raw.timeout, cancelled: raw.cancelled)
    }

    package func write(to raw: inout Fnrpc__V1__CallCounts, _ builder: Builder) {
        raw.has_success = 1
        raw.success = success
        raw.has_failed = 1
        raw.failed = failed
        raw.has_error = 1
        raw.error = error
        raw.has_timeout = 1
        raw.timeout = timeout
        raw.has_cancelled = 1
        raw.cancelled = cancelled
    }
}

/// The answer of Apps/Usage.
package struct AppUsage: WireMessage {
    package var functions: UInt32
    package var triggers: UInt32
    package var versions: UInt32
    package var containers: UInt32
    /// What its running containers may use.
    package var memoryMiB: UInt64
    package var lastHour: CallCounts?
    package var lastDay: CallCounts?

    package init(
        functions: UInt32 = 0, triggers: UInt32 = 0, versions: UInt32 = 0, containers: UInt32 = 0,
        memoryMiB: UInt64 = 0, lastHour: CallCounts? = nil, lastDay: CallCounts? = nil
    ) {
        self.functions = functions
        self.triggers = triggers
        self.versions = versions
        self.containers = containers
        self.memoryMiB = memoryMiB
        self.lastHour = lastHour
        self.lastDay = lastDay
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__AppUsage>) {
        fnrpc__v1__app_usage__init(raw)
    }

    package init(_ raw: Fnrpc__V1__AppUsage) throws(Failure) {
        self.init(
            functions: raw.functions, triggers: raw.triggers, versions: raw.versions, containers: raw.containers,
            memoryMiB: raw.memory_mib, lastHour: try optional(raw.last_hour), lastDay: try optional(raw.last_day))
    }

    package func write(to raw: inout Fnrpc__V1__AppUsage, _ builder: Builder) {
        raw.has_functions = 1
        raw.functions = functions
        raw.has_triggers = 1
        raw.triggers = triggers
        raw.has_versions = 1
        raw.versions = versions
        raw.has_containers = 1
        raw.containers = containers
        raw.has_memory_mib = 1
        raw.memory_mib = memoryMiB
        raw.last_hour = lastHour.map { builder.message($0) }
        raw.last_day = lastDay.map { builder.message($0) }
    }
}

/// Makes a function's working copy; publishes nothing.
package struct CreateFunctionRequest: WireMessage {
    package var app: String
    package var function: String
    /// Absent: none, which is refused once what the request names is found.
    package var spec: FunctionSpec?
    /// Of a committed package; empty or absent: the spec names an image.
    package var packageDigest: String
    package var labels: [String: String]
    package var extra: [String: String]

    package init(
        app: String = "", function: String = "", spec: FunctionSpec? = nil, packageDigest: String = "",
        labels: [String: String] = [:], extra: [String: String] = [:]
    ) {
        self.app = app
        self.function = function
        self.spec = spec
        self.packageDigest = packageDigest
        self.labels = labels
        self.extra = extra
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CreateFunctionRequest>) {
        fnrpc__v1__create_function_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CreateFunctionRequest) throws(Failure) {
        self.init(
            app: text(raw.app), function: text(raw.function), spec: try optional(raw.spec),
            packageDigest: text(raw.package_digest), labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            extra: try dictionary(raw.extra, raw.n_extra, "extra"))
    }

    package func write(to raw: inout Fnrpc__V1__CreateFunctionRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.spec = spec.map { builder.message($0) }
        if !packageDigest.isEmpty { raw.package_digest = builder.string(packageDigest) }
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
    }
}

/// Publishes a new version; creates the app and the function where they are absent.
package struct DeployRequest: WireMessage {
    package var app: String
    package var function: String
    /// Absent: none, which is refused once what the request names is found.
    package var spec: FunctionSpec?
    /// Of a committed package; empty or absent: the spec names an image.
    package var packageDigest: String
    package var description: String
    package var labels: [String: String]
    package var extra: [String: String]
    /// Of the function that is there.
    package var revision: UInt64

    package init(
        app: String = "", function: String = "", spec: FunctionSpec? = nil, packageDigest: String = "",
        description: String = "", labels: [String: String] = [:], extra: [String: String] = [:], revision: UInt64 = 0
    ) {
        self.app = app
        self.function = function
        self.spec = spec
        self.packageDigest = packageDigest
        self.description = description
        self.labels = labels
        self.extra = extra
        self.revision = revision
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__DeployRequest>) {
        fnrpc__v1__deploy_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__DeployRequest) throws(Failure) {
        self.init(
            app: text(raw.app), function: text(raw.function), spec: try optional(raw.spec),
            packageDigest: text(raw.package_digest), description: text(raw.description),
            labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            extra: try dictionary(raw.extra, raw.n_extra, "extra"), revision: raw.revision)
    }

    package func write(to raw: inout Fnrpc__V1__DeployRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.spec = spec.map { builder.message($0) }
        if !packageDigest.isEmpty { raw.package_digest = builder.string(packageDigest) }
        raw.description = builder.string(description)
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
        raw.has_revision = 1
        raw.revision = revision
    }
}

/// What a deploy made.
package struct DeployResponse: WireMessage {
    package var function: Function
    package var version: Version
    package var createdApp: Bool
    package var createdFunction: Bool

    package init(function: Function, version: Version, createdApp: Bool = false, createdFunction: Bool = false) {
        self.function = function
        self.version = version
        self.createdApp = createdApp
        self.createdFunction = createdFunction
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__DeployResponse>) {
        fnrpc__v1__deploy_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__DeployResponse) throws(Failure) {
        self.init(
            function: try required(raw.function, "function"), version: try required(raw.version, "version"),
            createdApp: raw.created_app != 0, createdFunction: raw.created_function != 0)
    }

    package func write(to raw: inout Fnrpc__V1__DeployResponse, _ builder: Builder) {
        raw.function = builder.message(function)
        raw.version = builder.message(version)
        raw.has_created_app = 1
        raw.created_app = createdApp ? 1 : 0
        raw.has_created_function = 1
        raw.created_function = createdFunction ? 1 : 0
    }
}

/// Reads a function.
package struct GetFunctionRequest: WireMessage {
    package var app: String
    package var function: String

    package init(app: String = "", function: String = "") {
        self.app = app
        self.function = function
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetFunctionRequest>) {
        fnrpc__v1__get_function_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetFunctionRequest) throws(Failure) {
        self.init(app: text(raw.app), function: text(raw.function))
    }

    package func write(to raw: inout Fnrpc__V1__GetFunctionRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
    }
}

/// Lists an app's functions by name.
package struct ListFunctionsRequest: WireMessage {
    package var app: String
    package var page: Page
    package var filter: String

    package init(app: String = "", page: Page = Page(), filter: String = "") {
        self.app = app
        self.page = page
        self.filter = filter
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListFunctionsRequest>) {
        fnrpc__v1__list_functions_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListFunctionsRequest) throws(Failure) {
        self.init(app: text(raw.app), page: try optional(raw.page) ?? Page(), filter: text(raw.filter))
    }

    package func write(to raw: inout Fnrpc__V1__ListFunctionsRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.page = builder.message(page)
        raw.filter = builder.string(filter)
    }
}

/// A page of functions.
package struct ListFunctionsResponse: WireMessage {
    package var functions: [Function]
    /// Empty at the end.
    package var nextCursor: String

    package init(functions: [Function] = [], nextCursor: String = "") {
        self.functions = functions
        self.nextCursor = nextCursor
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListFunctionsResponse>) {
        fnrpc__v1__list_functions_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListFunctionsResponse) throws(Failure) {
        self.init(functions: try list(raw.functions, raw.n_functions), nextCursor: text(raw.next_cursor))
    }

    package func write(to raw: inout Fnrpc__V1__ListFunctionsResponse, _ builder: Builder) {
        raw.n_functions = functions.count
        raw.functions = builder.messages(functions)
        raw.next_cursor = builder.string(nextCursor)
    }
}

/// Changes the working copy; publishes nothing.
package struct UpdateFunctionRequest: WireMessage {
    package var app: String?
    package var function: String?
    package var revision: UInt64?
    /// A name other than the present one is refused.
    package var name: String?
    /// Only the fields that change; lists replace, maps merge.
    package var spec: FunctionPatch
    /// Lists of the spec that become empty: entrypoint, services, secrets, headers.
    package var clear: [String]
    package var packageDigest: String?
    package var labels: [String: String]
    package var extra: [String: String]

    package init(
        app: String? = nil, function: String? = nil, revision: UInt64? = nil, name: String? = nil,
        spec: FunctionPatch = FunctionPatch(), clear: [String] = [], packageDigest: String? = nil,
        labels: [String: String] = [:], extra: [String: String] = [:]
    ) {
        self.app = app
        self.function = function
        self.revision = revision
        self.name = name
        self.spec = spec
        self.clear = clear
        self.packageDigest = packageDigest
        self.labels = labels
        self.extra = extra
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__UpdateFunctionRequest>) {
        fnrpc__v1__update_function_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__UpdateFunctionRequest) throws(Failure) {
        self.init(
            app: raw.app.map { text($0) }, function: raw.function.map { text($0) },
            revision: raw.has_revision != 0 ? raw.revision : nil, name: raw.name.map { text($0) },
            spec: try optional(raw.spec) ?? FunctionPatch(), clear: texts(raw.clear, raw.n_clear),
            packageDigest: raw.package_digest.map { text($0) },
            labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            extra: try dictionary(raw.extra, raw.n_extra, "extra"))
    }

    package func write(to raw: inout Fnrpc__V1__UpdateFunctionRequest, _ builder: Builder) {
        raw.app = app.map { builder.string($0) }
        raw.function = function.map { builder.string($0) }
        raw.has_revision = revision == nil ? 0 : 1
        raw.revision = revision ?? 0
        raw.name = name.map { builder.string($0) }
        raw.spec = builder.message(spec)
        raw.n_clear = clear.count
        raw.clear = builder.strings(clear)
        raw.package_digest = packageDigest.map { builder.string($0) }
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
    }
}

/// The request of Functions/Delete.
package struct DeleteFunctionRequest: WireMessage {
    package var app: String
    package var function: String
    package var revision: UInt64
    package var preview: Bool
    /// Wait for running calls to end.
    package var force: Bool

    package init(
        app: String = "", function: String = "", revision: UInt64 = 0, preview: Bool = false, force: Bool = false
    ) {
        self.app = app
        self.function = function
        self.revision = revision
        self.preview = preview
        self.force = force
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__DeleteFunctionRequest>) {
        fnrpc__v1__delete_function_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__DeleteFunctionRequest) throws(Failure) {
        self.init(
            app: text(raw.app), function: text(raw.function), revision: raw.revision, preview: raw.preview != 0,
            force: raw.force != 0)
    }

    package func write(to raw: inout Fnrpc__V1__DeleteFunctionRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.has_revision = 1
        raw.revision = revision
        raw.has_preview = 1
        raw.preview = preview ? 1 : 0
        raw.has_force = 1
        raw.force = force ? 1 : 0
    }
}

/// A part of a package, in order.
package struct PackageChunk: WireMessage {
    package var data: [UInt8]
    /// First message only.
    package var packageDigest: String
    /// First message only.
    package var packageBytes: UInt64

    package init(data: [UInt8] = [], packageDigest: String = "", packageBytes: UInt64 = 0) {
        self.data = data
        self.packageDigest = packageDigest
        self.packageBytes = packageBytes
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__PackageChunk>) {
        fnrpc__v1__package_chunk__init(raw)
    }

    package init(_ raw: Fnrpc__V1__PackageChunk) throws(Failure) {
        self.init(data: bytes(raw.data), packageDigest: text(raw.package_digest), packageBytes: raw.package_bytes)
    }

    package func write(to raw: inout Fnrpc__V1__PackageChunk, _ builder: Builder) {
        raw.has_data = 1
        raw.data = builder.bytes(data)
        raw.package_digest = builder.string(packageDigest)
        raw.has_package_bytes = 1
        raw.package_bytes = packageBytes
    }
}

/// The request of Versions/Publish.
package struct PublishVersionRequest: WireMessage {
    package var app: String
    package var function: String
    package var description: String
    /// Refuse if the working copy equals the highest version.
    package var requireChange: Bool
    package var labels: [String: String]
    package var extra: [String: String]
    /// Of the function.
    package var revision: UInt64

    package init(
        app: String = "", function: String = "", description: String = "", requireChange: Bool = false,
        labels: [String: String] = [:], extra: [String: String] = [:], revision: UInt64 = 0
    ) {
        self.app = app
        self.function = function
        self.description = description
        self.requireChange = requireChange
        self.labels = labels
        self.extra = extra
        self.revision = revision
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__PublishVersionRequest>) {
        fnrpc__v1__publish_version_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__PublishVersionRequest) throws(Failure) {
        self.init(
            app: text(raw.app), function: text(raw.function), description: text(raw.description),
            requireChange: raw.require_change != 0, labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            extra: try dictionary(raw.extra, raw.n_extra, "extra"), revision: raw.revision)
    }

    package func write(to raw: inout Fnrpc__V1__PublishVersionRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.description = builder.string(description)
        raw.has_require_change = 1
        raw.require_change = requireChange ? 1 : 0
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
        raw.has_revision = 1
        raw.revision = revision
    }
}

/// Reads a version.
package struct GetVersionRequest: WireMessage {
    package var app: String
    package var function: String
    package var number: UInt32

    package init(app: String = "", function: String = "", number: UInt32 = 0) {
        self.app = app
        self.function = function
        self.number = number
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetVersionRequest>) {
        fnrpc__v1__get_version_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetVersionRequest) throws(Failure) {
        self.init(app: text(raw.app), function: text(raw.function), number: raw.number)
    }

    package func write(to raw: inout Fnrpc__V1__GetVersionRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.has_number = 1
        raw.number = number
    }
}

/// Lists a function's versions, newest first.
package struct ListVersionsRequest: WireMessage {
    package var app: String
    package var function: String
    package var page: Page
    package var filter: String

    package init(app: String = "", function: String = "", page: Page = Page(), filter: String = "") {
        self.app = app
        self.function = function
        self.page = page
        self.filter = filter
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListVersionsRequest>) {
        fnrpc__v1__list_versions_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListVersionsRequest) throws(Failure) {
        self.init(
            app: text(raw.app), function: text(raw.function), page: try optional(raw.page) ?? Page(),
            filter: text(raw.filter))
    }

    package func write(to raw: inout Fnrpc__V1__ListVersionsRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.page = builder.message(page)
        raw.filter = builder.string(filter)
    }
}

/// A page of versions.
package struct ListVersionsResponse: WireMessage {
    package var versions: [Version]
    /// Empty at the end.
    package var nextCursor: String

    package init(versions: [Version] = [], nextCursor: String = "") {
        self.versions = versions
        self.nextCursor = nextCursor
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListVersionsResponse>) {
        fnrpc__v1__list_versions_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListVersionsResponse) throws(Failure) {
        self.init(versions: try list(raw.versions, raw.n_versions), nextCursor: text(raw.next_cursor))
    }

    package func write(to raw: inout Fnrpc__V1__ListVersionsResponse, _ builder: Builder) {
        raw.n_versions = versions.count
        raw.versions = builder.messages(versions)
        raw.next_cursor = builder.string(nextCursor)
    }
}

/// The request of Versions/Update.
package struct UpdateVersionRequest: WireMessage {
    package var app: String?
    package var function: String?
    package var number: UInt32?
    package var revision: UInt64?
    package var description: String?

    package init(
        app: String? = nil, function: String? = nil, number: UInt32? = nil, revision: UInt64? = nil,
        description: String? = nil
    ) {
        self.app = app
        self.function = function
        self.number = number
        self.revision = revision
        self.description = description
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__UpdateVersionRequest>) {
        fnrpc__v1__update_version_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__UpdateVersionRequest) throws(Failure) {
        self.init(
            app: raw.app.map { text($0) }, function: raw.function.map { text($0) },
            number: raw.has_number != 0 ? raw.number : nil, revision: raw.has_revision != 0 ? raw.revision : nil,
            description: raw.description.map { text($0) })
    }

    package func write(to raw: inout Fnrpc__V1__UpdateVersionRequest, _ builder: Builder) {
        raw.app = app.map { builder.string($0) }
        raw.function = function.map { builder.string($0) }
        raw.has_number = number == nil ? 0 : 1
        raw.number = number ?? 0
        raw.has_revision = revision == nil ? 0 : 1
        raw.revision = revision ?? 0
        raw.description = description.map { builder.string($0) }
    }
}

/// The request of Versions/Delete.
package struct DeleteVersionRequest: WireMessage {
    package var app: String
    package var function: String
    package var number: UInt32
    package var revision: UInt64
    /// Wait for running calls to end.
    package var force: Bool

    package init(
        app: String = "", function: String = "", number: UInt32 = 0, revision: UInt64 = 0, force: Bool = false
    ) {
        self.app = app
        self.function = function
        self.number = number
        self.revision = revision
        self.force = force
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__DeleteVersionRequest>) {
        fnrpc__v1__delete_version_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__DeleteVersionRequest) throws(Failure) {
        self.init(
            app: text(raw.app), function: text(raw.function), number: raw.number, revision: raw.revision,
            force: raw.force != 0)
    }

    package func write(to raw: inout Fnrpc__V1__DeleteVersionRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.has_number = 1
        raw.number = number
        raw.has_revision = 1
        raw.revision = revision
        raw.has_force = 1
        raw.force = force ? 1 : 0
    }
}

/// Makes a version's code and spec the working copy again.
package struct RestoreVersionRequest: WireMessage {
    package var app: String
    package var function: String
    package var number: UInt32
    /// Of the function.
    package var revision: UInt64

    package init(app: String = "", function: String = "", number: UInt32 = 0, revision: UInt64 = 0) {
        self.app = app
        self.function = function
        self.number = number
        self.revision = revision
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__RestoreVersionRequest>) {
        fnrpc__v1__restore_version_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__RestoreVersionRequest) throws(Failure) {
        self.init(app: text(raw.app), function: text(raw.function), number: raw.number, revision: raw.revision)
    }

    package func write(to raw: inout Fnrpc__V1__RestoreVersionRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.has_number = 1
        raw.number = number
        raw.has_revision = 1
        raw.revision = revision
    }
}
