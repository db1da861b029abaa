internal import GRDB
internal import GRDBSQLite
internal import Model

/// Writes call records into their table through SQLite's own interface: they come by the hundred thousand a second.
///
/// Two things make a record cheap. Many go into one statement, for to open the table and its indexes costs as much as to
/// add to them. And they go in the order of their ids, so that the place of one is right behind the one before.
struct CallInserter {
    /// Records of the long statement; more of them gain nothing.
    static let rows = 16
    private static let insertMany = CallRows.insert(rows: rows)
    private static let insertOne = CallRows.insert(rows: 1)

    /// The writer's, in a transaction.
    let database: Database

    /// Adds records without what is kept apart of them. If it throws, some may be there.
    func insert(_ calls: [CallRecord]) throws {
        var order = calls.indices.map { (id: calls[$0].meta.id, index: $0) }
        order.sort { $0.id < $1.id }
        try calls.withUnsafeBufferPointer { calls in
            guard let first = calls.baseAddress else { return }
            let ordered = order.map { first + $0.index }
            let inMany = ordered.count / Self.rows * Self.rows
            try insert(ordered[..<inMany], by: Self.insertMany, rows: Self.rows)
            try insert(ordered[inMany...], by: Self.insertOne, rows: 1)
        }
    }

    /// - Parameter rows: of the statement; as many records are a multiple of it.
    private func insert(_ calls: ArraySlice<UnsafePointer<CallRecord>>, by sql: String, rows: Int) throws {
        if calls.isEmpty { return }
        let cached = try database.cachedStatement(sql: sql)
        let statement = cached.sqliteStatement
        try withUnsafeTemporaryAllocation(byteCount: rows * Identifier.textCount, alignment: 1) { ids in
            // The statement is the cache's, and it knows the addresses of the ids.
            defer { withExtendedLifetime(cached) { _ = sqlite3_clear_bindings(statement) } }
            for start in stride(from: calls.startIndex, to: calls.endIndex, by: rows) {
                for row in 0..<rows {
                    let id = UnsafeMutableRawBufferPointer(
                        rebasing: ids[row * Identifier.textCount..<(row + 1) * Identifier.textCount])
                    var values = CallValues(statement, row: row)
                    let before = start > calls.startIndex ? calls[start + row - rows] : nil
                    values.set(calls[start + row], before: before, id: id)
                }
                let code = sqlite3_step(statement)
                sqlite3_reset(statement)
                guard code == SQLITE_DONE else {
                    throw DatabaseError(resultCode: ResultCode(rawValue: code), message: database.lastErrorMessage)
                }
            }
        }
    }
}

/// The values of one row of a statement that inserts records.
private struct CallValues {
    private let statement: OpaquePointer
    /// The one that was set last.
    private var column: Int32

    init(_ statement: OpaquePointer, row: Int) {
        self.statement = statement
        column = Int32(row * CallRows.columns.count)
    }

    /// Sets all values, in the order of ``CallRows/columns``. Texts that are as they were stay: most are the same from
    /// call to call.
    ///
    /// - Parameters:
    ///   - before: the record that the row has now; `nil`: it has none, so every value is NULL.
    ///   - id: room for the text of its id; to be left alone until the row has another.
    mutating func set(
        _ call: UnsafePointer<CallRecord>, before: UnsafePointer<CallRecord>?, id: UnsafeMutableRawBufferPointer
    ) {
        call.pointee.meta.id.write(to: id)
        column += 1
        sqlite3_bind_text(statement, column, id.baseAddress, Int32(id.count), nil)
        set(Int64(call.pointee.meta.apiVersion))
        set(call.pointee.meta.createdAt.nanoseconds)
        set(call.pointee.meta.updatedAt.nanoseconds)
        set(call.pointee.appID.description, if: call.pointee.appID != before?.pointee.appID)
        set(call.pointee.appName, if: call.pointee.appName != before?.pointee.appName)
        set(call.pointee.functionID.description, if: call.pointee.functionID != before?.pointee.functionID)
        set(call.pointee.functionName, if: call.pointee.functionName != before?.pointee.functionName)
        set(call.pointee.path, if: call.pointee.path != before?.pointee.path)
        set(call.pointee.trigger, if: call.pointee.trigger != before?.pointee.trigger)
        set(Int64(call.pointee.version))
        set(Int64(call.pointee.requestedVersion))
        set(call.pointee.requestedAlias, if: call.pointee.requestedAlias != before?.pointee.requestedAlias)
        set(call.pointee.status.rawValue, if: call.pointee.status != before?.pointee.status)
        set(call.pointee.reason.rawValue, if: call.pointee.reason != before?.pointee.reason)
        set(call.pointee.error, if: call.pointee.error != before?.pointee.error)
        let exit = call.pointee.exit
        set(exit?.code.map { Int64($0) })
        set(exit?.signal.map { Int64($0) })
        set(exit.map { $0.ranOutOfMemory ? 1 : 0 })
        set(call.pointee.startedAt?.nanoseconds)
        set(call.pointee.completedAt.nanoseconds)
        set(Int64(clamping: call.pointee.waitNanos))
        set(call.pointee.coldStartNanos.map { Int64(clamping: $0) })
        set(Int64(clamping: call.pointee.runNanos))
        set(call.pointee.container, if: call.pointee.container != before?.pointee.container)
        set(Int64(clamping: call.pointee.logBytes))
        set(call.pointee.logTruncated ? 1 : 0)
        set(Int64(clamping: call.pointee.inputBytes))
        set(call.pointee.inputTruncated ? 1 : 0)
        set(call.pointee.spec?.description, if: call.pointee.spec != before?.pointee.spec)
        set(call.pointee.traceID, if: call.pointee.traceID != before?.pointee.traceID)
    }

    /// Sets the next value; `nil`: NULL.
    private mutating func set(_ number: Int64?) {
        column += 1
        if let number {
            sqlite3_bind_int64(statement, column, number)
        } else {
            sqlite3_bind_null(statement, column)
        }
    }

    /// Sets the next value, if it is another than before.
    private mutating func set(_ text: @autoclosure () -> String?, if isAnother: Bool) {
        column += 1
        guard isAnother else { return }
        guard var text = text() else {
            sqlite3_bind_null(statement, column)
            return
        }
        text.withUTF8 { bytes in
            _ = sqlite3_bind_text(statement, column, bytes.baseAddress, Int32(bytes.count), Self.copied)
        }
    }

    /// SQLITE_TRANSIENT: SQLite makes a copy.
    // SAFETY: SQLite compares this with the number that it is, and never calls it.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
}
