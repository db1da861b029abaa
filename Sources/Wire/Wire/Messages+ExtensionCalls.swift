package import CWire
package import Model

extension CallHeader: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__Ext__V1__KeyValue>) {
        fnrpc__ext__v1__key_value__init(raw)
    }

    package init(_ raw: Fnrpc__Ext__V1__KeyValue) throws(Failure) {
        self.init(name: text(raw.key), value: text(raw.value))
    }

    package func write(to raw: inout Fnrpc__Ext__V1__KeyValue, _ builder: Builder) {
        raw.key = builder.string(name)
        raw.value = builder.string(value)
    }
}

/// Asks an extension about a call.
package struct BeforeCallRequest: WireMessage {
    package var callID = ""
    package var app = ""
    package var function = ""
    package var version: UInt32 = 0
    /// Empty: the function is called by its own name.
    package var service = ""
    package var method = ""
    package var isStream = false
    /// From its arrival, nanoseconds.
    package var timeoutNanos: UInt64 = 0
    package var principal = ""
    /// Empty: none.
    package var traceID = ""
    package var metadata: [CallHeader] = []

    package init() {}

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__Ext__V1__BeforeCallRequest>) {
        fnrpc__ext__v1__before_call_request__init(raw)
    }

    package init(_ raw: Fnrpc__Ext__V1__BeforeCallRequest) throws(Failure) {
        callID = text(raw.call_id)
        app = text(raw.app)
        function = text(raw.function)
        version = raw.version
        service = text(raw.service)
        method = text(raw.method)
        isStream = raw.stream != 0
        timeoutNanos = raw.timeout_nanos
        principal = text(raw.principal)
        traceID = text(raw.trace_id)
        metadata = try list(raw.metadata, raw.n_metadata)
    }

    package func write(to raw: inout Fnrpc__Ext__V1__BeforeCallRequest, _ builder: Builder) {
        raw.call_id = builder.string(callID)
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.has_version = 1
        raw.version = version
        if !service.isEmpty { raw.service = builder.string(service) }
        if !method.isEmpty { raw.method = builder.string(method) }
        raw.has_stream = 1
        raw.stream = isStream ? 1 : 0
        raw.has_timeout_nanos = 1
        raw.timeout_nanos = timeoutNanos
        raw.principal = builder.string(principal)
        if !traceID.isEmpty { raw.trace_id = builder.string(traceID) }
        raw.n_metadata = metadata.count
        raw.metadata = builder.messages(metadata)
    }
}

/// What an extension changes of a call; `nil` and empty: nothing.
package struct BeforeCallResponse: WireMessage {
    package var app: String?
    package var function: String?
    package var version: UInt32?
    /// From the call's arrival, nanoseconds.
    package var timeoutNanos: UInt64?
    package var removeMetadata: [String] = []
    package var setMetadata: [CallHeader] = []

    package init() {}

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__Ext__V1__BeforeCallResponse>) {
        fnrpc__ext__v1__before_call_response__init(raw)
    }

    package init(_ raw: Fnrpc__Ext__V1__BeforeCallResponse) throws(Failure) {
        app = raw.app.map { text($0) }
        function = raw.function.map { text($0) }
        if raw.has_version != 0 { version = raw.version }
        if raw.has_timeout_nanos != 0 { timeoutNanos = raw.timeout_nanos }
        removeMetadata = texts(raw.remove_metadata, raw.n_remove_metadata)
        setMetadata = try list(raw.set_metadata, raw.n_set_metadata)
    }

    package func write(to raw: inout Fnrpc__Ext__V1__BeforeCallResponse, _ builder: Builder) {
        if let app { raw.app = builder.string(app) }
        if let function { raw.function = builder.string(function) }
        raw.has_version = version == nil ? 0 : 1
        raw.version = version ?? 0
        raw.has_timeout_nanos = timeoutNanos == nil ? 0 : 1
        raw.timeout_nanos = timeoutNanos ?? 0
        raw.n_remove_metadata = removeMetadata.count
        raw.remove_metadata = builder.strings(removeMetadata)
        raw.n_set_metadata = setMetadata.count
        raw.set_metadata = builder.messages(setMetadata)
    }
}

/// Tells an extension how a call ended.
package struct AfterCallRequest: WireMessage {
    package var callID = ""
    package var app = ""
    package var function = ""
    package var version: UInt32 = 0
    package var status = ""
    package var error = ""
    package var waitNanos: UInt64 = 0
    package var runNanos: UInt64 = 0
    package var coldStartNanos: UInt64?
    package var traceID = ""

    package init() {}

    /// What is told of a call's record.
    package init(_ record: CallRecord) {
        callID = record.meta.id.description
        app = record.appName
        function = record.functionName
        version = record.version
        status = record.status.rawValue
        error = record.error
        waitNanos = record.waitNanos
        runNanos = record.runNanos
        coldStartNanos = record.coldStartNanos
        traceID = record.traceID ?? ""
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__Ext__V1__AfterCallRequest>) {
        fnrpc__ext__v1__after_call_request__init(raw)
    }

    package init(_ raw: Fnrpc__Ext__V1__AfterCallRequest) throws(Failure) {
        callID = text(raw.call_id)
        app = text(raw.app)
        function = text(raw.function)
        version = raw.version
        status = text(raw.status)
        error = text(raw.error)
        waitNanos = raw.wait_nanos
        runNanos = raw.run_nanos
        if raw.has_cold_start_nanos != 0 { coldStartNanos = raw.cold_start_nanos }
        traceID = text(raw.trace_id)
    }

    package func write(to raw: inout Fnrpc__Ext__V1__AfterCallRequest, _ builder: Builder) {
        raw.call_id = builder.string(callID)
        raw.app = builder.string(app)
        raw.function = builder.string(function)
        raw.has_version = 1
        raw.version = version
        raw.status = builder.string(status)
        if !error.isEmpty { raw.error = builder.string(error) }
        raw.has_wait_nanos = 1
        raw.wait_nanos = waitNanos
        raw.has_run_nanos = 1
        raw.run_nanos = runNanos
        raw.has_cold_start_nanos = coldStartNanos == nil ? 0 : 1
        raw.cold_start_nanos = coldStartNanos ?? 0
        if !traceID.isEmpty { raw.trace_id = builder.string(traceID) }
    }
}
