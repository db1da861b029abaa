// Generated from proto/fnrpc/v1/transport.proto by scripts/swift-messages.
package import CWire
package import Model

/// What a client's connection understands beyond ttrpc.
package struct HelloRequest: WireMessage {
    /// That the client understands: "cancel", "goaway"
    package var features: [String]

    package init(features: [String] = []) {
        self.features = features
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__HelloRequest>) {
        fnrpc__v1__hello_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__HelloRequest) throws(Failure) {
        self.init(features: texts(raw.features, raw.n_features))
    }

    package func write(to raw: inout Fnrpc__V1__HelloRequest, _ builder: Builder) {
        raw.n_features = features.count
        raw.features = builder.strings(features)
    }
}

/// What the daemon's does.
package struct HelloResponse: WireMessage {
    /// That are on from now on, for this connection.
    package var features: [String]
    /// "fnrpcd 0.2.0"
    package var server: String
    package var maxFrameBytes: UInt32
    /// Calls and streams of one connection at once.
    package var maxStreams: UInt32
    /// Payload of one message of InvokeStream.
    package var maxChunkBytes: UInt32

    package init(
        features: [String] = [], server: String = "", maxFrameBytes: UInt32 = 0, maxStreams: UInt32 = 0,
        maxChunkBytes: UInt32 = 0
    ) {
        self.features = features
        self.server = server
        self.maxFrameBytes = maxFrameBytes
        self.maxStreams = maxStreams
        self.maxChunkBytes = maxChunkBytes
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__HelloResponse>) {
        fnrpc__v1__hello_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__HelloResponse) throws(Failure) {
        self.init(
            features: texts(raw.features, raw.n_features), server: text(raw.server), maxFrameBytes: raw.max_frame_bytes,
            maxStreams: raw.max_streams, maxChunkBytes: raw.max_chunk_bytes)
    }

    package func write(to raw: inout Fnrpc__V1__HelloResponse, _ builder: Builder) {
        raw.n_features = features.count
        raw.features = builder.strings(features)
        raw.server = builder.string(server)
        raw.has_max_frame_bytes = 1
        raw.max_frame_bytes = maxFrameBytes
        raw.has_max_streams = 1
        raw.max_streams = maxStreams
        raw.has_max_chunk_bytes = 1
        raw.max_chunk_bytes = maxChunkBytes
    }
}
