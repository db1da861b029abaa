import Catalog
import Model

/// A source without functions.
struct EmptySource: CatalogSource {
    func function(app: String, name: String) -> CatalogAnswer { .noApp }
    func function(id: Identifier) -> CatalogFunction? { nil }
    func triggers(app: String) -> (app: Identifier, triggers: [Trigger])? { nil }
    func servers(of service: String) -> [(app: String, function: Identifier)] { [] }
}
