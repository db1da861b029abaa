internal import Foundation
internal import GRDB
package import Model

extension SQLiteDriver {
    package func append(
        _ calls: [CallRecord], specs: [Digest: [UInt8]], maxContentBytes: UInt64
    ) async throws(Failure) {
        if calls.isEmpty { return }
        do {
            do {
                try await insert(calls, specs, maxContentBytes)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
                // Others have filled the disk. Records are small, and say that there was a log.
                try await insert(calls.map(\.withoutContents), specs, maxContentBytes)
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
            throw Failure(.exists, "a call with the same id is recorded; none of the records was stored")
        } catch {
            throw failure(error)
        }
    }

    private func insert(_ calls: [CallRecord], _ specs: [Digest: [UInt8]], _ maxContentBytes: UInt64) async throws {
        try await pool.writeWithoutTransaction { [contentBytes, path] database in
            try database.execute(sql: "PRAGMA synchronous = NORMAL")
            defer { try? database.execute(sql: "PRAGMA synchronous = FULL") }
            try contentBytes.transaction(database) { total in
                let added = calls.reduce(0) { $0 + UInt64($1.log.count + $1.input.count) }
                if added > 0 {
                    // Old logs make room for new ones before the disk is full, not after.
                    let room = try Self.room(database, path)
                    let most = min(maxContentBytes, total + room)
                    try Self.removeContents(database, &total, downTo: most > added ? most - added : 0)
                }
                try CallInserter(database: database).insert(calls)
                if added > 0 {
                    for call in calls { try Self.insertContents(of: call, database, &total) }
                }
                try Self.noteSpecs(specs, of: calls, database)
                try Self.removeContents(database, &total, downTo: maxContentBytes)
            }
        }
    }

    /// What contents leave free of a disk, bytes: for everything else, and for the log of changes.
    private static let reservedBytes: UInt64 = 8 << 20

    /// How many bytes contents may still take.
    private static func room(_ database: Database, _ path: String) throws -> UInt64 {
        var disk = statvfs()
        guard statvfs(path, &disk) == 0 else { return .max / 2 }
        // What was removed stays in the file, and is used first.
        let unused = try UInt64.fetchOne(database, sql: "PRAGMA freelist_count") ?? 0
        let page = try UInt64.fetchOne(database, sql: "PRAGMA page_size") ?? 0
        let free = UInt64(disk.f_bavail) * UInt64(disk.f_frsize) + unused * page
        return free > reservedBytes ? free - reservedBytes : 0
    }

    private static func insertContents(of call: CallRecord, _ database: Database, _ total: inout UInt64) throws {
        let bytes = call.log.count + call.input.count
        if bytes == 0 { return }
        try database.cachedStatement(
            sql: "INSERT INTO call_contents (call_id, bytes, log, input) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [call.meta.id.description, bytes, Data(call.log), Data(call.input)])
        total += UInt64(bytes)
    }

    /// Stores the snapshots that are not there yet, and which calls need them.
    private static func noteSpecs(
        _ specs: [Digest: [UInt8]], of calls: [CallRecord], _ database: Database
    ) throws {
        var lastCalls: [Digest: Identifier] = [:]
        var next = calls.startIndex
        while next < calls.endIndex {
            // Neighbours mostly name the same one.
            let digest = calls[next].spec
            var last = calls[next].meta.id
            repeat {
                last = max(last, calls[next].meta.id)
                next += 1
            } while next < calls.endIndex && calls[next].spec == digest
            if let digest { lastCalls[digest] = max(lastCalls[digest] ?? last, last) }
        }
        for (digest, last) in lastCalls {
            guard let body = specs[digest] else {
                try database.cachedStatement(
                    sql: "UPDATE call_specs SET last_call = max(last_call, ?) WHERE digest = ?"
                ).execute(arguments: [last.description, digest.description])
                continue
            }
            try database.cachedStatement(
                sql: """
                    INSERT INTO call_specs (digest, last_call, body) VALUES (?, ?, ?)
                    ON CONFLICT (digest) DO UPDATE SET last_call = max(last_call, excluded.last_call)
                    """
            ).execute(arguments: [digest.description, last.description, Data(body)])
        }
    }

    // MARK: - Reading

    package func calls(
        _ scope: CallScope, since: Identifier?, before: Identifier?, limit: Int, scanned: Int,
        where matches: @escaping @Sendable (CallRecord) -> Bool
    ) async throws(Failure) -> (found: [CallRecord], last: Identifier?) {
        let (condition, id) = Self.condition(scope)
        return try await read { database in
            // Before and after every id, by its text.
            let arguments: StatementArguments = id + [since?.description ?? "", before?.description ?? "~"]
            let rows = try GRDB.Row.fetchCursor(
                database, sql: "SELECT * FROM calls WHERE \(condition) id >= ? AND id < ? ORDER BY id DESC",
                arguments: arguments)
            var found: [CallRecord] = []
            var last: Identifier?
            var seen = 0
            while let row = try rows.next() {
                guard found.count < limit, seen < scanned else { return (found, last) }
                let call = try CallRows.call(row)
                seen += 1
                last = call.meta.id
                if matches(call) { found.append(call) }
            }
            return (found, nil)
        }
    }

    package func call(_ id: Identifier) async throws(Failure) -> CallRecord? {
        try await read { database in
            try GRDB.Row.fetchOne(database, sql: "SELECT * FROM calls WHERE id = ?", arguments: [id.description])
                .map(CallRows.call)
        }
    }

    package func callContents(_ id: Identifier) async throws(Failure) -> CallContents? {
        try await read { database in
            try GRDB.Row.fetchOne(
                database, sql: "SELECT log, input FROM call_contents WHERE call_id = ?", arguments: [id.description]
            ).map { row in CallContents(log: Array(row["log"] as Data), input: Array(row["input"] as Data)) }
        }
    }

    package func callSpec(_ digest: Digest) async throws(Failure) -> [UInt8]? {
        try await read { database in
            try Data.fetchOne(
                database, sql: "SELECT body FROM call_specs WHERE digest = ?", arguments: [digest.description]
            ).map { Array($0) }
        }
    }

    package func hasCalls(_ scope: CallScope) async throws(Failure) -> Bool {
        let (condition, id) = Self.condition(scope)
        return try await read { database in
            try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM calls WHERE \(condition) true)", arguments: id) ?? false
        }
    }

    package func callCounts(
        _ scope: CallScope, since: Timestamp
    ) async throws(Failure) -> [CallRecord.Status: UInt64] {
        let (condition, id) = Self.condition(scope)
        // Ids begin with their time, so the index by id finds the first one.
        let first = Identifier.first(at: since)
        return try await read { database in
            let arguments: StatementArguments = id + [first.description, since.nanoseconds]
            let rows = try GRDB.Row.fetchAll(
                database,
                sql: """
                    SELECT status, count(*) AS count FROM calls WHERE \(condition) id >= ? AND created_at >= ?
                    GROUP BY status
                    """, arguments: arguments)
            return try rows.reduce(into: [:]) { counts, row in
                counts[try CallRows.known(row["status"], "status")] = UInt64(clamping: row["count"] as Int64)
            }
        }
    }

    package func callCount() async throws(Failure) -> Int {
        try await read { try Int.fetchOne($0, sql: "SELECT count(*) FROM calls") ?? 0 }
    }

    private static func condition(_ scope: CallScope) -> (sql: String, arguments: StatementArguments) {
        switch scope {
        case .all: ("", [])
        case .app(let id): ("app_id = ? AND", [id.description])
        case .function(let id): ("function_id = ? AND", [id.description])
        }
    }

    // MARK: - Import

    /// Writes imported records, in the transaction of the entities that come with them.
    func write(_ sources: [any CallSource], _ database: Database, _ contentBytes: ContentBytes) throws {
        if sources.isEmpty { return }
        try contentBytes.changing(database) { total in
            for source in sources {
                try source.eachBatch { (batch) throws(Failure) in try write(batch, database, &total) }
            }
        }
    }

    private func write(_ batch: CallBatch, _ database: Database, _ total: inout UInt64) throws(Failure) {
        for call in batch.calls {
            do {
                // One by one, so that it is known which is there.
                try CallInserter(database: database).insert([call])
                try Self.insertContents(of: call, database, &total)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                throw call.recordedAlready()
            } catch {
                throw failure(error)
            }
        }
        do { try Self.noteSpecs(batch.specs, of: batch.calls, database) } catch { throw failure(error) }
    }
}
