package import Model
package import Wire

/// An entity whose changes listeners hear of.
package protocol ListenedEntity: WireMessage {
    /// The events of its kind.
    static var events: EntityEvents { get }
    var meta: Meta { get }
    /// Its name as text.
    var eventName: String { get }
    /// The name or id of the app that it is in; empty for apps.
    var eventApp: String { get }
}

/// The events of one kind of entity.
package struct EntityEvents: Sendable {
    package let create: EventType
    package let update: EventType
    package let delete: EventType

    package init(create: EventType, update: EventType, delete: EventType) {
        self.create = create
        self.update = update
        self.delete = delete
    }
}

extension App: ListenedEntity {
    package static let events = EntityEvents(create: .appCreate, update: .appUpdate, delete: .appDelete)
    package var eventName: String { name.text }
    package var eventApp: String { "" }
}

extension Function: ListenedEntity {
    package static let events = EntityEvents(
        create: .functionCreate, update: .functionUpdate, delete: .functionDelete)
    package var eventName: String { name.text }
    package var eventApp: String { appName.text }
}

extension Trigger: ListenedEntity {
    package static let events = EntityEvents(create: .triggerCreate, update: .triggerUpdate, delete: .triggerDelete)
    package var eventName: String { name.text }
    package var eventApp: String { appID.description }
}

/// A change of an entity, or a look at one. Immutable.
package struct EntityEvent: Sendable {
    package let type: EventType
    /// `nil`: a list, or an app that was asked for by its name and is not known yet.
    package let id: Identifier?
    /// The entity's name; what was asked for; or empty: a list.
    package let name: String
    /// The name of the app of a function or trigger; empty for apps, and where an entity is deleted.
    package let app: String
    /// The entity as it is before an update.
    package let old: (any ListenedEntity)?
    /// The entity as it will be, or is.
    package let new: (any ListenedEntity)?

    private init(
        _ type: EventType, id: Identifier?, name: String, app: String = "", old: (any ListenedEntity)? = nil,
        new: (any ListenedEntity)? = nil
    ) {
        self.type = type
        self.id = id
        self.name = name
        self.app = app
        self.old = old
        self.new = new
    }

    /// An entity comes into being; before it does, it is what will be stored.
    package static func create<E: ListenedEntity>(_ entity: E) -> EntityEvent {
        EntityEvent(E.events.create, id: entity.meta.id, name: entity.eventName, app: entity.eventApp, new: entity)
    }

    /// An entity becomes another.
    package static func update<E: ListenedEntity>(from old: E, to new: E) -> EntityEvent {
        EntityEvent(E.events.update, id: new.meta.id, name: new.eventName, app: new.eventApp, old: old, new: new)
    }

    /// An entity goes. Listeners learn no more than its id and name.
    package static func delete(_ events: EntityEvents, id: Identifier, name: String) -> EntityEvent {
        EntityEvent(events.delete, id: id, name: name)
    }

    /// An app is looked up.
    ///
    /// - Parameter name: as asked for: a name or an id.
    package static func get(_ name: String) -> EntityEvent { EntityEvent(.appGet, id: nil, name: name) }

    /// An app was found.
    package static func got(_ app: App) -> EntityEvent {
        EntityEvent(.appGet, id: app.meta.id, name: app.eventName, new: app)
    }

    /// A page of apps is looked up, or was.
    package static let list = EntityEvent(.appList, id: nil, name: "")
}

/// Hears of changes of apps, functions and triggers, and of gets and lists of apps, in the process of the daemon.
/// Thread-safe.
package protocol EntityListener: Sendable {
    /// For the log.
    var name: String { get }
    /// Which events it gets; may change from one moment to the next.
    var interest: Interest { get }
    /// Something is about to happen; no lock is held, and nothing was written.
    ///
    /// - Throws: what refuses it; the caller gets it as it is.
    func before(_ event: EntityEvent) async throws(Failure)
    /// Returns when it can be told of another change. Asked before each change that it is told of, one after the other;
    /// meanwhile the changes wait.
    func room() async
    /// Something has happened. Must not wait.
    func after(_ event: EntityEvent)
}

extension EntityListener {
    package var name: String { String(describing: Self.self) }
    package func room() async {}
    package func before(_ event: EntityEvent) async throws(Failure) {}
    package func after(_ event: EntityEvent) {}
}
