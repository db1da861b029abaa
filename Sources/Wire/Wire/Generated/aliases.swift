// Generated from proto/fnrpc/v1/aliases.proto by scripts/swift-messages.
package import CWire
package import Model

/// The request of Aliases/Create.
package struct CreateAliasRequest: WireMessage {
    package var app: String
    package var function: String
    package var name: String
    package var version: UInt32
    package var secondVersion: UInt32
    /// 0 to 10000.
    package var secondWeight: UInt32
    package var stickyKey: String
    package var description: String
    package var labels: [String: String]
    package var extra: [String: String]

    package init(
        app: String = "", function: String = "", name: String = "", version: UInt32 = 0, secondVersion: UInt32 = 0,
        secondWeight: UInt32 = 0, stickyKey: String = "", description: String = "", labels: [String: String] = [:],
        extra: [String: String] = [:]
    ) {
        self.app = app
        self.function = function
        self.name = name
        self.version = version
        self.secondVersion = secondVersion
        self.secondWeight = secondWeight
        self.stickyKey = stickyKey
        self.description = description
        self.labels = labels
        self.extra = extra
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CreateAliasRequest>) {
        fnrpc__v1__create_alias_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CreateAliasRequest) throws(Failure) {
        self.init(
            app: text(raw.app), function: text(raw.function), name: text(raw.name), version: raw.version,
            secondVersion: raw.second_version, secondWeight: raw.second_weight, stickyKey: text(raw.sticky_key),
            description: text(raw.description), labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            extra: try dictionary(raw.extra, raw.n_extra, "extra"))
    }

    package func write(to raw: inout Fnrpc__V1__CreateAliasRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.name = builder.string(name)
        raw.has_version = 1
        raw.version = version
        raw.has_second_version = 1
        raw.second_version = secondVersion
        raw.has_second_weight = 1
        raw.second_weight = secondWeight
        raw.sticky_key = builder.string(stickyKey)
        raw.description = builder.string(description)
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
    }
}

/// The request of Aliases/Get.
package struct GetAliasRequest: WireMessage {
    package var app: String
    package var function: String
    package var alias: String

    package init(app: String = "", function: String = "", alias: String = "") {
        self.app = app
        self.function = function
        self.alias = alias
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetAliasRequest>) {
        fnrpc__v1__get_alias_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetAliasRequest) throws(Failure) {
        self.init(app: text(raw.app), function: text(raw.function), alias: text(raw.alias))
    }

    package func write(to raw: inout Fnrpc__V1__GetAliasRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.alias = builder.string(alias)
    }
}

/// The request of Aliases/List.
package struct ListAliasesRequest: WireMessage {
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

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListAliasesRequest>) {
        fnrpc__v1__list_aliases_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListAliasesRequest) throws(Failure) {
        self.init(
            app: text(raw.app), function: text(raw.function), page: try optional(raw.page) ?? Page(),
            filter: text(raw.filter))
    }

    package func write(to raw: inout Fnrpc__V1__ListAliasesRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.page = builder.message(page)
        raw.filter = builder.string(filter)
    }
}

/// The answer of Aliases/List.
package struct ListAliasesResponse: WireMessage {
    package var aliases: [Alias]
    package var nextCursor: String

    package init(aliases: [Alias] = [], nextCursor: String = "") {
        self.aliases = aliases
        self.nextCursor = nextCursor
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListAliasesResponse>) {
        fnrpc__v1__list_aliases_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListAliasesResponse) throws(Failure) {
        self.init(aliases: try list(raw.aliases, raw.n_aliases), nextCursor: text(raw.next_cursor))
    }

    package func write(to raw: inout Fnrpc__V1__ListAliasesResponse, _ builder: Builder) {
        raw.n_aliases = aliases.count
        raw.aliases = builder.messages(aliases)
        raw.next_cursor = builder.string(nextCursor)
    }
}

/// A version that is named replaces the whole target.
package struct UpdateAliasRequest: WireMessage {
    package var app: String?
    package var function: String?
    package var alias: String?
    package var revision: UInt64?
    /// A name other than the present one is refused.
    package var name: String?
    package var version: UInt32?
    package var secondVersion: UInt32?
    package var secondWeight: UInt32?
    /// Empty: the call's id decides.
    package var stickyKey: String?
    package var description: String?
    package var labels: [String: String]
    package var extra: [String: String]

    package init(
        app: String? = nil, function: String? = nil, alias: String? = nil, revision: UInt64? = nil, name: String? = nil,
        version: UInt32? = nil, secondVersion: UInt32? = nil, secondWeight: UInt32? = nil, stickyKey: String? = nil,
        description: String? = nil, labels: [String: String] = [:], extra: [String: String] = [:]
    ) {
        self.app = app
        self.function = function
        self.alias = alias
        self.revision = revision
        self.name = name
        self.version = version
        self.secondVersion = secondVersion
        self.secondWeight = secondWeight
        self.stickyKey = stickyKey
        self.description = description
        self.labels = labels
        self.extra = extra
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__UpdateAliasRequest>) {
        fnrpc__v1__update_alias_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__UpdateAliasRequest) throws(Failure) {
        self.init(
            app: raw.app.map { text($0) }, function: raw.function.map { text($0) }, alias: raw.alias.map { text($0) },
            revision: raw.has_revision != 0 ? raw.revision : nil, name: raw.name.map { text($0) },
            version: raw.has_version != 0 ? raw.version : nil,
            secondVersion: raw.has_second_version != 0 ? raw.second_version : nil,
            secondWeight: raw.has_second_weight != 0 ? raw.second_weight : nil,
            stickyKey: raw.sticky_key.map { text($0) }, description: raw.description.map { text($0) },
            labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            extra: try dictionary(raw.extra, raw.n_extra, "extra"))
    }

    package func write(to raw: inout Fnrpc__V1__UpdateAliasRequest, _ builder: Builder) {
        raw.app = app.map { builder.string($0) }
        raw.function = function.map { builder.string($0) }
        raw.alias = alias.map { builder.string($0) }
        raw.has_revision = revision == nil ? 0 : 1
        raw.revision = revision ?? 0
        raw.name = name.map { builder.string($0) }
        raw.has_version = version == nil ? 0 : 1
        raw.version = version ?? 0
        raw.has_second_version = secondVersion == nil ? 0 : 1
        raw.second_version = secondVersion ?? 0
        raw.has_second_weight = secondWeight == nil ? 0 : 1
        raw.second_weight = secondWeight ?? 0
        raw.sticky_key = stickyKey.map { builder.string($0) }
        raw.description = description.map { builder.string($0) }
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
    }
}

/// Back to the target before; what was the target becomes history.
package struct RollbackAliasRequest: WireMessage {
    package var app: String
    package var function: String
    package var alias: String
    package var revision: UInt64

    package init(app: String = "", function: String = "", alias: String = "", revision: UInt64 = 0) {
        self.app = app
        self.function = function
        self.alias = alias
        self.revision = revision
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__RollbackAliasRequest>) {
        fnrpc__v1__rollback_alias_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__RollbackAliasRequest) throws(Failure) {
        self.init(app: text(raw.app), function: text(raw.function), alias: text(raw.alias), revision: raw.revision)
    }

    package func write(to raw: inout Fnrpc__V1__RollbackAliasRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.alias = builder.string(alias)
        raw.has_revision = 1
        raw.revision = revision
    }
}

/// The request of Aliases/Delete.
package struct DeleteAliasRequest: WireMessage {
    package var app: String
    package var function: String
    package var alias: String
    package var revision: UInt64

    package init(app: String = "", function: String = "", alias: String = "", revision: UInt64 = 0) {
        self.app = app
        self.function = function
        self.alias = alias
        self.revision = revision
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__DeleteAliasRequest>) {
        fnrpc__v1__delete_alias_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__DeleteAliasRequest) throws(Failure) {
        self.init(app: text(raw.app), function: text(raw.function), alias: text(raw.alias), revision: raw.revision)
    }

    package func write(to raw: inout Fnrpc__V1__DeleteAliasRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.alias = builder.string(alias)
        raw.has_revision = 1
        raw.revision = revision
    }
}
