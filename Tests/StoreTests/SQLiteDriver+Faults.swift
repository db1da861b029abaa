import GRDB
import Model

@testable import Store

extension SQLiteDriver {
    /// Makes the n-th write from now fail, counted from 0; `nil`: none.
    ///
    /// - Parameter way: what SQLite does then: ABORT, FAIL or ROLLBACK.
    func setFuse(_ n: Int?, _ way: String) throws {
        try pool.writeWithoutTransaction { database in
            // It is not about power here; there are thousands of these.
            try database.execute(sql: "PRAGMA synchronous = OFF")
            let places = ["entities", "events", "meta"].flatMap { table in
                ["INSERT", "UPDATE", "DELETE"].map { (table, $0) }
            }
            for (table, verb) in places { try database.execute(sql: "DROP TRIGGER IF EXISTS fuse_\(table)_\(verb)") }
            try database.execute(sql: "DROP TABLE IF EXISTS fuse")
            guard let n else { return }
            try database.execute(sql: "CREATE TABLE fuse (n INTEGER NOT NULL)")
            try database.execute(sql: "INSERT INTO fuse VALUES (?)", arguments: [n])
            for (table, verb) in places {
                try database.execute(
                    sql: """
                        CREATE TRIGGER fuse_\(table)_\(verb) AFTER \(verb) ON \(table) BEGIN
                            SELECT RAISE(\(way), 'the fuse blew') FROM fuse WHERE n = 0;
                            UPDATE fuse SET n = n - 1;
                        END
                        """)
            }
        }
    }

    /// What commits wait for; 2: FULL.
    func synchronous() throws -> Int {
        try pool.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA synchronous") ?? -1 }
    }

    func pageCount() throws -> Int {
        try pool.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA page_count") ?? 0 }
    }

    /// The database grows no further than this.
    func limitPages(_ count: Int) throws {
        try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = \(count)") }
    }
}
