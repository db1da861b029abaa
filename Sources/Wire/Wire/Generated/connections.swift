// Generated from proto/fnrpc/v1/connections.proto by scripts/swift-messages.
package import CWire
package import Model

/// A client's connection to this daemon.
package struct ConnectionInfo: WireMessage {
    /// Unique as long as the daemon runs.
    package var id: UInt64
    /// "unix:/run/fnrpc/fnrpc.sock"
    package var listener: String
    /// "uid 1000, gid 1000, pid 4711", "192.0.2.7:51234"
    package var peer: String
    /// Who it is taken for: "uid 0", "token ci", "certificate CN=build", "" (nobody yet).
    package var principal: String
    package var tls: Bool
    /// Nanoseconds since 1970.
    package var openedAt: Timestamp
    /// Open calls and streams.
    package var streams: UInt32
    /// Since it was opened.
    package var calls: UInt64
    package var bytesReceived: UInt64
    package var bytesSent: UInt64
    /// Output that the peer has not read yet.
    package var queuedBytes: UInt64
    /// Input that waits.
    package var bufferedBytes: UInt64

    package init(
        id: UInt64 = 0, listener: String = "", peer: String = "", principal: String = "", tls: Bool = false,
        openedAt: Timestamp = Timestamp(nanoseconds: 0), streams: UInt32 = 0, calls: UInt64 = 0,
        bytesReceived: UInt64 = 0, bytesSent: UInt64 = 0, queuedBytes: UInt64 = 0, bufferedBytes: UInt64 = 0
    ) {
        self.id = id
        self.listener = listener
        self.peer = peer
        self.principal = principal
        self.tls = tls
        self.openedAt = openedAt
        self.streams = streams
        self.calls = calls
        self.bytesReceived = bytesReceived
        self.bytesSent = bytesSent
        self.queuedBytes = queuedBytes
        self.bufferedBytes = bufferedBytes
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ConnectionInfo>) {
        fnrpc__v1__connection_info__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ConnectionInfo) throws(Failure) {
        self.init(
            id: raw.id, listener: text(raw.listener), peer: text(raw.peer), principal: text(raw.principal),
            tls: raw.tls != 0, openedAt: Timestamp(nanoseconds: raw.opened_at), streams: raw.streams, calls: raw.calls,
            bytesReceived: raw.bytes_received, bytesSent: raw.bytes_sent, queuedBytes: raw.queued_bytes,
            bufferedBytes: raw.buffered_bytes)
    }

    package func write(to raw: inout Fnrpc__V1__ConnectionInfo, _ builder: Builder) {
        raw.has_id = 1
        raw.id = id
        raw.listener = builder.string(listener)
        raw.peer = builder.string(peer)
        raw.principal = builder.string(principal)
        raw.has_tls = 1
        raw.tls = tls ? 1 : 0
        raw.has_opened_at = 1
        raw.opened_at = openedAt.nanoseconds
        raw.has_streams = 1
        raw.streams = streams
        raw.has_calls = 1
        raw.calls = calls
        raw.has_bytes_received = 1
        raw.bytes_received = bytesReceived
        raw.has_bytes_sent = 1
        raw.bytes_sent = bytesSent
        raw.has_queued_bytes = 1
        raw.queued_bytes = queuedBytes
        raw.has_buffered_bytes = 1
        raw.buffered_bytes = bufferedBytes
    }
}

/// Asks for the connections.
package struct ListConnectionsRequest: WireMessage {
    package init() {}

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListConnectionsRequest>) {
        fnrpc__v1__list_connections_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListConnectionsRequest) throws(Failure) {
        self.init()
    }

    package func write(to raw: inout Fnrpc__V1__ListConnectionsRequest, _ builder: Builder) {}
}

/// The connections.
package struct ListConnectionsResponse: WireMessage {
    /// At most 10,000, the oldest first.
    package var connections: [ConnectionInfo]
    /// All there are.
    package var total: UInt32

    package init(connections: [ConnectionInfo] = [], total: UInt32 = 0) {
        self.connections = connections
        self.total = total
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListConnectionsResponse>) {
        fnrpc__v1__list_connections_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListConnectionsResponse) throws(Failure) {
        self.init(connections: try list(raw.connections, raw.n_connections), total: raw.total)
    }

    package func write(to raw: inout Fnrpc__V1__ListConnectionsResponse, _ builder: Builder) {
        raw.n_connections = connections.count
        raw.connections = builder.messages(connections)
        raw.has_total = 1
        raw.total = total
    }
}

/// Closes a connection; its calls are cancelled.
package struct CloseConnectionRequest: WireMessage {
    package var id: UInt64

    package init(id: UInt64 = 0) {
        self.id = id
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CloseConnectionRequest>) {
        fnrpc__v1__close_connection_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CloseConnectionRequest) throws(Failure) {
        self.init(id: raw.id)
    }

    package func write(to raw: inout Fnrpc__V1__CloseConnectionRequest, _ builder: Builder) {
        raw.has_id = 1
        raw.id = id
    }
}

/// It is closed.
package struct CloseConnectionResponse: WireMessage {
    package init() {}

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CloseConnectionResponse>) {
        fnrpc__v1__close_connection_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CloseConnectionResponse) throws(Failure) {
        self.init()
    }

    package func write(to raw: inout Fnrpc__V1__CloseConnectionResponse, _ builder: Builder) {}
}
