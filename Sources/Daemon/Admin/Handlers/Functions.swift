internal import Calls
internal import Model
internal import Store
internal import Wire

/// `fnrpc.v1.Functions`.
struct FunctionsHandler: Sendable {
    private static let service = "fnrpc.v1.Functions"
    let context: AdminContext

    func register(in list: inout MethodList) {
        let (store, deletions) = (context.store, Deletions(context))
        list.addOperation(Self.service, "Create", target: { [("app", $0.app), ("function", $0.function)] }) {
            (request: CreateFunctionRequest, transaction) throws(Failure) in try transaction.createFunction(request)
        }
        list.addOperation(
            Self.service, "Deploy",
            target: { [("app", $0.app), ("function", $0.function), ("package", $0.packageDigest)] }
        ) { (request: DeployRequest, transaction) throws(Failure) in try transaction.deploy(request) }
        list.addGet(Self.service) { (request: GetFunctionRequest, tables) throws(Failure) in
            try tables.function(request.app, request.function)
        }
        list.addList(Self.service) { (request: ListFunctionsRequest) throws(Failure) in
            try store.list(.function, ListRequest(request.page, request.filter)) { (tables) throws(Failure) in
                try tables.named(request.app, .app)
            }
        }
        list.addOperation(Self.service, "Update", target: { [("app", $0.app ?? ""), ("function", $0.function ?? "")] })
        {
            (request: UpdateFunctionRequest, transaction) throws(Failure) in try transaction.updateFunction(request)
        }
        list.addChange(Self.service, "Delete", target: { [("app", $0.app), ("function", $0.function)] }) {
            (request: DeleteFunctionRequest, caller: Caller) in
            try await deletions.function(request) { ChangeContext(caller) }
        }
    }
}

/// `fnrpc.v1.Versions`.
struct VersionsHandler: Sendable {
    private static let service = "fnrpc.v1.Versions"
    let context: AdminContext

    func register(in list: inout MethodList) {
        let (store, deletions) = (context.store, Deletions(context))
        list.addOperation(Self.service, "Publish", target: { [("app", $0.app), ("function", $0.function)] }) {
            (request: PublishVersionRequest, transaction) throws(Failure) in try transaction.publishVersion(request)
        }
        list.addGet(Self.service) { (request: GetVersionRequest, tables) throws(Failure) in
            try tables.version(request.number, of: try tables.function(request.app, request.function))
        }
        list.addList(Self.service) { (request: ListVersionsRequest) throws(Failure) in
            try store.list(.version, ListRequest(request.page, request.filter)) { (tables) throws(Failure) in
                try tables.function(request.app, request.function)
            }
        }
        list.addOperation(
            Self.service, "Update",
            target: { [("app", $0.app ?? ""), ("function", $0.function ?? ""), ("version", "\($0.number ?? 0)")] }
        ) { (request: UpdateVersionRequest, transaction) throws(Failure) in try transaction.updateVersion(request) }
        list.addChange(
            Self.service, "Delete",
            target: { [("app", $0.app), ("function", $0.function), ("version", "\($0.number)")] }
        ) { (request: DeleteVersionRequest, caller: Caller) in
            try await deletions.version(request) { ChangeContext(caller) }
        }
        list.addOperation(
            Self.service, "Restore",
            target: { [("app", $0.app), ("function", $0.function), ("version", "\($0.number)")] }
        ) { (request: RestoreVersionRequest, transaction) throws(Failure) in try transaction.restoreVersion(request) }
    }
}

/// `fnrpc.v1.Aliases`.
struct AliasesHandler: Sendable {
    private static let service = "fnrpc.v1.Aliases"
    let context: AdminContext

    func register(in list: inout MethodList) {
        let store = context.store
        list.addOperation(
            Self.service, "Create", target: { [("app", $0.app), ("function", $0.function), ("alias", $0.name)] }
        ) { (request: CreateAliasRequest, transaction) throws(Failure) in try transaction.createAlias(request) }
        list.addGet(Self.service) { (request: GetAliasRequest, tables) throws(Failure) in
            try tables.named(request.alias, .alias, in: try tables.function(request.app, request.function))
        }
        list.addList(Self.service) { (request: ListAliasesRequest) throws(Failure) in
            try store.list(.alias, ListRequest(request.page, request.filter)) { (tables) throws(Failure) in
                try tables.function(request.app, request.function)
            }
        }
        list.addOperation(
            Self.service, "Update",
            target: { [("app", $0.app ?? ""), ("function", $0.function ?? ""), ("alias", $0.alias ?? "")] }
        ) { (request: UpdateAliasRequest, transaction) throws(Failure) in try transaction.updateAlias(request) }
        list.addOperation(
            Self.service, "Rollback", target: { [("app", $0.app), ("function", $0.function), ("alias", $0.alias)] }
        ) { (request: RollbackAliasRequest, transaction) throws(Failure) in try transaction.rollbackAlias(request) }
        list.addOperation(
            Self.service, "Delete", target: { [("app", $0.app), ("function", $0.function), ("alias", $0.alias)] }
        ) { (request: DeleteAliasRequest, transaction) throws(Failure) in try transaction.deleteAlias(request) }
    }
}
