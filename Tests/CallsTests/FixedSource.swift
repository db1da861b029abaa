import Catalog
import Model

/// A catalog's source that never changes.
struct FixedSource: CatalogSource {
    let app: App
    let functions: [CatalogFunction]
    let triggers: [Trigger]

    func function(app: String, name: String) -> CatalogAnswer {
        guard app == self.app.name.text else { return .noApp }
        guard let found = functions.first(where: { $0.function.name.text == name }) else { return .noFunction }
        return .found(found)
    }

    func function(id: Identifier) -> CatalogFunction? { functions.first { $0.function.meta.id == id } }

    func triggers(app: String) -> (app: Identifier, triggers: [Trigger])? {
        app == self.app.name.text ? (self.app.meta.id, triggers) : nil
    }

    func servers(of service: String) -> [(app: String, function: Identifier)] { [] }
}
