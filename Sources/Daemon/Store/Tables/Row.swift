package import Model

/// An entity as it is stored: the columns that are searched for, and its message. Immutable.
package final class Row: Sendable {
    /// The most bytes of ``body``. The limits of every field of an entity together stay below it, so only what came
    /// another way meets it; and so each answer with one entity, or a trigger and its function, fits in a frame.
    package static let maxBytes = 1 << 20
    /// The highest revision that is not counted but set: whatever is counted from it fits into 63 bits.
    static let maxSetRevision = UInt64(Int64.max) / 2

    package let kind: EntityKind
    package let id: Identifier
    /// What it belongs to; `nil` for kinds that belong to nothing.
    package let parent: Identifier?
    /// Its name, or what stands for it; unique among its kind and parent, and their order.
    package let key: String
    /// The dialect of ``body``.
    package let apiVersion: UInt32
    /// Grows with every change: by one, unless more is seen as one with it.
    package let revision: UInt64
    package let createdAt: Timestamp
    package let updatedAt: Timestamp
    /// What else it needs: none of these can be deleted while it is there.
    package let references: [Identifier]
    /// What no other entity of its kind and parent may have: a function's services, a trigger's paths.
    package let claims: [String]
    /// What only the daemon reads: the hash of a token's secret, a secret's encrypted value.
    package let sealed: [UInt8]
    /// The entity's message in its ``apiVersion``, without what other rows know better (a function's `app_name`).
    package let body: [UInt8]

    package init(
        kind: EntityKind, id: Identifier, parent: Identifier?, key: String, apiVersion: UInt32, revision: UInt64,
        createdAt: Timestamp, updatedAt: Timestamp, references: [Identifier] = [], claims: [String] = [],
        sealed: [UInt8] = [], body: [UInt8]
    ) {
        self.kind = kind
        self.id = id
        self.parent = parent
        self.key = key
        self.apiVersion = apiVersion
        self.revision = revision
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.references = references
        self.claims = claims
        self.sealed = sealed
        self.body = body
    }
}

extension Row: Equatable {
    package static func == (left: Row, right: Row) -> Bool {
        left === right
            || left.kind == right.kind && left.id == right.id && left.parent == right.parent && left.key == right.key
                && left.apiVersion == right.apiVersion && left.revision == right.revision
                && left.createdAt == right.createdAt && left.updatedAt == right.updatedAt
                && left.references == right.references && left.claims == right.claims && left.sealed == right.sealed
                && left.body == right.body
    }
}

extension Row {
    /// - Throws: `invalid` for a message over ``maxBytes``.
    func checkSize() throws(Failure) {
        guard body.count <= Self.maxBytes else {
            throw Failure(
                .invalid,
                "\(kind.rawValue) \(quoted(key)): its message has \(body.count) bytes; at most \(Self.maxBytes) are allowed"
            )
        }
    }
}

/// One row made, replaced or removed; never neither.
package struct Change: Sendable, Equatable {
    /// `nil`: it is made.
    package let old: Row?
    /// `nil`: it is removed.
    package let new: Row?
    /// The entity's name with its parents at this moment: `app/function@3`.
    package let name: String
    /// The time of the operation that made it.
    package let at: Timestamp
    /// Whether it is none of anybody's business: the meaning stays the same, or nobody manages the kind.
    package let isSilent: Bool

    package init(old: Row?, new: Row?, name: String, at: Timestamp, isSilent: Bool = false) {
        self.old = old
        self.new = new
        self.name = name
        self.at = at
        self.isSilent = isSilent
    }

    /// What happened.
    package var action: ChangeAction { old == nil ? .create : new == nil ? .delete : .update }

    /// The row after the change, or the one that is gone.
    package var row: Row {
        guard let row = new ?? old else { preconditionFailure("BUG: a change of nothing") }
        return row
    }
}

/// What can happen to an entity.
package enum ChangeAction: String, Sendable, CaseIterable {
    case create
    case update
    case delete
}
