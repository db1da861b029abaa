import Catalog
import Model

/// A source with functions that never change.
struct FixedSource: CatalogSource {
    /// By `app/function`.
    private var functions: [String: CatalogFunction] = [:]

    init() {}

    /// Functions without versions.
    init(_ names: [(app: String, function: String)]) throws {
        for (index, name) in names.enumerated() {
            let app = App(
                meta: Self.meta(1, UInt64(index)), name: try Name(name.app, field: "app"))
            let function = Function(
                meta: Self.meta(2, UInt64(index)), appID: app.meta.id, appName: app.name,
                name: try Name(name.function, field: "function"),
                spec: FunctionSpec(runtime: .python, entry: "a.b", format: .ttrpc),
                package: Digest(bytes: [UInt8](repeating: 1, count: 32)), latestVersion: 0, lastVersionNumber: 0,
                workingVersion: 0)
            functions["\(name.app)/\(name.function)"] = CatalogFunction(app: app, function: function, versions: [])
        }
    }

    private static func meta(_ high: UInt64, _ low: UInt64) -> Meta {
        Meta(id: Identifier(high: high, low: low), createdAt: Timestamp(nanoseconds: 0))
    }

    func function(app: String, name: String) -> CatalogAnswer {
        functions["\(app)/\(name)"].map { .found($0) } ?? .noFunction
    }
    func function(id: Identifier) -> CatalogAnswer {
        functions.values.first { $0.function.meta.id == id }.map { .found($0) } ?? .noFunction
    }
    func triggers(app: String) -> (app: Identifier, triggers: [Trigger])? { nil }
    func servers(of service: String) -> [(app: String, function: Identifier)] { [] }
}

extension Catalog {
    /// What is called by these names.
    func runnable(_ app: String, _ function: String) -> Runnable? {
        let result = Grants.withBytes(app.utf8) { app in
            Grants.withBytes(function.utf8) { find(app: app, function: $0) { _ in 0 } }
        }
        guard case .runnable(let runnable) = result else { return nil }
        return runnable
    }
}
