package import Model
package import Wire

extension Store {
    /// Records that one page looks at, at most: a filter that nothing matches ends with a cursor, not after a minute.
    package static let maxScannedCalls = 20_000

    /// What calls can be filtered by, beside what all entities have.
    package static let callFields = FilterFields([
        .init("status", .text, "success, failed, error, timeout or cancelled"),
        .init("version", .number, "version that served it; 0: an unpublished working copy"),
        .init("requested_version", .number, "version that was asked for"),
        .init("requested_alias", .text, "alias that was asked for"), .init("app", .text, "name of the app"),
        .init("function", .text, "name of the function"), .init("error", .text, "why it did not succeed"),
        .init("trace_id", .text, "the caller's trace"), .init("run_nanos", .number, "time in the function"),
    ])

    /// Newest first, without their logs. An empty function: of the whole app; both empty: of all.
    ///
    /// - Throws: `notFound` for app or function.
    package func calls(
        app: String, function: String, _ request: ListRequest
    ) async throws(Failure) -> ListPage<CallRecord> {
        let scope: CallScope = try read { (tables) throws(Failure) in
            if !function.isEmpty { return .function(try tables.function(app, function).id) }
            return app.isEmpty ? .all : .app(try tables.named(app, .app).id)
        }
        let list = Cursor.List.calls(scope)
        var page = try PageBuilder<CallRecord>(request.page, list)
        let before = try Cursor.key(of: request.page.cursor, in: list).flatMap { Identifier($0) }
        let filter = try Filter(request.filter, fields: Self.callFields)
        let (found, last) = try await driver.calls(
            scope, before: before, limit: try request.page.limit(), scanned: Self.maxScannedCalls,
            where: { call in filter.isEmpty || filter.matches { call.value(of: $0) } })
        for call in found where !page.add(call, bytes: call.encodedSize, key: call.meta.id.description) {
            return page.finish()
        }
        return ListPage(
            items: page.finish().items, nextCursor: last.map { Cursor.text(of: $0.description, in: list) } ?? "")
    }

    /// One record, without its log.
    ///
    /// - Throws: `invalid` if `id` is none; `notFound`.
    package func call(_ id: String) async throws(Failure) -> CallRecord {
        let id = try Self.callID(id)
        guard let call = try await driver.call(id) else { throw Self.noCall(id) }
        return call
    }

    /// - Throws: `invalid` if `id` is none; `notFound` if there is no such call.
    package func callLog(_ id: String) async throws(Failure) -> CallLog {
        let id = try Self.callID(id)
        guard let log = try await driver.callLog(id) else { throw Self.noCall(id) }
        return log
    }

    /// Records with their logs, newest first, for an export.
    ///
    /// - Parameter before: where the page before ended; `nil`: from the newest.
    /// - Returns: a page, and where it ended if there may be more.
    package func archivedCalls(
        before: Identifier?
    ) async throws(Failure) -> (calls: [ArchivedCall], last: Identifier?) {
        let (found, last) = try await driver.calls(
            .all, before: before, limit: 500, scanned: Self.maxScannedCalls, where: { _ in true })
        var calls: [ArchivedCall] = []
        for record in found {
            // One that is gone was pruned meanwhile.
            guard let log = try await driver.callLog(record.meta.id) else { continue }
            calls.append(ArchivedCall(call: record, log: log.bytes, logTruncated: log.truncated))
        }
        return (calls, last)
    }

    private static func callID(_ text: String) throws(Failure) -> Identifier {
        guard let id = Identifier(text) else {
            throw Failure(.invalid, "call: \(quoted(text)) is not the id of a call")
        }
        return id
    }

    private static func noCall(_ id: Identifier) -> Failure {
        Failure(.notFound, "call \(id) was not found; only the newest calls are kept")
    }
}

extension CallRecord {
    fileprivate func value(of field: FilterField) -> FilterValue? {
        switch field {
        case .named("status"): .text(status.rawValue)
        case .named("version"): .number(Int64(version))
        case .named("requested_version"): .number(Int64(requestedVersion))
        case .named("requested_alias"): .text(requestedAlias)
        case .named("app"): .text(appName)
        case .named("function"), .named("name"): .text(functionName)
        case .named("error"): .text(error)
        case .named("trace_id"): traceID.map { .text($0) }
        case .named("run_nanos"): .number(Int64(clamping: runNanos))
        default: meta.value(of: field)
        }
    }
}
