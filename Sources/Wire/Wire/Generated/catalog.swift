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

/// Makes an app.
package struct CreateAppRequest: WireMessage {
    package var name: String
    package var labels: [String: String]

    package init(name: String = "", labels: [String: String] = [:]) {
        self.name = name
        self.labels = labels
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CreateAppRequest>) {
        fnrpc__v1__create_app_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CreateAppRequest) throws(Failure) {
        self.init(name: text(raw.name), labels: try dictionary(raw.labels, raw.n_labels, "labels"))
    }

    package func write(to raw: inout Fnrpc__V1__CreateAppRequest, _ builder: Builder) {
        raw.name = builder.string(name)
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
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

    package init(page: Page = Page()) {
        self.page = page
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListAppsRequest>) {
        fnrpc__v1__list_apps_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListAppsRequest) throws(Failure) {
        self.init(page: try optional(raw.page) ?? Page())
    }

    package func write(to raw: inout Fnrpc__V1__ListAppsRequest, _ builder: Builder) {
        raw.page = builder.message(page)
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

/// Publishes a new version; creates the app and the function where they are absent.
package struct DeployRequest: WireMessage {
    package var app: String
    package var function: String
    package var spec: FunctionSpec
    /// Of a committed package.
    package var packageDigest: String
    package var description: String
    package var labels: [String: String]

    package init(
        app: String = "", function: String = "", spec: FunctionSpec, packageDigest: String = "",
        description: String = "", labels: [String: String] = [:]
    ) {
        self.app = app
        self.function = function
        self.spec = spec
        self.packageDigest = packageDigest
        self.description = description
        self.labels = labels
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__DeployRequest>) {
        fnrpc__v1__deploy_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__DeployRequest) throws(Failure) {
        self.init(
            app: text(raw.app), function: text(raw.function), spec: try required(raw.spec, "spec"),
            packageDigest: text(raw.package_digest), description: text(raw.description),
            labels: try dictionary(raw.labels, raw.n_labels, "labels"))
    }

    package func write(to raw: inout Fnrpc__V1__DeployRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.spec = builder.message(spec)
        raw.package_digest = builder.string(packageDigest)
        raw.description = builder.string(description)
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
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

    package init(app: String = "", page: Page = Page()) {
        self.app = app
        self.page = page
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListFunctionsRequest>) {
        fnrpc__v1__list_functions_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListFunctionsRequest) throws(Failure) {
        self.init(app: text(raw.app), page: try optional(raw.page) ?? Page())
    }

    package func write(to raw: inout Fnrpc__V1__ListFunctionsRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.page = builder.message(page)
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

    package init(app: String = "", function: String = "", page: Page = Page()) {
        self.app = app
        self.function = function
        self.page = page
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListVersionsRequest>) {
        fnrpc__v1__list_versions_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListVersionsRequest) throws(Failure) {
        self.init(app: text(raw.app), function: text(raw.function), page: try optional(raw.page) ?? Page())
    }

    package func write(to raw: inout Fnrpc__V1__ListVersionsRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.page = builder.message(page)
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
