internal import Calls
internal import Model
internal import Store
internal import Wire

/// `fnrpc.v1.Entities`.
struct EntitiesHandler: Sendable {
    private static let service = "fnrpc.v1.Entities"
    let context: AdminContext

    func register(in list: inout MethodList) {
        let context = context
        list.add(Self.service, "CountByApiVersion", .read) { (request: CountByApiVersionRequest, _: Caller) in
            try context.store.countByApiVersion(request)
        }
        // Tokens are for administrators alone, and this reads them too.
        list.add(Self.service, "GetRaw", .admin) { (request: GetRawRequest, _: Caller) in
            try await context.store.raw(request)
        }
        list.addChange(
            Self.service, "PurgeByApiVersion",
            target: {
                [
                    ("api_version", $0.apiVersion.map(String.init) ?? ""), ("kind", $0.kind),
                    ("confirm", String($0.confirm)),
                ]
            }
        ) { (request: PurgeByApiVersionRequest, _: Caller) in
            let operation: @Sendable (Transaction) throws(Failure) -> PurgeByApiVersionResponse = {
                (transaction) throws(Failure) in try transaction.purge(request)
            }
            // No dialect: what stays is not rewritten in the caller's.
            let change = ChangeContext(now: .now())
            if !request.confirm { return try await context.store.preview(change, operation).0 }
            let response = try await context.store.change(change, operation)
            try await context.authenticator.reload { () throws(Failure) in try context.store.allTokens() }
            return response
        }
        list.addStreamChange(
            Self.service, "Migrate", .serverStreaming,
            target: { payload in
                guard let request = try? MigrateEntitiesRequest(decoding: payload, strict: true) else { return [] }
                return [("to", request.to.map(String.init) ?? ""), ("dry_run", String(request.dryRun))]
            }, { stream in try await migrate(stream) })
    }

    private func migrate(_ stream: ServerStream) async throws -> [UInt8]? {
        let request = try MigrateEntitiesRequest(decoding: stream.request, strict: true)
        if let to = request.to, context.apiVersions.all.contains(where: { $0.number == to && $0.status == .test }),
            !context.apiVersions.allowsTest
        {
            throw Failure(
                .precondition,
                "to: \(to) is a test version; the daemon stores entities in it with the setting allow-test-versions only"
            )
        }
        try await context.store.migrate(request) { try await stream.send($0.encoded()) }
        return nil
    }
}
