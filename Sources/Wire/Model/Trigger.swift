/// Where calls by path go.
package struct Trigger: Hashable, Sendable {
    /// How calls arrive.
    package enum Kind: String, Sendable, CaseIterable {
        /// By a path.
        case http
    }

    package var meta: Meta
    /// Never changes.
    package var appID: Identifier
    /// A function of the same app.
    package var functionID: Identifier
    /// Unique within the app; never changes.
    package var name: Name
    package var type: Kind
    /// `/exact`, `/prefix/*`, `/parameter/:name`; no other trigger of the app matches exactly the same paths.
    package var source: String
    /// 0: the working copy, or the alias.
    package var version: UInt32
    /// Instead of a version.
    package var aliasID: Identifier?
    /// Instead of a version: the highest that is published when the call comes.
    package var isLatest: Bool
    /// Whether it was made as a route: its function goes with it.
    package var ownsFunction: Bool

    /// Whether calls run a published version, and never the working copy.
    package var isPinned: Bool { version > 0 || aliasID != nil || isLatest }

    package init(
        meta: Meta, appID: Identifier, functionID: Identifier, name: Name, type: Kind = .http, source: String,
        version: UInt32 = 0, aliasID: Identifier? = nil, isLatest: Bool = false, ownsFunction: Bool = false
    ) {
        self.meta = meta
        self.appID = appID
        self.functionID = functionID
        self.name = name
        self.type = type
        self.source = source
        self.version = version
        self.aliasID = aliasID
        self.isLatest = isLatest
        self.ownsFunction = ownsFunction
    }
}
