internal import Model
internal import Synchronization
internal import Wire

/// A request on its way through the interceptors to its handler; lives on the connection's loop.
package struct Incoming {
    /// Borrowed from the connection's input.
    let envelope: RequestEnvelope
    let streamID: UInt32
    /// The Request frame's flags.
    let flags: UInt8
    let session: Session
    let method: Method
    let arrivedAt: Instant
    /// Who calls; set by ``AuthenticationInterceptor``.
    var principal: Principal?
    /// Time left, nanoseconds; 0: no limit of the caller's. Set by ``DeadlineInterceptor``.
    var timeoutNanos: Int64 = 0
    /// Set by ``TracingInterceptor``.
    var trace: TraceContext?

    /// Whether more than one message goes either way.
    var isStream: Bool { method === session.context.methods.routed ? flags & 0x03 != 0 : method.kind != .unary }

    /// - Parameter version: what the request names; `nil`: nothing, or nobody has looked.
    func caller(_ version: APIVersion?) -> Caller {
        Caller(
            principal: principal ?? Session.nobody, connection: session.id, peer: session.peer, trace: trace,
            defaultApp: principal?.grants.onlyApp ?? session.listener.defaultApp,
            apiVersion: (version ?? session.context.apiVersions.current).number, apiVersionIsExplicit: version != nil)
    }
}

/// One step that every request goes through, unary or stream, before its handler. Thread-safe, allocation-free on success.
protocol Interceptor: Sendable {
    /// Fills in what it knows, or refuses the request.
    func admit(_ request: inout Incoming) throws(Failure)
}

/// What is cheap and protects the daemon comes first.
enum InterceptorChain {
    /// Calls them by type: a list of `any Interceptor` would cost as much as some of them do.
    static func admit(_ request: inout Incoming) throws(Failure) {
        try LimitInterceptor().admit(&request)
        try AuthenticationInterceptor().admit(&request)
        try DeadlineInterceptor().admit(&request)
        try TracingInterceptor().admit(&request)
        try MetricsInterceptor().admit(&request)
    }
}

/// Refuses what the connection or the daemon has no room for.
struct LimitInterceptor: Interceptor {
    func admit(_ request: inout Incoming) throws(Failure) {
        let session = request.session
        let context = session.context
        if context.dispatcher.isDraining, !request.method.worksWhileDraining {
            throw Failure(
                .unavailable, "the daemon is stopping; the call was not executed", retryNanos: 1_000_000_000)
        }
        guard session.openCount < context.limits.maxStreams else {
            throw Failure(
                .busy,
                "the connection has \(context.limits.maxStreams) calls open, its limit (max-streams); wait for answers",
                retryNanos: 10_000_000, quota: "max-streams")
        }
        guard session.queuedOutput <= context.limits.maxOutputBytes else {
            throw Failure(
                .busy,
                "\(context.limits.maxOutputBytes) bytes of answers wait to be read, the limit (max-output-mib); "
                    + "read them first", retryNanos: 10_000_000, quota: "max-output-mib")
        }
    }
}

/// Says who calls, and whether that one may.
struct AuthenticationInterceptor: Interceptor {
    func admit(_ request: inout Incoming) throws(Failure) {
        let principal = try request.session.authenticate(request.envelope)
        request.principal = principal
        let grants = principal.grants
        let allowed =
            switch request.method.access {
            case .known: true
            case .read: grants.allowsRead
            case .admin: grants.allowsAdmin
            case .call: grants.allowsSomeCalls
            }
        guard allowed else {
            let name =
                request.method.service.isEmpty ? "this call" : "\(request.method.service)/\(request.method.name)"
            let scope: StaticString =
                switch request.method.access {
                case .known, .read: "read"
                case .admin: "admin"
                case .call: "invoke"
                }
            throw Failure(.notPermitted, "\(principal) may not use \(name); it needs the scope \(scope)")
        }
    }
}

/// Finds out how long the caller waits.
struct DeadlineInterceptor: Interceptor {
    func admit(_ request: inout Incoming) throws(Failure) {
        var nanos = request.envelope.timeoutNanos
        // Go's client sends neither timeout nor metadata on streams by itself; the metadata can be added by hand.
        if nanos == 0, let text = request.envelope.metadata("fnrpc-timeout") {
            guard let value = TimeoutText.nanoseconds(text) else {
                throw Failure(
                    .invalid,
                    "fnrpc-timeout: \(quoted(String(decoding: text, as: UTF8.self))) is no time; write 500ms, 10s or 2m"
                )
            }
            nanos = value == 0 ? -1 : value
        }
        guard nanos >= 0 else { throw Failure(.timeout, "the deadline had passed when the call arrived") }
        request.timeoutNanos = nanos
    }
}

/// Takes the trace of the call over.
struct TracingInterceptor: Interceptor {
    func admit(_ request: inout Incoming) throws(Failure) {
        if let text = request.envelope.metadata("traceparent") { request.trace = TraceContext(text) }
    }
}

/// Counts what goes on to a handler; how it ended is counted with its answer.
struct MetricsInterceptor: Interceptor {
    func admit(_ request: inout Incoming) throws(Failure) {
        request.method.metrics.started.increment()
    }
}

extension Method {
    /// Whether the versions of the daemon's own methods mean anything to it, and its answers name one.
    var hasVersion: Bool {
        switch handler {
        case .immediate, .deferred, .unary, .streaming: true
        case .echo, .hello, .invoke, .invokeStream: false
        }
    }

    /// Whether it is a call of a function, which has an id from its arrival on.
    var callsFunction: Bool {
        switch handler {
        case .invoke, .invokeStream: true
        case .echo, .hello, .immediate, .deferred, .unary, .streaming: false
        }
    }

    /// Whether it answers while the daemon stops: who looks at the end should see it.
    var worksWhileDraining: Bool { access == .read || access == .known || (access == .call && isUnaryTask) }

    /// Whether it is a method of the daemon's own that runs as a task: `Invocation/Cancel`, of those that need `invoke`.
    private var isUnaryTask: Bool {
        switch handler {
        case .unary, .immediate: true;
        default: false
        }
    }
}
