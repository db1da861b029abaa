// Generated from proto/fnrpc/v1/triggers.proto by scripts/swift-messages.
package import CWire
package import Model

/// The request of Triggers/Create.
package struct CreateTriggerRequest: WireMessage {
    package var app: String
    package var name: String
    /// Http; empty or absent: http.
    package var type: String
    package var source: String
    package var function: String
    /// 0 or absent: the working copy.
    package var version: UInt32
    /// Instead of a version.
    package var alias: String
    package var labels: [String: String]
    package var extra: [String: String]

    package init(
        app: String = "", name: String = "", type: String = "", source: String = "", function: String = "",
        version: UInt32 = 0, alias: String = "", labels: [String: String] = [:], extra: [String: String] = [:]
    ) {
        self.app = app
        self.name = name
        self.type = type
        self.source = source
        self.function = function
        self.version = version
        self.alias = alias
        self.labels = labels
        self.extra = extra
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CreateTriggerRequest>) {
        fnrpc__v1__create_trigger_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CreateTriggerRequest) throws(Failure) {
        self.init(
            app: text(raw.app), name: text(raw.name), type: text(raw.type), source: text(raw.source),
            function: text(raw.function), version: raw.version, alias: text(raw.alias),
            labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            extra: try dictionary(raw.extra, raw.n_extra, "extra"))
    }

    package func write(to raw: inout Fnrpc__V1__CreateTriggerRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.name = builder.string(name)
        if !type.isEmpty { raw.type = builder.string(type) }
        raw.source = builder.string(source)
        raw.function = builder.string(function)
        raw.has_version = version == 0 ? 0 : 1
        raw.version = version
        raw.alias = builder.string(alias)
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
    }
}

/// The request of Triggers/Get.
package struct GetTriggerRequest: WireMessage {
    package var app: String
    package var trigger: String

    package init(app: String = "", trigger: String = "") {
        self.app = app
        self.trigger = trigger
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetTriggerRequest>) {
        fnrpc__v1__get_trigger_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetTriggerRequest) throws(Failure) {
        self.init(app: text(raw.app), trigger: text(raw.trigger))
    }

    package func write(to raw: inout Fnrpc__V1__GetTriggerRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.trigger = builder.string(trigger)
    }
}

/// The request of Triggers/List.
package struct ListTriggersRequest: WireMessage {
    package var app: String
    /// Empty or absent: of all functions.
    package var function: String
    package var page: Page
    package var filter: String

    package init(app: String = "", function: String = "", page: Page = Page(), filter: String = "") {
        self.app = app
        self.function = function
        self.page = page
        self.filter = filter
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListTriggersRequest>) {
        fnrpc__v1__list_triggers_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListTriggersRequest) throws(Failure) {
        self.init(
            app: text(raw.app), function: text(raw.function), page: try optional(raw.page) ?? Page(),
            filter: text(raw.filter))
    }

    package func write(to raw: inout Fnrpc__V1__ListTriggersRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        if !function.isEmpty { raw.function = builder.string(function) }
        raw.page = builder.message(page)
        raw.filter = builder.string(filter)
    }
}

/// The answer of Triggers/List.
package struct ListTriggersResponse: WireMessage {
    package var triggers: [Trigger]
    package var nextCursor: String

    package init(triggers: [Trigger] = [], nextCursor: String = "") {
        self.triggers = triggers
        self.nextCursor = nextCursor
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListTriggersResponse>) {
        fnrpc__v1__list_triggers_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListTriggersResponse) throws(Failure) {
        self.init(triggers: try list(raw.triggers, raw.n_triggers), nextCursor: text(raw.next_cursor))
    }

    package func write(to raw: inout Fnrpc__V1__ListTriggersResponse, _ builder: Builder) {
        raw.n_triggers = triggers.count
        raw.triggers = builder.messages(triggers)
        raw.next_cursor = builder.string(nextCursor)
    }
}

/// The request of Triggers/Update.
package struct UpdateTriggerRequest: WireMessage {
    package var app: String?
    package var trigger: String?
    package var revision: UInt64?
    /// A name other than the present one is refused.
    package var name: String?
    package var source: String?
    /// Has to have the version or alias that stays.
    package var function: String?
    package var version: UInt32?
    package var alias: String?
    package var labels: [String: String]
    package var extra: [String: String]

    package init(
        app: String? = nil, trigger: String? = nil, revision: UInt64? = nil, name: String? = nil, source: String? = nil,
        function: String? = nil, version: UInt32? = nil, alias: String? = nil, labels: [String: String] = [:],
        extra: [String: String] = [:]
    ) {
        self.app = app
        self.trigger = trigger
        self.revision = revision
        self.name = name
        self.source = source
        self.function = function
        self.version = version
        self.alias = alias
        self.labels = labels
        self.extra = extra
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__UpdateTriggerRequest>) {
        fnrpc__v1__update_trigger_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__UpdateTriggerRequest) throws(Failure) {
        self.init(
            app: raw.app.map { text($0) }, trigger: raw.trigger.map { text($0) },
            revision: raw.has_revision != 0 ? raw.revision : nil, name: raw.name.map { text($0) },
            source: raw.source.map { text($0) }, function: raw.function.map { text($0) },
            version: raw.has_version != 0 ? raw.version : nil, alias: raw.alias.map { text($0) },
            labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            extra: try dictionary(raw.extra, raw.n_extra, "extra"))
    }

    package func write(to raw: inout Fnrpc__V1__UpdateTriggerRequest, _ builder: Builder) {
        raw.app = app.map { builder.string($0) }
        raw.trigger = trigger.map { builder.string($0) }
        raw.has_revision = revision == nil ? 0 : 1
        raw.revision = revision ?? 0
        raw.name = name.map { builder.string($0) }
        raw.source = source.map { builder.string($0) }
        raw.function = function.map { builder.string($0) }
        raw.has_version = version == nil ? 0 : 1
        raw.version = version ?? 0
        raw.alias = alias.map { builder.string($0) }
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
    }
}

/// The request of Triggers/Delete.
package struct DeleteTriggerRequest: WireMessage {
    package var app: String
    package var trigger: String
    package var revision: UInt64

    package init(app: String = "", trigger: String = "", revision: UInt64 = 0) {
        self.app = app
        self.trigger = trigger
        self.revision = revision
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__DeleteTriggerRequest>) {
        fnrpc__v1__delete_trigger_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__DeleteTriggerRequest) throws(Failure) {
        self.init(app: text(raw.app), trigger: text(raw.trigger), revision: raw.revision)
    }

    package func write(to raw: inout Fnrpc__V1__DeleteTriggerRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.trigger = builder.string(trigger)
        raw.has_revision = 1
        raw.revision = revision
    }
}

/// A trigger and its function.
package struct Route: WireMessage {
    /// Of the trigger; revision and updated_at count changes of its function too.
    package var meta: Meta
    package var appID: String
    package var appName: String
    package var path: String
    package var image: String
    package var memoryMiB: UInt32
    /// sync, async
    package var type: String
    package var format: String
    /// Added to every response.
    package var headers: [HeaderValues]
    package var timeoutNanos: UInt64
    package var idleTimeoutNanos: UInt64
    package var config: [String: String]
    package var functionID: String
    package var functionName: String
    package var triggerName: String

    package init(
        meta: Meta, appID: String = "", appName: String = "", path: String = "", image: String = "",
        memoryMiB: UInt32 = 0, type: String = "", format: String = "", headers: [HeaderValues] = [],
        timeoutNanos: UInt64 = 0, idleTimeoutNanos: UInt64 = 0, config: [String: String] = [:], functionID: String = "",
        functionName: String = "", triggerName: String = ""
    ) {
        self.meta = meta
        self.appID = appID
        self.appName = appName
        self.path = path
        self.image = image
        self.memoryMiB = memoryMiB
        self.type = type
        self.format = format
        self.headers = headers
        self.timeoutNanos = timeoutNanos
        self.idleTimeoutNanos = idleTimeoutNanos
        self.config = config
        self.functionID = functionID
        self.functionName = functionName
        self.triggerName = triggerName
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Route>) {
        fnrpc__v1__route__init(raw)
    }

    package init(_ raw: Fnrpc__V1__Route) throws(Failure) {
        self.init(
            meta: try required(raw.meta, "meta"), appID: text(raw.app_id), appName: text(raw.app_name),
            path: text(raw.path), image: text(raw.image), memoryMiB: raw.memory_mib, type: text(raw.type),
            format: text(raw.format), headers: try list(raw.headers, raw.n_headers), timeoutNanos: raw.timeout_nanos,
            idleTimeoutNanos: raw.idle_timeout_nanos, config: try dictionary(raw.config, raw.n_config, "config"),
            functionID: text(raw.function_id), functionName: text(raw.function_name),
            triggerName: text(raw.trigger_name))
    }

    package func write(to raw: inout Fnrpc__V1__Route, _ builder: Builder) {
        raw.meta = builder.message(meta)
        raw.app_id = builder.string(appID)
        raw.app_name = builder.string(appName)
        raw.path = builder.string(path)
        raw.image = builder.string(image)
        raw.has_memory_mib = 1
        raw.memory_mib = memoryMiB
        raw.type = builder.string(type)
        raw.format = builder.string(format)
        raw.n_headers = headers.count
        raw.headers = builder.messages(headers)
        raw.has_timeout_nanos = 1
        raw.timeout_nanos = timeoutNanos
        raw.has_idle_timeout_nanos = 1
        raw.idle_timeout_nanos = idleTimeoutNanos
        raw.n_config = config.count
        raw.config = builder.messages(Pair.sorted(config))
        raw.function_id = builder.string(functionID)
        raw.function_name = builder.string(functionName)
        raw.trigger_name = builder.string(triggerName)
    }
}

/// The request of Routes/Create.
package struct CreateRouteRequest: WireMessage {
    /// Created if absent.
    package var app: String
    package var path: String
    package var image: String
    /// Absent: as for functions.
    package var memoryMiB: UInt32?
    /// sync, async; empty or absent: sync
    package var type: String
    /// Empty or absent: default.
    package var format: String
    package var headers: [HeaderValues]
    /// Absent: as for functions.
    package var timeoutNanos: UInt64?
    /// Absent: as for functions.
    package var idleTimeoutNanos: UInt64?
    package var config: [String: String]
    package var labels: [String: String]
    package var extra: [String: String]

    package init(
        app: String = "", path: String = "", image: String = "", memoryMiB: UInt32? = nil, type: String = "",
        format: String = "", headers: [HeaderValues] = [], timeoutNanos: UInt64? = nil, idleTimeoutNanos: UInt64? = nil,
        config: [String: String] = [:], labels: [String: String] = [:], extra: [String: String] = [:]
    ) {
        self.app = app
        self.path = path
        self.image = image
        self.memoryMiB = memoryMiB
        self.type = type
        self.format = format
        self.headers = headers
        self.timeoutNanos = timeoutNanos
        self.idleTimeoutNanos = idleTimeoutNanos
        self.config = config
        self.labels = labels
        self.extra = extra
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CreateRouteRequest>) {
        fnrpc__v1__create_route_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CreateRouteRequest) throws(Failure) {
        self.init(
            app: text(raw.app), path: text(raw.path), image: text(raw.image),
            memoryMiB: raw.has_memory_mib != 0 ? raw.memory_mib : nil, type: text(raw.type), format: text(raw.format),
            headers: try list(raw.headers, raw.n_headers),
            timeoutNanos: raw.has_timeout_nanos != 0 ? raw.timeout_nanos : nil,
            idleTimeoutNanos: raw.has_idle_timeout_nanos != 0 ? raw.idle_timeout_nanos : nil,
            config: try dictionary(raw.config, raw.n_config, "config"),
            labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            extra: try dictionary(raw.extra, raw.n_extra, "extra"))
    }

    package func write(to raw: inout Fnrpc__V1__CreateRouteRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.path = builder.string(path)
        raw.image = builder.string(image)
        raw.has_memory_mib = memoryMiB == nil ? 0 : 1
        raw.memory_mib = memoryMiB ?? 0
        if !type.isEmpty { raw.type = builder.string(type) }
        if !format.isEmpty { raw.format = builder.string(format) }
        raw.n_headers = headers.count
        raw.headers = builder.messages(headers)
        raw.has_timeout_nanos = timeoutNanos == nil ? 0 : 1
        raw.timeout_nanos = timeoutNanos ?? 0
        raw.has_idle_timeout_nanos = idleTimeoutNanos == nil ? 0 : 1
        raw.idle_timeout_nanos = idleTimeoutNanos ?? 0
        raw.n_config = config.count
        raw.config = builder.messages(Pair.sorted(config))
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
    }
}

/// The request of Routes/Get.
package struct GetRouteRequest: WireMessage {
    package var app: String
    package var path: String

    package init(app: String = "", path: String = "") {
        self.app = app
        self.path = path
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetRouteRequest>) {
        fnrpc__v1__get_route_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetRouteRequest) throws(Failure) {
        self.init(app: text(raw.app), path: text(raw.path))
    }

    package func write(to raw: inout Fnrpc__V1__GetRouteRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.path = builder.string(path)
    }
}

/// The request of Routes/List.
package struct ListRoutesRequest: WireMessage {
    package var app: String
    /// Empty or absent: all.
    package var image: String
    package var page: Page
    package var filter: String

    package init(app: String = "", image: String = "", page: Page = Page(), filter: String = "") {
        self.app = app
        self.image = image
        self.page = page
        self.filter = filter
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListRoutesRequest>) {
        fnrpc__v1__list_routes_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListRoutesRequest) throws(Failure) {
        self.init(
            app: text(raw.app), image: text(raw.image), page: try optional(raw.page) ?? Page(),
            filter: text(raw.filter))
    }

    package func write(to raw: inout Fnrpc__V1__ListRoutesRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        if !image.isEmpty { raw.image = builder.string(image) }
        raw.page = builder.message(page)
        raw.filter = builder.string(filter)
    }
}

/// The answer of Routes/List.
package struct ListRoutesResponse: WireMessage {
    package var routes: [Route]
    package var nextCursor: String

    package init(routes: [Route] = [], nextCursor: String = "") {
        self.routes = routes
        self.nextCursor = nextCursor
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListRoutesResponse>) {
        fnrpc__v1__list_routes_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListRoutesResponse) throws(Failure) {
        self.init(routes: try list(raw.routes, raw.n_routes), nextCursor: text(raw.next_cursor))
    }

    package func write(to raw: inout Fnrpc__V1__ListRoutesResponse, _ builder: Builder) {
        raw.n_routes = routes.count
        raw.routes = builder.messages(routes)
        raw.next_cursor = builder.string(nextCursor)
    }
}

/// The request of Routes/Update.
package struct UpdateRouteRequest: WireMessage {
    package var app: String?
    package var path: String?
    package var revision: UInt64?
    /// A path other than the present one is refused.
    package var newPath: String?
    package var image: String?
    package var memoryMiB: UInt32?
    package var type: String?
    package var format: String?
    /// Replace those of the same names; a name without values goes.
    package var headers: [HeaderValues]
    package var timeoutNanos: UInt64?
    package var idleTimeoutNanos: UInt64?
    package var config: [String: String]
    package var labels: [String: String]
    package var extra: [String: String]

    package init(
        app: String? = nil, path: String? = nil, revision: UInt64? = nil, newPath: String? = nil, image: String? = nil,
        memoryMiB: UInt32? = nil, type: String? = nil, format: String? = nil, headers: [HeaderValues] = [],
        timeoutNanos: UInt64? = nil, idleTimeoutNanos: UInt64? = nil, config: [String: String] = [:],
        labels: [String: String] = [:], extra: [String: String] = [:]
    ) {
        self.app = app
        self.path = path
        self.revision = revision
        self.newPath = newPath
        self.image = image
        self.memoryMiB = memoryMiB
        self.type = type
        self.format = format
        self.headers = headers
        self.timeoutNanos = timeoutNanos
        self.idleTimeoutNanos = idleTimeoutNanos
        self.config = config
        self.labels = labels
        self.extra = extra
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__UpdateRouteRequest>) {
        fnrpc__v1__update_route_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__UpdateRouteRequest) throws(Failure) {
        self.init(
            app: raw.app.map { text($0) }, path: raw.path.map { text($0) },
            revision: raw.has_revision != 0 ? raw.revision : nil, newPath: raw.new_path.map { text($0) },
            image: raw.image.map { text($0) }, memoryMiB: raw.has_memory_mib != 0 ? raw.memory_mib : nil,
            type: raw.type.map { text($0) }, format: raw.format.map { text($0) },
            headers: try list(raw.headers, raw.n_headers),
            timeoutNanos: raw.has_timeout_nanos != 0 ? raw.timeout_nanos : nil,
            idleTimeoutNanos: raw.has_idle_timeout_nanos != 0 ? raw.idle_timeout_nanos : nil,
            config: try dictionary(raw.config, raw.n_config, "config"),
            labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            extra: try dictionary(raw.extra, raw.n_extra, "extra"))
    }

    package func write(to raw: inout Fnrpc__V1__UpdateRouteRequest, _ builder: Builder) {
        raw.app = app.map { builder.string($0) }
        raw.path = path.map { builder.string($0) }
        raw.has_revision = revision == nil ? 0 : 1
        raw.revision = revision ?? 0
        raw.new_path = newPath.map { builder.string($0) }
        raw.image = image.map { builder.string($0) }
        raw.has_memory_mib = memoryMiB == nil ? 0 : 1
        raw.memory_mib = memoryMiB ?? 0
        raw.type = type.map { builder.string($0) }
        raw.format = format.map { builder.string($0) }
        raw.n_headers = headers.count
        raw.headers = builder.messages(headers)
        raw.has_timeout_nanos = timeoutNanos == nil ? 0 : 1
        raw.timeout_nanos = timeoutNanos ?? 0
        raw.has_idle_timeout_nanos = idleTimeoutNanos == nil ? 0 : 1
        raw.idle_timeout_nanos = idleTimeoutNanos ?? 0
        raw.n_config = config.count
        raw.config = builder.messages(Pair.sorted(config))
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
    }
}

/// The request of Routes/Delete.
package struct DeleteRouteRequest: WireMessage {
    package var app: String
    package var path: String
    package var revision: UInt64

    package init(app: String = "", path: String = "", revision: UInt64 = 0) {
        self.app = app
        self.path = path
        self.revision = revision
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__DeleteRouteRequest>) {
        fnrpc__v1__delete_route_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__DeleteRouteRequest) throws(Failure) {
        self.init(app: text(raw.app), path: text(raw.path), revision: raw.revision)
    }

    package func write(to raw: inout Fnrpc__V1__DeleteRouteRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.path = builder.string(path)
        raw.has_revision = 1
        raw.revision = revision
    }
}
