internal import Calls
internal import Catalog
internal import Model
internal import Store
internal import Wire

/// `grpc.health.v1.Health`: `""` is the daemon, `app/function` a function, any other name a service.
struct HealthHandler: Sendable {
    /// Functions in one answer of List, which has no pages.
    private static let maxListed = 10_000
    /// Bytes of a function in it beside its name, at most.
    private static let entryBytes = 16
    private static let service = "grpc.health.v1.Health"

    let context: AdminContext

    func register(in list: inout MethodList) {
        list.add(Self.service, "Check", .known) { (request: HealthCheckRequest, caller: Caller) in
            guard let status = status(request.service, for: caller) else {
                throw Failure(
                    .notFound,
                    "service \(quoted(request.service)): unknown; \"\" asks for the daemon, app/function for a function"
                )
            }
            return HealthCheckResponse(status: status)
        }
        list.add(Self.service, "Watch", .serverStreaming, .known, .streaming { try await watch($0) })
        list.add(Self.service, "List", .read) { (_: HealthListRequest, _: Caller) in try all() }
    }

    /// `nil`: it is not there, or not for this caller.
    private func status(_ name: String, for caller: Caller) -> HealthCheckResponse.Status? {
        let now: HealthCheckResponse.Status = context.dispatcher.isDraining ? .notServing : .serving
        if name.isEmpty { return now }
        if context.ownServices.withLock({ $0.contains(name) }) { return now }
        let source = context.catalog.source
        let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else {
            let isServed = source.servers(of: name).contains { server in
                source.function(id: server.function).contents.map { caller.maySee($0.function) } ?? false
            }
            return isServed ? now : nil
        }
        guard case .found(let found) = source.function(app: parts[0], name: parts[1]), caller.maySee(found.function)
        else { return nil }
        return now
    }

    /// Sends the state now and whenever it has changed, until the caller leaves.
    private func watch(_ stream: ServerStream) async throws -> [UInt8]? {
        let request = try HealthCheckRequest(decoding: stream.request, strict: true)
        var last: HealthCheckResponse.Status?
        while true {
            // Read before the look, so that no change is missed in between.
            let seen = context.changes.count
            let status = status(request.service, for: stream.caller) ?? .serviceUnknown
            if status != last {
                last = status
                try await stream.send(HealthCheckResponse(status: status).encoded())
            }
            try await context.changes.wait(beyond: seen)
        }
    }

    private func all() throws -> HealthListResponse {
        let now: HealthCheckResponse.Status = context.dispatcher.isDraining ? .notServing : .serving
        var answer = HealthListResponse(statuses: [HealthListResponse.Entry(name: "", status: now)])
        var bytes = 0
        var walk = FunctionWalk(context.store)
        while let (app, function) = try walk.next() {
            let name = app.key + "/" + function.key
            bytes += name.utf8.count + Self.entryBytes
            guard answer.statuses.count <= Self.maxListed, bytes <= PageRequest.maxBytes else {
                let count = try context.store.countByAPIVersion()[.function]?.values.reduce(0, +) ?? 0
                throw Failure(
                    .tooLarge,
                    "\(count) functions are too many for one answer, which has at most \(Self.maxListed) and "
                        + "\(PageRequest.maxBytes) bytes; use Check, or Functions/List", quota: "health_list")
            }
            answer.statuses.append(HealthListResponse.Entry(name: name, status: now))
        }
        return answer
    }
}
