package import Model

/// Everything of one function that calls need.
package struct CatalogFunction: Sendable {
    package var app: App
    package var function: Function
    /// Those that are published, in any order.
    package var versions: [Version]
    package var aliases: [Alias]
    /// The revisions of the app's secrets, by their names.
    package var secretRevisions: [String: UInt64]
    /// Versions and aliases that this daemon cannot read.
    package var unreadable: [Unreadable]

    /// A version or an alias of a newer daemon: it is there, and cannot be called.
    package struct Unreadable: Sendable {
        package let id: Identifier
        /// A version's number, an alias' name: no alias has that of a number.
        package let name: String
        /// What a call is told.
        package let failure: Failure

        package init(id: Identifier, name: String, failure: Failure) {
            self.id = id
            self.name = name
            self.failure = failure
        }
    }

    package init(
        app: App, function: Function, versions: [Version], aliases: [Alias] = [],
        secretRevisions: [String: UInt64] = [:], unreadable: [Unreadable] = []
    ) {
        self.app = app
        self.function = function
        self.versions = versions
        self.aliases = aliases
        self.secretRevisions = secretRevisions
        self.unreadable = unreadable
    }
}

/// What a look-up of a function found.
package enum CatalogAnswer: Sendable {
    case found(CatalogFunction)
    case noApp
    case noFunction
    /// It is there, and this daemon cannot read it: a newer one has stored it.
    case unreadable(Failure)

    /// `nil`: there is nothing that can be read.
    package var contents: CatalogFunction? { if case .found(let contents) = self { contents } else { nil } }
}

/// Where the ``Catalog`` learns what there is. Thread-safe; answers from memory, on the threads of calls.
///
/// It shows a change no later than it tells the catalog of it. Apps and functions are named by their names or their ids,
/// as text.
package protocol CatalogSource: Sendable {
    func function(app: String, name: String) -> CatalogAnswer
    func function(id: Identifier) -> CatalogAnswer
    /// An app's triggers; `nil`: there is no such app.
    func triggers(app: String) -> (app: Identifier, triggers: [Trigger])?
    /// The functions that serve a service under its own name: at most one of each app, sorted by the app's name.
    func servers(of service: String) -> [(app: String, function: Identifier)]
}
