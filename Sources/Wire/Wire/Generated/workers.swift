// Generated from proto/fnrpc/v1/workers.proto by scripts/swift-messages.
package import CWire
package import Model

/// The request of Workers/List.
package struct WorkersRequest: WireMessage {
    package var app: String
    package var function: String
    /// 0 or absent: the working copy.
    package var version: UInt32

    package init(app: String = "", function: String = "", version: UInt32 = 0) {
        self.app = app
        self.function = function
        self.version = version
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__WorkersRequest>) {
        fnrpc__v1__workers_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__WorkersRequest) throws(Failure) {
        self.init(app: text(raw.app), function: text(raw.function), version: raw.version)
    }

    package func write(to raw: inout Fnrpc__V1__WorkersRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.has_version = version == 0 ? 0 : 1
        raw.version = version
    }
}

/// A part of ListWorkersResponse.
package struct Worker: WireMessage {
    package var container: String
    package var version: UInt32
    /// starting, idle, busy, leaving
    package var state: String
    /// That are in it now.
    package var calls: UInt32
    package var startedAt: Timestamp
    package var lastUsedAt: Timestamp
    /// Its limit.
    package var memoryMiB: UInt32

    package init(
        container: String = "", version: UInt32 = 0, state: String = "", calls: UInt32 = 0,
        startedAt: Timestamp = Timestamp(nanoseconds: 0), lastUsedAt: Timestamp = Timestamp(nanoseconds: 0),
        memoryMiB: UInt32 = 0
    ) {
        self.container = container
        self.version = version
        self.state = state
        self.calls = calls
        self.startedAt = startedAt
        self.lastUsedAt = lastUsedAt
        self.memoryMiB = memoryMiB
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Worker>) {
        fnrpc__v1__worker__init(raw)
    }

    package init(_ raw: Fnrpc__V1__Worker) throws(Failure) {
        self.init(
            container: text(raw.container), version: raw.version, state: text(raw.state), calls: raw.calls,
            startedAt: Timestamp(nanoseconds: raw.started_at), lastUsedAt: Timestamp(nanoseconds: raw.last_used_at),
            memoryMiB: raw.memory_mib)
    }

    package func write(to raw: inout Fnrpc__V1__Worker, _ builder: Builder) {
        raw.container = builder.string(container)
        raw.has_version = 1
        raw.version = version
        raw.state = builder.string(state)
        raw.has_calls = 1
        raw.calls = calls
        raw.has_started_at = 1
        raw.started_at = startedAt.nanoseconds
        raw.has_last_used_at = 1
        raw.last_used_at = lastUsedAt.nanoseconds
        raw.has_memory_mib = 1
        raw.memory_mib = memoryMiB
    }
}

/// The answer of Workers/List.
package struct ListWorkersResponse: WireMessage {
    package var workers: [Worker]
    package var waitingCalls: UInt32

    package init(workers: [Worker] = [], waitingCalls: UInt32 = 0) {
        self.workers = workers
        self.waitingCalls = waitingCalls
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListWorkersResponse>) {
        fnrpc__v1__list_workers_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListWorkersResponse) throws(Failure) {
        self.init(workers: try list(raw.workers, raw.n_workers), waitingCalls: raw.waiting_calls)
    }

    package func write(to raw: inout Fnrpc__V1__ListWorkersResponse, _ builder: Builder) {
        raw.n_workers = workers.count
        raw.workers = builder.messages(workers)
        raw.has_waiting_calls = 1
        raw.waiting_calls = waitingCalls
    }
}

/// The request of Workers/ScaleUp.
package struct ScaleRequest: WireMessage {
    package var app: String
    package var function: String
    /// 0 or absent: the working copy.
    package var version: UInt32
    /// From 1.
    package var count: UInt32

    package init(app: String = "", function: String = "", version: UInt32 = 0, count: UInt32 = 0) {
        self.app = app
        self.function = function
        self.version = version
        self.count = count
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ScaleRequest>) {
        fnrpc__v1__scale_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ScaleRequest) throws(Failure) {
        self.init(app: text(raw.app), function: text(raw.function), version: raw.version, count: raw.count)
    }

    package func write(to raw: inout Fnrpc__V1__ScaleRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.has_version = version == 0 ? 0 : 1
        raw.version = version
        raw.has_count = 1
        raw.count = count
    }
}

/// The answer of Workers/ScaleUp.
package struct ScaleResponse: WireMessage {
    /// Containers that were added or removed.
    package var count: UInt32

    package init(count: UInt32 = 0) {
        self.count = count
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ScaleResponse>) {
        fnrpc__v1__scale_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ScaleResponse) throws(Failure) {
        self.init(count: raw.count)
    }

    package func write(to raw: inout Fnrpc__V1__ScaleResponse, _ builder: Builder) {
        raw.has_count = 1
        raw.count = count
    }
}
