package import Model
package import Wire

/// What can be a ``Row``.
package protocol Entity: WireMessage {
    static var kind: EntityKind { get }
    var meta: Meta { get set }
    /// What it belongs to.
    var parentID: Identifier? { get }
    /// Unique among its kind and parent.
    var key: String { get }
    /// What no other of its kind and parent may have.
    var claims: [String] { get }
}

extension Entity {
    package var parentID: Identifier? { nil }
    package var claims: [String] { [] }
}

extension App: Entity {
    package static var kind: EntityKind { .app }
    package var key: String { name.text }
}

extension Function: Entity {
    package static var kind: EntityKind { .function }
    package var parentID: Identifier? { appID }
    package var key: String { name.text }
    package var claims: [String] { spec.services }
}

extension Version: Entity {
    package static var kind: EntityKind { .version }
    package var parentID: Identifier? { functionID }
    package var key: String { VersionKey.text(number) }
}

extension Alias: Entity {
    package static var kind: EntityKind { .alias }
    package var parentID: Identifier? { functionID }
    package var key: String { name.text }
}

extension Trigger: Entity {
    package static var kind: EntityKind { .trigger }
    package var parentID: Identifier? { appID }
    package var key: String { name.text }
    package var claims: [String] { (try? TriggerSource(source, field: "source")).map { [$0.conflictKey] } ?? [] }
}

extension Runtime: Entity {
    package static var kind: EntityKind { .runtime }
    package var key: String { name.text }
}

extension Secret: Entity {
    package static var kind: EntityKind { .secret }
    package var parentID: Identifier? { appID }
    package var key: String { name.text }
}

extension Token: Entity {
    package static var kind: EntityKind { .token }
    package var key: String { name.text }
}

extension StoredPackage: Entity {
    package static var kind: EntityKind { .package }
    package var key: String { digest.description }
}
