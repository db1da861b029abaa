package import Model

/// A migration that a database says it has.
package struct AppliedMigration: Sendable, Equatable {
    package let number: Int
    package let name: String
    /// As recorded: `sha256:` and hex digits, unless somebody else wrote it.
    package let checksum: String
    package let appliedAt: Timestamp
}

/// How far a database is, as seen by one daemon.
package struct MigrationStatus: Sendable {
    /// Those that this daemon knows by number, in order.
    package let applied: [AppliedMigration]
    /// Those that the database lacks, in order.
    package let pending: [Migration]
    /// Those that only a newer daemon knows, in order.
    package let unknown: [AppliedMigration]
    /// Why this daemon neither uses nor migrates the database (`precondition`); `nil`: it does both.
    package let refusal: Failure?

    /// The schema version: the highest number that is recorded; 0 for an empty database.
    package var schema: Int { unknown.last?.number ?? applied.last?.number ?? 0 }
}

/// One migration, one way.
package struct MigrationStep: Sendable, Hashable {
    package enum Direction: String, Sendable {
        case up
        case down
    }

    package let migration: Migration
    package let direction: Direction

    /// The schema version that it starts from.
    package var before: Int { direction == .up ? migration.number - 1 : migration.number }
    /// The schema version that it leads to.
    package var after: Int { direction == .up ? migration.number : migration.number - 1 }
    /// What it loses for good; `nil`: nothing.
    package var loses: String? { direction == .down ? migration.losesOnDown : nil }
    /// Its statements.
    var sql: String { direction == .up ? migration.up : migration.down }

    func isDone(at schema: Int) -> Bool { direction == .up ? schema >= after : schema <= after }
}

/// The way from one schema version to another: all steps up or all down.
package struct MigrationPlan: Sendable, Equatable {
    /// Schema versions; 0: empty.
    package let from: Int
    package let to: Int
    /// In the order in which they run.
    package let steps: [MigrationStep]
}

/// What a migration did, or in a dry run would have done.
package struct MigrationReport: Sendable, Equatable {
    package let plan: MigrationPlan
    /// Name of the copy made before, beside the database; `nil`: none was needed.
    package let backup: String?
}
