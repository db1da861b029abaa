// Generated from proto/fnrpc/v1/events.proto by scripts/swift-messages.
package import CWire
package import Model

/// The answer of Events/Follow.
package struct Event: WireMessage {
    /// Grows with every change, by one but where the daemon was started; never used again.
    package var sequence: UInt64
    package var at: Int64
    /// create, update, delete
    package var action: String
    /// app, function, version, alias, trigger, runtime, secret, token
    package var kind: String
    package var id: String
    /// With its parents: app/function@version.
    package var name: String
    /// Of the entity, after the change.
    package var revision: UInt64
    /// Of the entity.
    package var apiVersion: UInt32

    package init(
        sequence: UInt64 = 0, at: Int64 = 0, action: String = "", kind: String = "", id: String = "", name: String = "",
        revision: UInt64 = 0, apiVersion: UInt32 = 0
    ) {
        self.sequence = sequence
        self.at = at
        self.action = action
        self.kind = kind
        self.id = id
        self.name = name
        self.revision = revision
        self.apiVersion = apiVersion
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Event>) {
        fnrpc__v1__event__init(raw)
    }

    package init(_ raw: Fnrpc__V1__Event) throws(Failure) {
        self.init(
            sequence: raw.sequence, at: raw.at, action: text(raw.action), kind: text(raw.kind), id: text(raw.id),
            name: text(raw.name), revision: raw.revision, apiVersion: raw.api_version)
    }

    package func write(to raw: inout Fnrpc__V1__Event, _ builder: Builder) {
        raw.has_sequence = 1
        raw.sequence = sequence
        raw.has_at = 1
        raw.at = at
        raw.action = builder.string(action)
        raw.kind = builder.string(kind)
        raw.id = builder.string(id)
        raw.name = builder.string(name)
        raw.has_revision = 1
        raw.revision = revision
        raw.has_api_version = 1
        raw.api_version = apiVersion
    }
}

/// The request of Events/Follow.
package struct FollowEventsRequest: WireMessage {
    /// The last sequence that the caller has seen, 0: from the oldest; absent: only what comes from now on.
    package var after: UInt64?
    /// Stay and wait for more; false: end with what there is.
    package var follow: Bool
    /// None: all.
    package var kinds: [String]
    /// Also send events with nothing but a sequence, to go on from: at the beginning, and behind what kinds leaves out.
    package var positions: Bool

    package init(after: UInt64? = nil, follow: Bool = false, kinds: [String] = [], positions: Bool = false) {
        self.after = after
        self.follow = follow
        self.kinds = kinds
        self.positions = positions
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__FollowEventsRequest>) {
        fnrpc__v1__follow_events_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__FollowEventsRequest) throws(Failure) {
        self.init(
            after: raw.has_after != 0 ? raw.after : nil, follow: raw.follow != 0, kinds: texts(raw.kinds, raw.n_kinds),
            positions: raw.positions != 0)
    }

    package func write(to raw: inout Fnrpc__V1__FollowEventsRequest, _ builder: Builder) {
        raw.has_after = after == nil ? 0 : 1
        raw.after = after ?? 0
        raw.has_follow = 1
        raw.follow = follow ? 1 : 0
        raw.n_kinds = kinds.count
        raw.kinds = builder.strings(kinds)
        raw.has_positions = 1
        raw.positions = positions ? 1 : 0
    }
}
