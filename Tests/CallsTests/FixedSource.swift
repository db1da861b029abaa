import Catalog
import Model

/// A catalog's source that changes only when a test says so. Thread-safe.
final class FixedSource: CatalogSource {
    let app: App
    private let content: Lock<(functions: [CatalogFunction], triggers: [Trigger])>

    var functions: [CatalogFunction] { content.withLock { $0.functions } }
    var triggers: [Trigger] { content.withLock { $0.triggers } }

    init(app: App, functions: [CatalogFunction], triggers: [Trigger]) {
        self.app = app
        content = Lock((functions, triggers))
    }

    func change(_ body: (inout [CatalogFunction], inout [Trigger]) -> Void) {
        content.withLock { body(&$0.functions, &$0.triggers) }
    }

    func function(app: String, name: String) -> CatalogAnswer {
        guard app == self.app.name.text else { return .noApp }
        guard let found = functions.first(where: { $0.function.name.text == name }) else { return .noFunction }
        return .found(found)
    }

    func function(id: Identifier) -> CatalogAnswer {
        functions.first { $0.function.meta.id == id }.map { .found($0) } ?? .noFunction
    }

    func triggers(app: String) -> (app: Identifier, triggers: [Trigger])? {
        app == self.app.name.text ? (self.app.meta.id, triggers) : nil
    }

    func servers(of service: String) -> [(app: String, function: Identifier)] { [] }
}
