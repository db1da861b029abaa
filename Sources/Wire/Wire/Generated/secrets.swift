// Generated from proto/fnrpc/v1/secrets.proto by scripts/swift-messages.
package import CWire
package import Model

/// The request of Secrets/Create.
package struct CreateSecretRequest: WireMessage {
    package var app: String
    package var name: String
    /// 1 to 65536 bytes.
    package var value: [UInt8]
    package var description: String
    package var labels: [String: String]
    package var extra: [String: String]

    package init(
        app: String = "", name: String = "", value: [UInt8] = [], description: String = "",
        labels: [String: String] = [:], extra: [String: String] = [:]
    ) {
        self.app = app
        self.name = name
        self.value = value
        self.description = description
        self.labels = labels
        self.extra = extra
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CreateSecretRequest>) {
        fnrpc__v1__create_secret_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CreateSecretRequest) throws(Failure) {
        self.init(
            app: text(raw.app), name: text(raw.name), value: bytes(raw.value), description: text(raw.description),
            labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            extra: try dictionary(raw.extra, raw.n_extra, "extra"))
    }

    package func write(to raw: inout Fnrpc__V1__CreateSecretRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.name = builder.string(name)
        raw.has_value = 1
        raw.value = builder.bytes(value)
        raw.description = builder.string(description)
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
    }
}

/// The request of Secrets/Get.
package struct GetSecretRequest: WireMessage {
    package var app: String
    package var secret: String

    package init(app: String = "", secret: String = "") {
        self.app = app
        self.secret = secret
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetSecretRequest>) {
        fnrpc__v1__get_secret_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetSecretRequest) throws(Failure) {
        self.init(app: text(raw.app), secret: text(raw.secret))
    }

    package func write(to raw: inout Fnrpc__V1__GetSecretRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.secret = builder.string(secret)
    }
}

/// The request of Secrets/List.
package struct ListSecretsRequest: WireMessage {
    package var app: String
    package var page: Page
    package var filter: String

    package init(app: String = "", page: Page = Page(), filter: String = "") {
        self.app = app
        self.page = page
        self.filter = filter
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListSecretsRequest>) {
        fnrpc__v1__list_secrets_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListSecretsRequest) throws(Failure) {
        self.init(app: text(raw.app), page: try optional(raw.page) ?? Page(), filter: text(raw.filter))
    }

    package func write(to raw: inout Fnrpc__V1__ListSecretsRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.page = builder.message(page)
        raw.filter = builder.string(filter)
    }
}

/// The answer of Secrets/List.
package struct ListSecretsResponse: WireMessage {
    package var secrets: [Secret]
    package var nextCursor: String

    package init(secrets: [Secret] = [], nextCursor: String = "") {
        self.secrets = secrets
        self.nextCursor = nextCursor
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListSecretsResponse>) {
        fnrpc__v1__list_secrets_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListSecretsResponse) throws(Failure) {
        self.init(secrets: try list(raw.secrets, raw.n_secrets), nextCursor: text(raw.next_cursor))
    }

    package func write(to raw: inout Fnrpc__V1__ListSecretsResponse, _ builder: Builder) {
        raw.n_secrets = secrets.count
        raw.secrets = builder.messages(secrets)
        raw.next_cursor = builder.string(nextCursor)
    }
}

/// Containers that run keep the value that they were started with.
package struct UpdateSecretRequest: WireMessage {
    package var app: String?
    package var secret: String?
    package var revision: UInt64?
    /// A name other than the present one is refused.
    package var name: String?
    package var value: [UInt8]?
    package var description: String?
    package var labels: [String: String]
    package var extra: [String: String]

    package init(
        app: String? = nil, secret: String? = nil, revision: UInt64? = nil, name: String? = nil, value: [UInt8]? = nil,
        description: String? = nil, labels: [String: String] = [:], extra: [String: String] = [:]
    ) {
        self.app = app
        self.secret = secret
        self.revision = revision
        self.name = name
        self.value = value
        self.description = description
        self.labels = labels
        self.extra = extra
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__UpdateSecretRequest>) {
        fnrpc__v1__update_secret_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__UpdateSecretRequest) throws(Failure) {
        self.init(
            app: raw.app.map { text($0) }, secret: raw.secret.map { text($0) },
            revision: raw.has_revision != 0 ? raw.revision : nil, name: raw.name.map { text($0) },
            value: raw.has_value != 0 ? bytes(raw.value) : nil, description: raw.description.map { text($0) },
            labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            extra: try dictionary(raw.extra, raw.n_extra, "extra"))
    }

    package func write(to raw: inout Fnrpc__V1__UpdateSecretRequest, _ builder: Builder) {
        raw.app = app.map { builder.string($0) }
        raw.secret = secret.map { builder.string($0) }
        raw.has_revision = revision == nil ? 0 : 1
        raw.revision = revision ?? 0
        raw.name = name.map { builder.string($0) }
        raw.has_value = value == nil ? 0 : 1
        raw.value = builder.bytes(value ?? [])
        raw.description = description.map { builder.string($0) }
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
    }
}

/// The request of Secrets/Delete.
package struct DeleteSecretRequest: WireMessage {
    package var app: String
    package var secret: String
    package var revision: UInt64

    package init(app: String = "", secret: String = "", revision: UInt64 = 0) {
        self.app = app
        self.secret = secret
        self.revision = revision
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__DeleteSecretRequest>) {
        fnrpc__v1__delete_secret_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__DeleteSecretRequest) throws(Failure) {
        self.init(app: text(raw.app), secret: text(raw.secret), revision: raw.revision)
    }

    package func write(to raw: inout Fnrpc__V1__DeleteSecretRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.secret = builder.string(secret)
        raw.has_revision = 1
        raw.revision = revision
    }
}
