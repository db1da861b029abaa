internal import Catalog
internal import Model
internal import Store
internal import Synchronization
internal import Wire

/// `grpc.health.v1.Health`.
struct HealthHandler: Sendable {
    let context: AdminContext

    func register(in table: inout MethodTable) {
        table.add("grpc.health.v1.Health", "Check") { (request: HealthCheckRequest) in
            guard request.service.isEmpty else {
                throw Failure(.notFound, "service \(quoted(request.service)): unknown; \"\" asks for the daemon")
            }
            return HealthCheckResponse(status: context.dispatcher.isDraining ? .notServing : .serving)
        }
    }
}

/// `fnrpc.v1.Apps`.
struct AppsHandler: Sendable {
    let context: AdminContext

    func register(in table: inout MethodTable) {
        table.add("fnrpc.v1.Apps", "Create") { (request: CreateAppRequest) in
            try context.refuseWhileDraining()
            let name = try Name(request.name, field: "name")
            try FunctionSpec.checkNotes("labels", request.labels)
            let app = try await context.store.createApp(name: name, labels: request.labels)
            context.catalog.add(app: app)
            return app
        }
        table.add("fnrpc.v1.Apps", "Get") { (request: GetAppRequest) in try await context.store.app(request.app) }
        table.add("fnrpc.v1.Apps", "List") { (request: ListAppsRequest) in
            let page = try await context.store.apps(page: PageRequest(request.page))
            return ListAppsResponse(apps: page.items, nextCursor: page.nextCursor)
        }
    }
}

/// `fnrpc.v1.Functions`.
struct FunctionsHandler: Sendable {
    let context: AdminContext

    func register(in table: inout MethodTable) {
        table.add("fnrpc.v1.Functions", "Deploy") { (request: DeployRequest) in try await deploy(request) }
        table.add("fnrpc.v1.Functions", "Get") { (request: GetFunctionRequest) in
            try await context.store.function(app: request.app, function: request.function)
        }
        table.add("fnrpc.v1.Functions", "List") { (request: ListFunctionsRequest) in
            let page = try await context.store.functions(app: request.app, page: PageRequest(request.page))
            return ListFunctionsResponse(functions: page.items, nextCursor: page.nextCursor)
        }
    }

    /// Bytes of a version's description.
    private static let maxDescription = 255

    private func deploy(_ request: DeployRequest) async throws -> DeployResponse {
        try context.refuseWhileDraining()
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
        context.catalog.add([Runnable(function: result.function, version: result.version)])
        return DeployResponse(
            function: result.function, version: result.version, createdApp: result.createdApp,
            createdFunction: result.createdFunction)
    }
}

/// `fnrpc.v1.Versions`.
struct VersionsHandler: Sendable {
    let context: AdminContext

    func register(in table: inout MethodTable) {
        table.add("fnrpc.v1.Versions", "Get") { (request: GetVersionRequest) in
            try await context.store.version(app: request.app, function: request.function, number: request.number)
        }
        table.add("fnrpc.v1.Versions", "List") { (request: ListVersionsRequest) in
            let page = try await context.store.versions(
                app: request.app, function: request.function, page: PageRequest(request.page))
            return ListVersionsResponse(versions: page.items, nextCursor: page.nextCursor)
        }
    }
}

/// `fnrpc.v1.Packages`.
struct PackagesHandler: Sendable {
    let context: AdminContext

    func register(in table: inout MethodTable) {
        let context = context
        table.add("fnrpc.v1.Packages", "Begin") { (request: BeginUploadRequest) in
            try context.refuseWhileDraining()
            let digest = try Digest(request.archiveDigest, field: "archive_digest")
            let upload = try await context.blocking { () throws(Failure) in
                try context.packages.begin(archiveDigest: digest, archiveBytes: request.archiveBytes)
            }
            switch upload {
            case .open(let id, let offset): return BeginUploadResponse(uploadID: id, offset: offset)
            case .stored(let package):
                // A crash may have come between the bytes and their row.
                let known = try await context.store.addPackage(package)
                return BeginUploadResponse(offset: package.bytes, packageDigest: known.digest.description)
            }
        }
        table.add("fnrpc.v1.Packages", "Upload") { (request: UploadChunkRequest) in
            let offset = try await context.blocking { () throws(Failure) in
                try context.packages.write(uploadID: request.uploadID, offset: request.offset, bytes: request.data)
            }
            return UploadChunkResponse(offset: offset)
        }
        table.add("fnrpc.v1.Packages", "Commit") { (request: CommitUploadRequest) in
            try context.refuseWhileDraining()
            let stored = try await context.blocking { () throws(Failure) in
                try context.packages.commit(uploadID: request.uploadID)
            }
            let package = try await context.store.addPackage(stored)
            return CommitUploadResponse(
                packageDigest: package.digest.description, packageBytes: package.bytes, entries: package.entries)
        }
    }
}

/// `fnrpc.v1.Calls`.
struct CallsHandler: Sendable {
    let context: AdminContext

    func register(in table: inout MethodTable) {
        // A caller that has its answer finds the record: what waits is written first.
        table.add("fnrpc.v1.Calls", "List") { (request: ListCallsRequest) in
            await context.recorder.flush()
            let page = try await context.store.calls(
                app: request.app, function: request.function, page: PageRequest(request.page))
            return ListCallsResponse(calls: page.items, nextCursor: page.nextCursor)
        }
        table.add("fnrpc.v1.Calls", "Get") { (request: GetCallRequest) in
            await context.recorder.flush()
            return try await context.store.call(request.id)
        }
        table.add("fnrpc.v1.Calls", "Logs") { (request: GetCallLogsRequest) in
            await context.recorder.flush()
            let log = try await context.store.callLog(request.id)
            return GetCallLogsResponse(log: log.bytes, truncated: log.truncated)
        }
    }
}

/// `fnrpc.v1.System`.
struct SystemHandler: Sendable {
    let context: AdminContext

    func register(in table: inout MethodTable) {
        table.add("fnrpc.v1.System", "Info") { (_: SystemInfoRequest) in
            let counts = try await context.store.counts()
            return SystemInfoResponse(
                version: context.version, wireProtocol: "ttrpc 1.2", apiVersions: [Meta.currentAPIVersion],
                schemaVersion: UInt32(context.store.schemaVersion), instance: context.store.instanceID.description,
                dataDir: context.dataDirectory, sandboxRuntime: context.driver.runtime,
                cgroups: context.driver.cgroupLayout.rawValue, userNamespaces: context.driver.userNamespaces,
                uptimeNanos: Instant.now().nanoseconds(since: context.startedAt), apps: UInt32(counts.apps),
                functions: UInt32(counts.functions),
                containers: UInt32(max(context.counters.containers.load(ordering: .relaxed), 0)),
                callsStarted: context.counters.callsStarted.load(ordering: .relaxed),
                callsFinished: context.counters.callsFinished.load(ordering: .relaxed),
                connections: UInt32(max(context.counters.connections.load(ordering: .relaxed), 0)),
                listeners: context.listeners.withLock { $0 })
        }
    }
}

extension PageRequest {
    /// The page that a message asks for.
    init(_ page: Wire.Page) {
        self.init(cursor: page.cursor, size: page.size)
    }
}

extension AdminContext {
    /// Changes are refused once the daemon stops; reading goes on.
    func refuseWhileDraining() throws(Failure) {
        if dispatcher.isDraining { throw Failure(.unavailable, "the daemon is stopping; nothing was changed") }
    }
}
