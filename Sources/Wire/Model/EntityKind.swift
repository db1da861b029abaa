/// The kinds of stored entities.
package enum EntityKind: String, Sendable, CaseIterable {
    case app
    case function
    case version
    case alias
    case trigger
    case runtime
    case secret
    case token
    case package

    /// The kind that an entity of this one belongs to; `nil`: none.
    package var parent: EntityKind? {
        switch self {
        case .app, .runtime, .token, .package: nil
        case .function, .trigger, .secret: .app
        case .version, .alias: .function
        }
    }
}
