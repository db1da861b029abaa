internal import Archive
package import Model
package import Wire

extension Store {
    /// Records that one page looks at, at most: a filter that nothing matches ends with a cursor, not after a minute.
    package static let maxScannedCalls = 20_000

    /// What calls can be filtered by, beside what all entities have.
    package static let callFields = FilterFields([
        .init("status", .text, CallStatus.completed.map(\.rawValue).joined(separator: ", ")),
        .init("reason", .text, "timeout, killed, bad_exit or client_request"),
        .init("version", .number, "version that served it; 0: an unpublished working copy"),
        .init("requested_version", .number, "version that was asked for"),
        .init("requested_alias", .text, "alias that was asked for"), .init("app", .text, "name of the app"),
        .init("function", .text, "name of the function"), .init("path", .text, "source of the trigger it came by"),
        .init("trigger", .text, "name of the trigger it came by"), .init("error", .text, "why it did not succeed"),
        .init("exit_code", .number, "of the function's process, if it ended"),
        .init("exit_signal", .number, "that ended the function's process"),
        .init("container", .text, "what served it"), .init("trace_id", .text, "the caller's trace"),
        .init("run_nanos", .number, "time in the function"), .init("wait_nanos", .number, "time without a container"),
    ])

    /// Stores records of finished calls, with snapshots of what they ran with.
    ///
    /// - Parameter batch: calls by what they ran with.
    package func record(
        _ batch: consuming [(spec: CallSpec, calls: [CallRecord])], _ retention: CallRetention
    ) async throws(Failure) {
        var calls: [CallRecord] = []
        var specs: [Digest: [UInt8]] = [:]
        for index in batch.indices {
            let body = batch[index].spec.encoded()
            let digest = try SHA256.digest(of: body)
            specs[digest] = body
            let first = calls.count
            // Mostly there is one group, whose records are not copied.
            if first == 0 { swap(&calls, &batch[index].calls) } else { calls += batch[index].calls }
            for place in first..<calls.count { calls[place].spec = digest }
        }
        try await driver.append(calls, specs: specs, maxContentBytes: retention.logBytes)
    }

    /// Newest first, without their logs and payloads.
    ///
    /// - Throws: `notFound` for app, function and path.
    package func calls(_ request: ListCallsRequest) async throws(Failure) -> ListPage<CallRecord> {
        let scope = try await callScope(request)
        let status: CallStatus? = request.status.isEmpty ? nil : try choice(request.status, "status")
        for (field, nanos) in [("since", request.since), ("until", request.until)] where nanos < 0 {
            throw Failure(.invalid, "\(field): \(nanos) is out of range; nanoseconds since 1970, from 0")
        }
        let asked = PageRequest(cursor: request.page.cursor, size: request.page.size)
        let list = Cursor.List.calls(scope)
        var page = try PageBuilder<CallRecord>(asked, list)
        let cursor = try Cursor.key(of: asked.cursor, in: list).flatMap { Identifier($0) }
        let filter = try Filter(request.filter, fields: Self.callFields)
        // An id may be made a moment before its call is accepted, never after.
        let since = Timestamp(nanoseconds: max(request.since - 1_000_000_000, 0))
        let until = min(request.until, .max - 1_000_000) + 1_000_000
        let end = request.until > 0 ? Identifier.first(at: Timestamp(nanoseconds: until)) : nil
        let (found, last) = try await driver.calls(
            scope, since: .first(at: since), before: [cursor, end].compactMap { $0 }.min(), limit: try asked.limit(),
            scanned: Self.maxScannedCalls,
            where: { call in
                let at = call.meta.createdAt.nanoseconds
                return at >= request.since && (request.until <= 0 || at < request.until)
                    && (status.map { call.status == $0 } ?? true)
                    && (request.path.isEmpty || call.path == request.path)
                    && (filter.isEmpty || filter.matches { call.value(of: $0) })
            })
        for call in found where !page.add(call, bytes: call.encodedSize, key: call.meta.id.description) {
            return page.finish()
        }
        return ListPage(
            items: page.finish().items, nextCursor: last.map { Cursor.text(of: $0.description, in: list) } ?? "")
    }

    /// Whose calls are wanted. An empty function: of the whole app; both empty: of all.
    private func callScope(_ request: ListCallsRequest) async throws(Failure) -> CallScope {
        guard request.path.isEmpty || request.function.isEmpty else {
            throw Failure(.invalid, "path: is given beside function; a path has one function at a time")
        }
        guard !request.app.isEmpty || (request.path.isEmpty && request.function.isEmpty) else {
            throw Failure(.invalid, "app: missing; functions and paths are looked up in an app")
        }
        do throws(Failure) {
            return try read { (tables) throws(Failure) in
                if !request.function.isEmpty {
                    return .function(try tables.function(request.app, request.function).id)
                }
                if request.app.isEmpty { return .all }
                let app = try tables.named(request.app, .app)
                if !request.path.isEmpty {
                    let source = try TriggerSource(request.path, field: "path")
                    guard tables.claimant(.trigger, in: app.id, claim: source.conflictKey) != nil else {
                        let name = quoted(tables.name(of: app))
                        throw Failure(.notFound, "path: no trigger of app \(name) has \(quoted(request.path))")
                    }
                }
                return .app(app.id)
            }
        } catch  where error.code == .notFound {
            // By its id, an app or function that is gone still has its calls.
            let id = Identifier(request.function.isEmpty ? request.app : request.function)
            guard request.path.isEmpty, let id else { throw error }
            let scope: CallScope = request.function.isEmpty ? .app(id) : .function(id)
            guard try await driver.hasCalls(scope) else { throw error }
            return scope
        }
    }

    /// One record, without its log and payload.
    ///
    /// - Throws: `invalid` if `id` is none; `notFound`.
    package func call(_ id: String) async throws(Failure) -> CallRecord {
        guard let id = Identifier(id) else {
            throw Failure(.invalid, "call: \(quoted(id)) is not the id of a call")
        }
        guard let call = try await driver.call(id) else {
            throw Failure(.notFound, "call \(id) was not found; only the newest calls are kept")
        }
        return call
    }

    /// What a call wrote.
    ///
    /// - Throws: `invalid` if `id` is none; `notFound` if there is no such call.
    package func callLog(_ id: String) async throws(Failure) -> GetCallLogsResponse {
        let call = try await call(id)
        let contents = try await driver.callContents(call.meta.id)
        return GetCallLogsResponse(
            log: contents?.log ?? [], truncated: call.logTruncated, removed: call.logBytes > 0 && contents == nil)
    }

    /// A call's payload.
    ///
    /// - Throws: `invalid` if `id` is none; `notFound` if there is no such call, or its function keeps no payloads.
    package func callInput(_ id: String) async throws(Failure) -> GetCallInputResponse {
        let call = try await call(id)
        let contents = try await driver.callContents(call.meta.id)
        return GetCallInputResponse(
            input: contents?.input ?? [], truncated: call.inputTruncated,
            removed: call.inputBytes > 0 && contents == nil)
    }

    /// What a call ran with.
    ///
    /// - Throws: `invalid` if `id` is none; `notFound` if there is no such call, or no snapshot.
    package func callSpec(_ id: String) async throws(Failure) -> CallSpec {
        let call = try await call(id)
        guard let digest = call.spec, let body = try await driver.callSpec(digest) else {
            throw Failure(
                .notFound, "call \(id) has no snapshot of what it ran with; an older daemon has recorded it")
        }
        return try CallSpec(decoding: body, strict: false)
    }

    /// Bytes of logs and payloads after which a page of an export ends.
    private static let maxArchivedBytes = 8 << 20

    /// Records with what is kept of them, newest first, for an export.
    ///
    /// - Parameters:
    ///   - before: where the page before ended; `nil`: from the newest.
    ///   - specs: snapshots that the pages before have; takes up those of this one.
    /// - Returns: a page, and where it ended if there may be more.
    package func archivedCalls(
        before: Identifier?, specs: inout Set<Digest>
    ) async throws(Failure) -> (calls: [ArchivedCall], last: Identifier?) {
        let (found, last) = try await driver.calls(
            .all, since: nil, before: before, limit: 500, scanned: Self.maxScannedCalls, where: { _ in true })
        var calls: [ArchivedCall] = []
        var bytes = 0
        for record in found {
            var record = record
            let contents = try await driver.callContents(record.meta.id)
            var spec: [UInt8] = []
            if let digest = record.spec, !specs.contains(digest) {
                if let body = try await driver.callSpec(digest) {
                    spec = body
                    specs.insert(digest)
                } else {
                    // It was removed since the list was read.
                    record.spec = nil
                }
            }
            let call = ArchivedCall(call: record, log: contents?.log ?? [], input: contents?.input ?? [], spec: spec)
            calls.append(call)
            bytes += call.log.count + call.input.count + spec.count
            if bytes >= Self.maxArchivedBytes { return (calls, record.meta.id) }
        }
        return (calls, last)
    }
}

extension CallRecord {
    fileprivate func value(of field: FilterField) -> FilterValue? {
        switch field {
        case .named("status"): .text(status.rawValue)
        case .named("reason"): .text(reason.rawValue)
        case .named("path"): .text(path)
        case .named("trigger"): .text(trigger)
        case .named("exit_code"): exit?.code.map { .number(Int64($0)) }
        case .named("exit_signal"): exit?.signal.map { .number(Int64($0)) }
        case .named("container"): .text(container)
        case .named("wait_nanos"): .number(Int64(clamping: waitNanos))
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
