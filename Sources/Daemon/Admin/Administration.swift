internal import Access
package import Calls
internal import Model
internal import Wire

/// The daemon's own methods: each decodes a request, calls the rules, encodes the answer. One handler per noun.
package enum Administration {
    /// Every method of every service.
    package static func methods(_ context: AdminContext) -> [Method] {
        var list = MethodList(context: context)
        TransportHandler().register(in: &list)
        HealthHandler(context: context).register(in: &list)
        DiagnosticsHandler().register(in: &list)
        InvocationHandler(context: context).register(in: &list)
        AppsHandler(context: context).register(in: &list)
        FunctionsHandler(context: context).register(in: &list)
        VersionsHandler(context: context).register(in: &list)
        DownloadsHandler(context: context).register(in: &list)
        AliasesHandler(context: context).register(in: &list)
        TriggersHandler(context: context).register(in: &list)
        RoutesHandler(context: context).register(in: &list)
        RuntimesHandler(context: context).register(in: &list)
        SecretsHandler(context: context).register(in: &list)
        WorkersHandler(context: context).register(in: &list)
        EventsHandler(context: context).register(in: &list)
        PackagesHandler(context: context).register(in: &list)
        CallsHandler(context: context).register(in: &list)
        TokensHandler(context: context).register(in: &list)
        ConnectionsHandler(context: context).register(in: &list)
        ReflectionHandler(context: context).register(in: &list)
        SystemHandler(context: context).register(in: &list)
        EntitiesHandler(context: context).register(in: &list)
        MaintenanceHandler(context: context).register(in: &list)
        return list.methods
    }
}

/// Collects the methods of all handlers.
struct MethodList {
    /// What a change names, for the audit log.
    typealias Target = [(key: String, value: String)]

    let context: AdminContext
    private(set) var methods: [Method] = []

    init(context: AdminContext) {
        self.context = context
    }

    /// Adds a method as it is.
    mutating func add(
        _ service: String, _ name: String, _ kind: MethodKind = .unary, _ access: Permission, _ handler: Method.Handler,
        denied: (@Sendable ([UInt8], Caller) -> Void)? = nil
    ) {
        methods.append(Method(service, name, kind: kind, access: access, handler: handler, denied: denied))
    }

    /// Adds a unary method whose messages are typed.
    mutating func add<Request: WireMessage, Response: WireMessage>(
        _ service: String, _ name: String, _ access: Permission,
        _ run: @escaping @Sendable (Request, Caller) async throws -> Response
    ) {
        add(
            service, name, .unary, access,
            .unary { payload, caller in try await run(try Request(decoding: payload, strict: true), caller).encoded() })
    }

    /// Adds a unary method that changes something: whoever calls it, it is in the audit log, done or refused.
    mutating func addChange<Request: WireMessage, Response: WireMessage>(
        _ service: String, _ name: String, target: @escaping @Sendable (Request) -> Target,
        _ run: @escaping @Sendable (Request, Caller) async throws -> Response
    ) {
        let change = AuditedChange(context.audit, service, name, target)
        add(
            service, name, .unary, .admin, .unary { payload, caller in try await change.run(payload, caller, run) },
            denied: { change.denied($0, $1) })
    }

    /// Adds a streaming method that changes something: whoever calls it, it is in the audit log when it has ended.
    ///
    /// - Parameter target: from the payload of the request, which nobody has looked at.
    mutating func addStreamChange(
        _ service: String, _ name: String, _ kind: MethodKind, target: @escaping @Sendable ([UInt8]) -> Target,
        _ run: @escaping @Sendable (ServerStream) async throws -> [UInt8]?
    ) {
        let audit = context.audit
        @Sendable func record(_ payload: [UInt8], _ caller: Caller, _ failure: Failure.Code?) {
            audit.record("\(service)/\(name)", target(payload), by: caller, failure)
        }
        let handler = Method.Handler.streaming { stream in
            do {
                let answer = try await run(stream)
                record(stream.request, stream.caller, nil)
                return answer
            } catch {
                let isCancelled = error is CancellationError
                record(
                    stream.request, stream.caller,
                    (error as? Failure)?.code ?? (isCancelled ? .cancelled : .internalError))
                throw error
            }
        }
        add(service, name, kind, .admin, handler, denied: { record($0, $1, .notPermitted) })
    }
}
