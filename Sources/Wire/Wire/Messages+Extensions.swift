package import CWire
package import Model

/// Asks an extension what it wants.
package struct DescribeRequest: WireMessage {
    /// Its name in the daemon's configuration.
    package var name: String
    package var daemonVersion: String

    package init(name: String = "", daemonVersion: String = "") {
        self.name = name
        self.daemonVersion = daemonVersion
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__Ext__V1__DescribeRequest>) {
        fnrpc__ext__v1__describe_request__init(raw)
    }

    package init(_ raw: Fnrpc__Ext__V1__DescribeRequest) throws(Failure) {
        self.init(name: text(raw.extension), daemonVersion: text(raw.daemon_version))
    }

    package func write(to raw: inout Fnrpc__Ext__V1__DescribeRequest, _ builder: Builder) {
        raw.extension = builder.string(name)
        raw.daemon_version = builder.string(daemonVersion)
    }
}

/// The events that an extension wants, by name.
package struct DescribeResponse: WireMessage {
    /// Names in one list.
    package static let maxEvents = 64

    package var name: String
    package var before: [String]
    package var after: [String]

    package init(name: String = "", before: [String] = [], after: [String] = []) {
        self.name = name
        self.before = before
        self.after = after
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__Ext__V1__DescribeResponse>) {
        fnrpc__ext__v1__describe_response__init(raw)
    }

    package init(_ raw: Fnrpc__Ext__V1__DescribeResponse) throws(Failure) {
        for (name, count) in [("before", raw.n_before), ("after", raw.n_after)] where count > Self.maxEvents {
            throw Failure(.invalid, "\(name): \(count) events are over the limit of \(Self.maxEvents)")
        }
        self.init(
            name: text(raw.name), before: texts(raw.before, raw.n_before), after: texts(raw.after, raw.n_after))
    }

    package func write(to raw: inout Fnrpc__Ext__V1__DescribeResponse, _ builder: Builder) {
        raw.name = builder.string(name)
        raw.n_before = before.count
        raw.before = builder.strings(before)
        raw.n_after = after.count
        raw.after = builder.strings(after)
    }
}

/// A change of an entity, or a look at one.
package struct ChangeEvent: WireMessage {
    /// "app.create".
    package var event: String
    /// Empty texts are absent.
    package var id: String
    package var name: String
    package var app: String
    /// Of the entities.
    package var apiVersion: UInt32
    /// Messages of fnrpc.v1; empty: absent.
    package var oldEntity: [UInt8]
    package var newEntity: [UInt8]

    package init(
        event: String, id: String = "", name: String = "", app: String = "", apiVersion: UInt32 = 0,
        oldEntity: [UInt8] = [], newEntity: [UInt8] = []
    ) {
        self.event = event
        self.id = id
        self.name = name
        self.app = app
        self.apiVersion = apiVersion
        self.oldEntity = oldEntity
        self.newEntity = newEntity
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__Ext__V1__ChangeEvent>) {
        fnrpc__ext__v1__change_event__init(raw)
    }

    package init(_ raw: Fnrpc__Ext__V1__ChangeEvent) throws(Failure) {
        self.init(
            event: text(raw.event), id: text(raw.id), name: text(raw.name), app: text(raw.app),
            apiVersion: raw.api_version, oldEntity: bytes(raw.old_entity), newEntity: bytes(raw.new_entity))
    }

    package func write(to raw: inout Fnrpc__Ext__V1__ChangeEvent, _ builder: Builder) {
        raw.event = builder.string(event)
        if !id.isEmpty { raw.id = builder.string(id) }
        if !name.isEmpty { raw.name = builder.string(name) }
        if !app.isEmpty { raw.app = builder.string(app) }
        guard !(oldEntity.isEmpty && newEntity.isEmpty) else { return }
        raw.has_api_version = 1
        raw.api_version = apiVersion
        raw.has_old_entity = oldEntity.isEmpty ? 0 : 1
        raw.old_entity = builder.bytes(oldEntity)
        raw.has_new_entity = newEntity.isEmpty ? 0 : 1
        raw.new_entity = builder.bytes(newEntity)
    }
}
