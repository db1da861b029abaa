// Generated from proto/fnrpc/v1/calls.proto by scripts/swift-messages.
package import CWire
package import Model

/// Lists calls, newest first: of all apps, an app, a function, or a trigger's path.
package struct ListCallsRequest: WireMessage {
    /// Name or id; the id of a deleted app still names its calls.
    package var app: String
    package var function: String
    package var page: Page
    package var filter: String
    /// The source of a trigger of the app, as /users/:id; not beside function.
    package var path: String
    package var status: String
    /// Accepted then or later, nanoseconds since 1970; 0 or absent: no bound.
    package var since: Int64
    /// Accepted before that; 0 or absent: no bound.
    package var until: Int64

    package init(
        app: String = "", function: String = "", page: Page = Page(), filter: String = "", path: String = "",
        status: String = "", since: Int64 = 0, until: Int64 = 0
    ) {
        self.app = app
        self.function = function
        self.page = page
        self.filter = filter
        self.path = path
        self.status = status
        self.since = since
        self.until = until
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListCallsRequest>) {
        fnrpc__v1__list_calls_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListCallsRequest) throws(Failure) {
        self.init(
            app: text(raw.app), function: text(raw.function), page: try optional(raw.page) ?? Page(),
            filter: text(raw.filter), path: text(raw.path), status: text(raw.status), since: raw.since,
            until: raw.until)
    }

    package func write(to raw: inout Fnrpc__V1__ListCallsRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.page = builder.message(page)
        raw.filter = builder.string(filter)
        raw.path = builder.string(path)
        raw.status = builder.string(status)
        raw.has_since = since == 0 ? 0 : 1
        raw.since = since
        raw.has_until = until == 0 ? 0 : 1
        raw.until = until
    }
}

/// A page of call records.
package struct ListCallsResponse: WireMessage {
    package var calls: [CallRecord]
    /// Empty at the end.
    package var nextCursor: String

    package init(calls: [CallRecord] = [], nextCursor: String = "") {
        self.calls = calls
        self.nextCursor = nextCursor
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListCallsResponse>) {
        fnrpc__v1__list_calls_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListCallsResponse) throws(Failure) {
        self.init(calls: try list(raw.calls, raw.n_calls), nextCursor: text(raw.next_cursor))
    }

    package func write(to raw: inout Fnrpc__V1__ListCallsResponse, _ builder: Builder) {
        raw.n_calls = calls.count
        raw.calls = builder.messages(calls)
        raw.next_cursor = builder.string(nextCursor)
    }
}

/// Reads a call record.
package struct GetCallRequest: WireMessage {
    package var id: String

    package init(id: String = "") {
        self.id = id
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetCallRequest>) {
        fnrpc__v1__get_call_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetCallRequest) throws(Failure) {
        self.init(id: text(raw.id))
    }

    package func write(to raw: inout Fnrpc__V1__GetCallRequest, _ builder: Builder) {
        raw.id = builder.string(id)
    }
}

/// Reads a call's log.
package struct GetCallLogsRequest: WireMessage {
    package var id: String

    package init(id: String = "") {
        self.id = id
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetCallLogsRequest>) {
        fnrpc__v1__get_call_logs_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetCallLogsRequest) throws(Failure) {
        self.init(id: text(raw.id))
    }

    package func write(to raw: inout Fnrpc__V1__GetCallLogsRequest, _ builder: Builder) {
        raw.id = builder.string(id)
    }
}

/// A call's log.
package struct GetCallLogsResponse: WireMessage {
    package var log: [UInt8]
    /// The log was longer than the daemon keeps.
    package var truncated: Bool
    /// There was a log; it was too old, or its place was needed.
    package var removed: Bool

    package init(log: [UInt8] = [], truncated: Bool = false, removed: Bool = false) {
        self.log = log
        self.truncated = truncated
        self.removed = removed
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetCallLogsResponse>) {
        fnrpc__v1__get_call_logs_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetCallLogsResponse) throws(Failure) {
        self.init(log: bytes(raw.log), truncated: raw.truncated != 0, removed: raw.removed != 0)
    }

    package func write(to raw: inout Fnrpc__V1__GetCallLogsResponse, _ builder: Builder) {
        raw.has_log = 1
        raw.log = builder.bytes(log)
        raw.has_truncated = 1
        raw.truncated = truncated ? 1 : 0
        raw.has_removed = 1
        raw.removed = removed ? 1 : 0
    }
}

/// Reads what a call ran with.
package struct GetCallSpecRequest: WireMessage {
    package var id: String

    package init(id: String = "") {
        self.id = id
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetCallSpecRequest>) {
        fnrpc__v1__get_call_spec_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetCallSpecRequest) throws(Failure) {
        self.init(id: text(raw.id))
    }

    package func write(to raw: inout Fnrpc__V1__GetCallSpecRequest, _ builder: Builder) {
        raw.id = builder.string(id)
    }
}

/// What a call ran with: everything that decides how its function was started, but the values of secrets. Calls that
/// ran with the same share one.
package struct CallSpec: WireMessage {
    package var spec: FunctionSpec
    /// Absent: it had an image.
    package var packageDigest: String?
    /// As in Version.
    package var interpreter: String
    /// As in Version.
    package var runtimeCommand: [String]
    /// As in Version.
    package var runtimeRoot: String
    /// The function's own wins.
    package var appConfig: [String: String]

    package init(
        spec: FunctionSpec, packageDigest: String? = nil, interpreter: String = "", runtimeCommand: [String] = [],
        runtimeRoot: String = "", appConfig: [String: String] = [:]
    ) {
        self.spec = spec
        self.packageDigest = packageDigest
        self.interpreter = interpreter
        self.runtimeCommand = runtimeCommand
        self.runtimeRoot = runtimeRoot
        self.appConfig = appConfig
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__CallSpec>) {
        fnrpc__v1__call_spec__init(raw)
    }

    package init(_ raw: Fnrpc__V1__CallSpec) throws(Failure) {
        self.init(
            spec: try required(raw.spec, "spec"), packageDigest: raw.package_digest.map { text($0) },
            interpreter: text(raw.interpreter), runtimeCommand: texts(raw.runtime_command, raw.n_runtime_command),
            runtimeRoot: text(raw.runtime_root),
            appConfig: try dictionary(raw.app_config, raw.n_app_config, "app_config"))
    }

    package func write(to raw: inout Fnrpc__V1__CallSpec, _ builder: Builder) {
        raw.spec = builder.message(spec)
        raw.package_digest = packageDigest.map { builder.string($0) }
        raw.interpreter = builder.string(interpreter)
        raw.n_runtime_command = runtimeCommand.count
        raw.runtime_command = builder.strings(runtimeCommand)
        raw.runtime_root = builder.string(runtimeRoot)
        raw.n_app_config = appConfig.count
        raw.app_config = builder.messages(Pair.sorted(appConfig))
    }
}

/// Reads the payload of a call whose function has record_input.
package struct GetCallInputRequest: WireMessage {
    package var id: String

    package init(id: String = "") {
        self.id = id
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetCallInputRequest>) {
        fnrpc__v1__get_call_input_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetCallInputRequest) throws(Failure) {
        self.init(id: text(raw.id))
    }

    package func write(to raw: inout Fnrpc__V1__GetCallInputRequest, _ builder: Builder) {
        raw.id = builder.string(id)
    }
}

/// A call's payload; of a stream, what came first.
package struct GetCallInputResponse: WireMessage {
    package var input: [UInt8]
    /// It was longer than the daemon keeps.
    package var truncated: Bool
    /// It was kept; it was too old, or its place was needed.
    package var removed: Bool

    package init(input: [UInt8] = [], truncated: Bool = false, removed: Bool = false) {
        self.input = input
        self.truncated = truncated
        self.removed = removed
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetCallInputResponse>) {
        fnrpc__v1__get_call_input_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetCallInputResponse) throws(Failure) {
        self.init(input: bytes(raw.input), truncated: raw.truncated != 0, removed: raw.removed != 0)
    }

    package func write(to raw: inout Fnrpc__V1__GetCallInputResponse, _ builder: Builder) {
        raw.has_input = 1
        raw.input = builder.bytes(input)
        raw.has_truncated = 1
        raw.truncated = truncated ? 1 : 0
        raw.has_removed = 1
        raw.removed = removed ? 1 : 0
    }
}

/// Follows what the containers of a function write.
package struct FollowLogsRequest: WireMessage {
    package var app: String
    package var function: String

    package init(app: String = "", function: String = "") {
        self.app = app
        self.function = function
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__FollowLogsRequest>) {
        fnrpc__v1__follow_logs_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__FollowLogsRequest) throws(Failure) {
        self.init(app: text(raw.app), function: text(raw.function))
    }

    package func write(to raw: inout Fnrpc__V1__FollowLogsRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
    }
}

/// What a container wrote, as it came.
package struct LogPiece: WireMessage {
    /// Nanoseconds since 1970.
    package var at: Int64
    package var container: String
    /// Whose it is; empty: of no single call.
    package var callID: String
    package var data: [UInt8]
    /// That were not sent before this piece, because the reader was slow.
    package var droppedBytes: UInt64

    package init(
        at: Int64 = 0, container: String = "", callID: String = "", data: [UInt8] = [], droppedBytes: UInt64 = 0
    ) {
        self.at = at
        self.container = container
        self.callID = callID
        self.data = data
        self.droppedBytes = droppedBytes
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__LogPiece>) {
        fnrpc__v1__log_piece__init(raw)
    }

    package init(_ raw: Fnrpc__V1__LogPiece) throws(Failure) {
        self.init(
            at: raw.at, container: text(raw.container), callID: text(raw.call_id), data: bytes(raw.data),
            droppedBytes: raw.dropped_bytes)
    }

    package func write(to raw: inout Fnrpc__V1__LogPiece, _ builder: Builder) {
        raw.has_at = 1
        raw.at = at
        raw.container = builder.string(container)
        raw.call_id = builder.string(callID)
        raw.has_data = 1
        raw.data = builder.bytes(data)
        raw.has_dropped_bytes = 1
        raw.dropped_bytes = droppedBytes
    }
}
