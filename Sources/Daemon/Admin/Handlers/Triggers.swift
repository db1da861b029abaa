internal import Calls
internal import Model
internal import Store
internal import Wire

/// `fnrpc.v1.Triggers`.
struct TriggersHandler: Sendable {
    private static let service = "fnrpc.v1.Triggers"
    let context: AdminContext

    func register(in list: inout MethodList) {
        let store = context.store
        list.addOperation(Self.service, "Create", target: { [("app", $0.app), ("trigger", $0.name)] }) {
            (request: CreateTriggerRequest, transaction) throws(Failure) in try transaction.createTrigger(request)
        }
        list.addGet(Self.service) { (request: GetTriggerRequest, tables) throws(Failure) in
            try tables.named(request.trigger, .trigger, in: try tables.named(request.app, .app))
        }
        list.addList(Self.service) { (request: ListTriggersRequest) throws(Failure) in
            var function: Identifier?
            if !request.function.isEmpty {
                function = try store.read { (tables) throws(Failure) in
                    try tables.function(request.app, request.function).id
                }
            }
            return try store.list(
                .trigger, ListRequest(request.page, request.filter),
                of: { (tables) throws(Failure) in try tables.named(request.app, .app) },
                where: { [function] row in function.map { row.references.contains($0) } ?? true })
        }
        list.addOperation(Self.service, "Update", target: { [("app", $0.app ?? ""), ("trigger", $0.trigger ?? "")] }) {
            (request: UpdateTriggerRequest, transaction) throws(Failure) in try transaction.updateTrigger(request)
        }
        list.addOperation(Self.service, "Delete", target: { [("app", $0.app), ("trigger", $0.trigger)] }) {
            (request: DeleteTriggerRequest, transaction) throws(Failure) in try transaction.deleteTrigger(request)
        }
    }
}

/// `fnrpc.v1.Routes`.
struct RoutesHandler: Sendable {
    private static let service = "fnrpc.v1.Routes"
    let context: AdminContext

    func register(in list: inout MethodList) {
        list.addOperation(Self.service, "Create", target: { [("app", $0.app), ("path", $0.path)] }) {
            (request: CreateRouteRequest, transaction) throws(Failure) in try transaction.createRoute(request)
        }
        list.add(Self.service, "Get", .read) { (request: GetRouteRequest, _: Caller) in
            try context.store.route(request.path, of: request.app)
        }
        list.addList(Self.service) { (request: ListRoutesRequest) throws(Failure) in
            try context.store.routes(request)
        }
        list.addOperation(Self.service, "Update", target: { [("app", $0.app ?? ""), ("path", $0.path ?? "")] }) {
            (request: UpdateRouteRequest, transaction) throws(Failure) in try transaction.updateRoute(request)
        }
        list.addOperation(Self.service, "Delete", target: { [("app", $0.app), ("path", $0.path)] }) {
            (request: DeleteRouteRequest, transaction) throws(Failure) in try transaction.deleteRoute(request)
        }
    }
}

/// `fnrpc.v1.Runtimes`.
struct RuntimesHandler: Sendable {
    private static let service = "fnrpc.v1.Runtimes"
    let context: AdminContext

    func register(in list: inout MethodList) {
        let store = context.store
        list.addOperation(Self.service, "Create", target: { [("runtime", $0.name)] }) {
            (request: CreateRuntimeRequest, transaction) throws(Failure) in try transaction.createRuntime(request)
        }
        list.addGet(Self.service) { (request: GetRuntimeRequest, tables) throws(Failure) in
            try tables.named(request.runtime, .runtime)
        }
        list.addList(Self.service) { (request: ListRuntimesRequest) throws(Failure) in
            try store.list(.runtime, ListRequest(request.page, request.filter))
        }
        list.addOperation(Self.service, "Update", target: { [("runtime", $0.runtime ?? "")] }) {
            (request: UpdateRuntimeRequest, transaction) throws(Failure) in try transaction.updateRuntime(request)
        }
        list.addOperation(Self.service, "Delete", target: { [("runtime", $0.runtime)] }) {
            (request: DeleteRuntimeRequest, transaction) throws(Failure) in try transaction.deleteRuntime(request)
        }
    }
}

/// `fnrpc.v1.Secrets`.
struct SecretsHandler: Sendable {
    private static let service = "fnrpc.v1.Secrets"
    let context: AdminContext

    func register(in list: inout MethodList) {
        let store = context.store
        list.addOperation(Self.service, "Create", target: { [("app", $0.app), ("secret", $0.name)] }) {
            (request: CreateSecretRequest, transaction) throws(Failure) in try transaction.createSecret(request)
        }
        list.addGet(Self.service) { (request: GetSecretRequest, tables) throws(Failure) in
            try tables.named(request.secret, .secret, in: try tables.named(request.app, .app))
        }
        list.addList(Self.service) { (request: ListSecretsRequest) throws(Failure) in
            try store.list(.secret, ListRequest(request.page, request.filter)) { (tables) throws(Failure) in
                try tables.named(request.app, .app)
            }
        }
        list.addOperation(Self.service, "Update", target: { [("app", $0.app ?? ""), ("secret", $0.secret ?? "")] }) {
            (request: UpdateSecretRequest, transaction) throws(Failure) in try transaction.updateSecret(request)
        }
        list.addOperation(Self.service, "Delete", target: { [("app", $0.app), ("secret", $0.secret)] }) {
            (request: DeleteSecretRequest, transaction) throws(Failure) in try transaction.deleteSecret(request)
        }
    }
}
