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

    /// By its place: that of a string enumeration would hash the text, in every look-up of an entity.
    package func hash(into hasher: inout Hasher) {
        switch self {
        case .app: hasher.combine(0 as UInt8)
        case .function: hasher.combine(1 as UInt8)
        case .version: hasher.combine(2 as UInt8)
        case .alias: hasher.combine(3 as UInt8)
        case .trigger: hasher.combine(4 as UInt8)
        case .runtime: hasher.combine(5 as UInt8)
        case .secret: hasher.combine(6 as UInt8)
        case .token: hasher.combine(7 as UInt8)
        case .package: hasher.combine(8 as UInt8)
        }
    }

    /// The kind that an entity of this one belongs to; `nil`: none.
    package var parent: EntityKind? {
        switch self {
        case .app, .runtime, .token, .package: nil
        case .function, .trigger, .secret: .app
        case .version, .alias: .function
        }
    }
}
