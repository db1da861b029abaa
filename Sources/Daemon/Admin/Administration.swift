internal import Calls
internal import Catalog
package import Model
internal import Telemetry
internal import Wire

/// The daemon's own services: decodes a request, calls the rules, encodes the answer. One file per noun. Thread-safe.
package final class Administration: ServiceRouter {
    /// A unary method: request bytes in, response bytes out.
    typealias Method = @Sendable ([UInt8]) async throws -> [UInt8]

    let context: AdminContext
    private let methods: [String: Method]
    private let services: Set<String>

    package init(_ context: AdminContext) {
        self.context = context
        var table = MethodTable()
        HealthHandler(context: context).register(in: &table)
        AppsHandler(context: context).register(in: &table)
        FunctionsHandler(context: context).register(in: &table)
        VersionsHandler(context: context).register(in: &table)
        PackagesHandler(context: context).register(in: &table)
        CallsHandler(context: context).register(in: &table)
        SystemHandler(context: context).register(in: &table)
        methods = table.methods
        services = table.services
    }

    package func handle(
        _ service: String, _ method: String, _ payload: [UInt8],
        reply: @escaping @Sendable (Result<[UInt8], Failure>) -> Void
    ) {
        guard let run = methods[service + "/" + method] else {
            // Go's wording; clients match on it.
            let known = services.contains(service) || service == "fnrpc.v1.Invocation"
            return reply(.failure(Failure(.unimplemented, known ? "method \(method)" : "service \(service)")))
        }
        Task { [context] in
            do {
                reply(.success(try await run(payload)))
            } catch let failure as Failure {
                if failure.code == .internalError { context.log("\(service)/\(method): \(failure.message)") }
                reply(.failure(failure))
            } catch {
                context.log("\(service)/\(method): \(error)")
                reply(.failure(Failure(.internalError, "the daemon failed; its log says why")))
            }
        }
    }
}

/// Collects the methods of all handlers.
struct MethodTable {
    private(set) var methods: [String: Administration.Method] = [:]
    private(set) var services: Set<String> = []

    /// Adds a method whose messages are typed.
    mutating func add<Request: WireMessage, Response: WireMessage>(
        _ service: String, _ method: String, _ run: @escaping @Sendable (Request) async throws -> Response
    ) {
        services.insert(service)
        methods[service + "/" + method] = { payload in
            try await run(try Request(decoding: payload, strict: true)).encoded()
        }
    }
}
