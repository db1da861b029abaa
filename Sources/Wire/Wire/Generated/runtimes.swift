// Generated from proto/fnrpc/v1/runtimes.proto by scripts/swift-messages.
package import CWire
package import Model

/// The request of Runtimes/Create.
package struct CreateRuntimeRequest: WireMessage {
    package var name: String
    package var description: String
    /// host, folder:PATH or image:REFERENCE; empty or absent: host
    package var root: String
    package var command: [String]
    /// No effect yet, as in Runtime.
    package var zygote: Bool
    /// No effect yet, as in Runtime.
    package var poolSize: UInt32
    package var labels: [String: String]
    package var extra: [String: String]

    package init(
        name: String = "", description: String = "", root: String = "", command: [String] = [], zygote: Bool = false,
        poolSize: UInt32 = 0, labels: [String: String] = [:], extra: [String: String] = [:]
    ) {
        self.name = name
        self.description = description
        self.root = root
        self.command = command
        self.zygote = zygote
        self.poolSize = poolSize
        self.labels = labels
        self.extra = extra
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CreateRuntimeRequest>) {
        fnrpc__v1__create_runtime_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CreateRuntimeRequest) throws(Failure) {
        self.init(
            name: text(raw.name), description: text(raw.description), root: text(raw.root),
            command: texts(raw.command, raw.n_command), zygote: raw.zygote != 0, poolSize: raw.pool_size,
            labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            extra: try dictionary(raw.extra, raw.n_extra, "extra"))
    }

    package func write(to raw: inout Fnrpc__V1__CreateRuntimeRequest, _ builder: Builder) {
        raw.name = builder.string(name)
        raw.description = builder.string(description)
        if !root.isEmpty { raw.root = builder.string(root) }
        raw.n_command = command.count
        raw.command = builder.strings(command)
        raw.has_zygote = 1
        raw.zygote = zygote ? 1 : 0
        raw.has_pool_size = 1
        raw.pool_size = poolSize
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
    }
}

/// The request of Runtimes/Get.
package struct GetRuntimeRequest: WireMessage {
    package var runtime: String

    package init(runtime: String = "") {
        self.runtime = runtime
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetRuntimeRequest>) {
        fnrpc__v1__get_runtime_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetRuntimeRequest) throws(Failure) {
        self.init(runtime: text(raw.runtime))
    }

    package func write(to raw: inout Fnrpc__V1__GetRuntimeRequest, _ builder: Builder) {
        raw.runtime = builder.string(runtime)
    }
}

/// The request of Runtimes/List.
package struct ListRuntimesRequest: WireMessage {
    package var page: Page
    package var filter: String

    package init(page: Page = Page(), filter: String = "") {
        self.page = page
        self.filter = filter
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListRuntimesRequest>) {
        fnrpc__v1__list_runtimes_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListRuntimesRequest) throws(Failure) {
        self.init(page: try optional(raw.page) ?? Page(), filter: text(raw.filter))
    }

    package func write(to raw: inout Fnrpc__V1__ListRuntimesRequest, _ builder: Builder) {
        raw.page = builder.message(page)
        raw.filter = builder.string(filter)
    }
}

/// The answer of Runtimes/List.
package struct ListRuntimesResponse: WireMessage {
    package var runtimes: [Runtime]
    package var nextCursor: String

    package init(runtimes: [Runtime] = [], nextCursor: String = "") {
        self.runtimes = runtimes
        self.nextCursor = nextCursor
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListRuntimesResponse>) {
        fnrpc__v1__list_runtimes_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListRuntimesResponse) throws(Failure) {
        self.init(runtimes: try list(raw.runtimes, raw.n_runtimes), nextCursor: text(raw.next_cursor))
    }

    package func write(to raw: inout Fnrpc__V1__ListRuntimesResponse, _ builder: Builder) {
        raw.n_runtimes = runtimes.count
        raw.runtimes = builder.messages(runtimes)
        raw.next_cursor = builder.string(nextCursor)
    }
}

/// The request of Runtimes/Update.
package struct UpdateRuntimeRequest: WireMessage {
    package var runtime: String?
    package var revision: UInt64?
    /// A name other than the present one is refused.
    package var name: String?
    package var description: String?
    /// Refused while functions use it.
    package var root: String?
    /// Refused while functions use it; empty: unchanged.
    package var command: [String]
    /// No effect yet, as in Runtime.
    package var zygote: Bool?
    /// No effect yet, as in Runtime.
    package var poolSize: UInt32?
    package var labels: [String: String]
    package var extra: [String: String]

    package init(
        runtime: String? = nil, revision: UInt64? = nil, name: String? = nil, description: String? = nil,
        root: String? = nil, command: [String] = [], zygote: Bool? = nil, poolSize: UInt32? = nil,
        labels: [String: String] = [:], extra: [String: String] = [:]
    ) {
        self.runtime = runtime
        self.revision = revision
        self.name = name
        self.description = description
        self.root = root
        self.command = command
        self.zygote = zygote
        self.poolSize = poolSize
        self.labels = labels
        self.extra = extra
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__UpdateRuntimeRequest>) {
        fnrpc__v1__update_runtime_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__UpdateRuntimeRequest) throws(Failure) {
        self.init(
            runtime: raw.runtime.map { text($0) }, revision: raw.has_revision != 0 ? raw.revision : nil,
            name: raw.name.map { text($0) }, description: raw.description.map { text($0) },
            root: raw.root.map { text($0) }, command: texts(raw.command, raw.n_command),
            zygote: raw.has_zygote != 0 ? raw.zygote != 0 : nil, poolSize: raw.has_pool_size != 0 ? raw.pool_size : nil,
            labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            extra: try dictionary(raw.extra, raw.n_extra, "extra"))
    }

    package func write(to raw: inout Fnrpc__V1__UpdateRuntimeRequest, _ builder: Builder) {
        raw.runtime = runtime.map { builder.string($0) }
        raw.has_revision = revision == nil ? 0 : 1
        raw.revision = revision ?? 0
        raw.name = name.map { builder.string($0) }
        raw.description = description.map { builder.string($0) }
        raw.root = root.map { builder.string($0) }
        raw.n_command = command.count
        raw.command = builder.strings(command)
        raw.has_zygote = zygote == nil ? 0 : 1
        raw.zygote = zygote == true ? 1 : 0
        raw.has_pool_size = poolSize == nil ? 0 : 1
        raw.pool_size = poolSize ?? 0
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
    }
}

/// The request of Runtimes/Delete.
package struct DeleteRuntimeRequest: WireMessage {
    package var runtime: String
    package var revision: UInt64

    package init(runtime: String = "", revision: UInt64 = 0) {
        self.runtime = runtime
        self.revision = revision
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__DeleteRuntimeRequest>) {
        fnrpc__v1__delete_runtime_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__DeleteRuntimeRequest) throws(Failure) {
        self.init(runtime: text(raw.runtime), revision: raw.revision)
    }

    package func write(to raw: inout Fnrpc__V1__DeleteRuntimeRequest, _ builder: Builder) {
        raw.runtime = builder.string(runtime)
        raw.has_revision = 1
        raw.revision = revision
    }
}
