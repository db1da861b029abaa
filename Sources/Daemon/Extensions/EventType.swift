/// What listeners are told of. The raw values are the names in `fnrpc.ext.v1`.
package enum EventType: String, Sendable, CaseIterable {
    case appCreate = "app.create"
    case appUpdate = "app.update"
    case appDelete = "app.delete"
    case appGet = "app.get"
    case appList = "app.list"
    case functionCreate = "function.create"
    case functionUpdate = "function.update"
    case functionDelete = "function.delete"
    case triggerCreate = "trigger.create"
    case triggerUpdate = "trigger.update"
    case triggerDelete = "trigger.delete"
    case call

    /// Whether it is about an entity that becomes another, and not about a look at one or a call.
    package var isChange: Bool {
        switch self {
        case .appGet, .appList, .call: false
        case .appCreate, .appUpdate, .appDelete, .functionCreate, .functionUpdate, .functionDelete, .triggerCreate,
            .triggerUpdate, .triggerDelete:
            true
        }
    }
}

/// A set of events, of either phase.
package struct Interest: Equatable, Sendable {
    let rawValue: UInt32

    init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// - Parameters:
    ///   - before: events of which one is asked.
    ///   - after: events of which one is told.
    package init(before: [EventType] = [], after: [EventType] = []) {
        var bits: UInt32 = 0
        for type in before { bits |= Self.bit(type, .before) }
        for type in after { bits |= Self.bit(type, .after) }
        rawValue = bits
    }

    /// Everything.
    package static let everything = Interest(before: EventType.allCases, after: EventType.allCases)

    /// Whether an event of a phase is in it.
    package func contains(_ type: EventType, _ phase: EventPhase) -> Bool { rawValue & Self.bit(type, phase) != 0 }

    private static func bit(_ type: EventType, _ phase: EventPhase) -> UInt32 {
        let index: UInt32 =
            switch type {
            case .appCreate: 0
            case .appUpdate: 1
            case .appDelete: 2
            case .appGet: 3
            case .appList: 4
            case .functionCreate: 5
            case .functionUpdate: 6
            case .functionDelete: 7
            case .triggerCreate: 8
            case .triggerUpdate: 9
            case .triggerDelete: 10
            case .call: 11
            }
        return 1 << (phase == .before ? index : index + 16)
    }
}

/// When listeners hear of an event.
package enum EventPhase: Sendable {
    /// They may refuse it.
    case before
    /// It has happened.
    case after
}
