import Foundation
import Model
import Store

/// A small schema for tests of ``Migrator``, and what can be seen of a database from outside.
enum SampleSchema {
    static let migrations = [
        Migration(
            number: 1, name: "people",
            up: "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;",
            down: "DROP TABLE people", losesOnDown: "all people"),
        Migration(
            number: 2, name: "pets",
            up: """
                CREATE TABLE pets (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL REFERENCES people(id)) STRICT;
                CREATE INDEX pets_by_owner ON pets (owner);
                """, down: "DROP TABLE pets", losesOnDown: "all pets"),
        // Others point to the table that is made anew.
        Migration(
            number: 3, name: "long-names",
            up: """
                CREATE TABLE new_people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, long TEXT NOT NULL) STRICT;
                INSERT INTO new_people SELECT id, name, upper(name) FROM people;
                DROP TABLE people;
                ALTER TABLE new_people RENAME TO people;
                """,
            down: """
                CREATE TABLE new_people (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
                INSERT INTO new_people SELECT id, name FROM people;
                DROP TABLE people;
                ALTER TABLE new_people RENAME TO people;
                """),
    ]

    /// The migrations with other SQL at one number.
    static func with(_ number: Int, up: String? = nil, down: String? = nil) -> [Migration] {
        migrations.map { known in
            guard known.number == number else { return known }
            return Migration(
                number: number, name: known.name, up: up ?? known.up, down: down ?? known.down,
                losesOnDown: known.losesOnDown)
        }
    }

    static func migrator(_ clock: ManualClock = ManualClock()) throws(Failure) -> Migrator {
        try Migrator(migrations, now: clock.now)
    }

    /// A database in WAL mode with somebody and a pet, at schema 2.
    static func populate(_ path: String, with migrator: Migrator) throws {
        try migrator.migrate(path, to: 2)
        _ = try Python.sql(
            path, "PRAGMA journal_mode = WAL", "INSERT INTO people VALUES (1, 'ada')", "INSERT INTO pets VALUES (1, 1)")
    }

    /// Everything in a database: its schema, its migrations, its people and pets.
    static func contents(_ path: String) throws -> String {
        var text = try schema(path) + "\n"
        for table in ["schema_migrations", "people", "pets"] where text.contains("|\(table)|") {
            text += try Python.sql(path, "SELECT '\(table)', * FROM \(table) ORDER BY 2") + "\n"
        }
        return text
    }

    static func schema(_ path: String) throws -> String {
        try Python.sql(path, "SELECT type, name, sql FROM sqlite_master ORDER BY name")
    }

    static func backups(_ scratch: Scratch) throws -> [String] {
        try scratch.names("").filter { $0.hasPrefix("fnrpc.db.backup-") }
    }
}
