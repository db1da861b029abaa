// Generated from proto/fnrpc/v1/calls.proto by scripts/swift-messages.
package import CWire
package import Model

/// Lists a function's calls, newest first.
package struct ListCallsRequest: WireMessage {
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

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListCallsRequest>) {
        fnrpc__v1__list_calls_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListCallsRequest) throws(Failure) {
        self.init(
            app: text(raw.app), function: text(raw.function), page: try optional(raw.page) ?? Page(),
            filter: text(raw.filter))
    }

    package func write(to raw: inout Fnrpc__V1__ListCallsRequest, _ builder: Builder) {
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.page = builder.message(page)
        raw.filter = builder.string(filter)
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

    package init(log: [UInt8] = [], truncated: Bool = false) {
        self.log = log
        self.truncated = truncated
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetCallLogsResponse>) {
        fnrpc__v1__get_call_logs_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetCallLogsResponse) throws(Failure) {
        self.init(log: bytes(raw.log), truncated: raw.truncated != 0)
    }

    package func write(to raw: inout Fnrpc__V1__GetCallLogsResponse, _ builder: Builder) {
        raw.has_log = 1
        raw.log = builder.bytes(log)
        raw.has_truncated = 1
        raw.truncated = truncated ? 1 : 0
    }
}
