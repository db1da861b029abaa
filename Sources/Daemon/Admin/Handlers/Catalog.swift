internal import Calls
internal import Model
internal import Store
internal import Wire

/// `fnrpc.v1.Apps`.
struct AppsHandler: Sendable {
    let context: AdminContext

    func register(in list: inout MethodList) {
        list.addChange("fnrpc.v1.Apps", "Create", target: { [("app", $0.name)] }) {
            (request: CreateAppRequest, _: Caller) in
            let name = try Name(request.name, field: "name")
            try FunctionSpec.checkNotes("labels", request.labels)
            let app = try await context.store.createApp(name: name, labels: request.labels)
            context.changes.announce()
            return app
        }
        list.add("fnrpc.v1.Apps", "Get", .read) { (request: GetAppRequest, _: Caller) in
            try await context.store.app(request.app)
        }
        list.add("fnrpc.v1.Apps", "List", .read) { (request: ListAppsRequest, _: Caller) in
            let page = try await context.store.apps(page: PageRequest(request.page))
            return ListAppsResponse(apps: page.items, nextCursor: page.nextCursor)
        }
    }
}

/// `fnrpc.v1.Functions`.
struct FunctionsHandler: Sendable {
    let context: AdminContext

    func register(in list: inout MethodList) {
        list.addChange(
            "fnrpc.v1.Functions", "Deploy",
            target: { [("app", $0.app), ("function", $0.function), ("package", $0.packageDigest)] }
        ) { (request: DeployRequest, _: Caller) in try await deploy(request) }
        list.add("fnrpc.v1.Functions", "Get", .read) { (request: GetFunctionRequest, _: Caller) in
            try await context.store.function(app: request.app, function: request.function)
        }
        list.add("fnrpc.v1.Functions", "List", .read) { (request: ListFunctionsRequest, _: Caller) in
            let page = try await context.store.functions(app: request.app, page: PageRequest(request.page))
            return ListFunctionsResponse(functions: page.items, nextCursor: page.nextCursor)
        }
    }

    /// Bytes of a version's description.
    private static let maxDescription = 255

    private func deploy(_ request: DeployRequest) async throws -> DeployResponse {
        let app = try Name(request.app, field: "app")
        let function = try Name(request.function, field: "function")
        let spec = try request.spec.validated()
        try FunctionSpec.checkNotes("labels", request.labels)
        guard request.description.utf8.count <= Self.maxDescription else {
            throw Failure(
                .invalid,
                "description: \(request.description.utf8.count) bytes are over the limit of \(Self.maxDescription)")
        }
        let digest = try Digest(request.packageDigest, field: "package_digest")
        let result = try await context.store.deploy(
            Deployment(
                app: app, function: function, spec: spec, package: digest, description: request.description,
                labels: request.labels, interpreter: context.driver.interpreters[spec.runtime] ?? ""))
        context.changes.announce()
        return DeployResponse(
            function: result.function, version: result.version, createdApp: result.createdApp,
            createdFunction: result.createdFunction)
    }
}

/// `fnrpc.v1.Versions`.
struct VersionsHandler: Sendable {
    let context: AdminContext

    func register(in list: inout MethodList) {
        list.add("fnrpc.v1.Versions", "Get", .read) { (request: GetVersionRequest, _: Caller) in
            try await context.store.version(app: request.app, function: request.function, number: request.number)
        }
        list.add("fnrpc.v1.Versions", "List", .read) { (request: ListVersionsRequest, _: Caller) in
            let page = try await context.store.versions(
                app: request.app, function: request.function, page: PageRequest(request.page))
            return ListVersionsResponse(versions: page.items, nextCursor: page.nextCursor)
        }
    }
}

extension PageRequest {
    /// The page that a message asks for.
    init(_ page: Wire.Page) {
        self.init(cursor: page.cursor, size: page.size)
    }
}
