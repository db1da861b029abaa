package import Model
package import Wire

// A route is a trigger and its function seen as one: every http trigger of an app is one.
extension Transaction {
    /// Makes a function and the trigger of its path; and the app, where it is absent.
    package func createRoute(_ request: CreateRouteRequest) throws(Failure) -> Route {
        let app = try appOrNew(request.app).row
        var violations = Violations()
        let path = violations.check { () throws(Failure) in try TriggerSource(request.path, field: "path") }
        violations.require(!request.image.isEmpty, "image: missing; a route runs an image")
        var spec = FunctionSpec(runtime: .none, entry: "", format: .default)
        spec.image = request.image
        if let memory = request.memoryMiB { spec.memoryMiB = memory }
        if let timeout = request.timeoutNanos { spec.timeoutNanos = timeout }
        if let idle = request.idleTimeoutNanos { spec.idleTimeoutNanos = idle }
        spec.config = request.config
        setChoices(&spec, type: request.type, format: request.format, &violations)
        let headers = violations.check { () throws(Failure) in try HeaderValues.byName(request.headers) }
        if let headers { spec.headers = headers }
        let binding = try bind(spec, "", in: app)
        if !request.image.isEmpty { check(spec, "", in: app, &violations) }
        check(labels: request.labels, extra: request.extra, &violations)
        let source = try violations.finish(path)
        if let taken = tables.claimant(.trigger, in: app.id, claim: source.conflictKey) {
            throw Failure(.exists, "path: \(quoted(source.text)) is taken by trigger \(quoted(tables.name(of: taken)))")
        }
        let name = try freeName(for: source, in: app)
        let function = try makeFunction(name, in: app, spec, binding, request.labels, [:])
        let trigger = Trigger(
            meta: newMeta(labels: request.labels, extra: request.extra), appID: app.id, functionID: function.meta.id,
            name: name, source: source.text, ownsFunction: true)
        try create(trigger, references: [function.meta.id])
        return try routeRows(trigger.meta.id).view(surroundings.dialects).route
    }

    /// Changes what is given, of the trigger's function. A published version never changes, so neither does what a route to
    /// one runs.
    package func updateRoute(_ request: UpdateRouteRequest) throws(Failure) -> Route {
        let app = try tables.named(request.app ?? "", .app)
        let row = try tables.route(request.path ?? "", of: app)
        let rows = try routeRows(row.id)
        let present = try rows.view(surroundings.dialects)
        var (trigger, function, spec) = (present.trigger, present.function, present.spec)
        var violations = Violations()
        if let image = request.image { spec.image = image }
        if let memory = request.memoryMiB { spec.memoryMiB = memory }
        if let timeout = request.timeoutNanos { spec.timeoutNanos = timeout }
        if let idle = request.idleTimeoutNanos { spec.idleTimeoutNanos = idle }
        setChoices(&spec, type: request.type ?? "", format: request.format ?? "", &violations)
        spec.config = spec.config.merged(request.config)
        let headers = violations.check { () throws(Failure) in try HeaderValues.byName(request.headers) }
        spec.headers = spec.headers.merged(headers ?? [:])
        let digest = spec.image.isEmpty ? present.package?.description ?? "" : ""
        check(spec, digest, in: app, &violations)
        merge(labels: request.labels, extra: request.extra, into: &trigger.meta, &violations)
        try violations.finish()
        try Checks.unchanged("path", request.newPath, trigger.source)
        try check(revision: request.revision ?? 0, of: row, present: rows.revision)
        if !spec.isIdentical(to: present.spec) {
            guard !trigger.isPinned else {
                throw Failure(
                    .precondition,
                    "route \(quoted(trigger.source)) runs a published version of \(tables.name(of: rows.function)), and "
                        + "these never change; change the function, publish it, and point trigger "
                        + "\(tables.name(of: row)) to the new version")
            }
            _ = try setWorkingCopy(rows.function, &function, spec, try bind(spec, digest, in: app))
        }
        try update(row, to: trigger)
        return try routeRows(row.id).view(surroundings.dialects).route
    }

    /// Deletes the trigger, and the function that was made with it unless something else uses that.
    package func deleteRoute(_ request: DeleteRouteRequest) throws(Failure) -> Deletion {
        let row = try tables.route(request.path, of: try tables.named(request.app, .app))
        let trigger: Trigger = try entity(row)
        let rows = try routeRows(row.id)
        try check(revision: request.revision, of: row, present: rows.revision)
        var deletion = remove([row])
        if trigger.ownsFunction, users(of: withVersions(rows.function)).isEmpty {
            let rest = try removeFunction(rows.function, canForce: false)
            deletion.entities = Array((deletion.entities + rest.entities).prefix(Self.maxDeletedShown))
            deletion.count += rest.count
        }
        return deletion
    }

    private func routeRows(_ trigger: Identifier) throws(Failure) -> RouteRows {
        guard let rows = tables.routeRows(trigger) else {
            throw Failure(.internalError, "the function of trigger \(trigger) is not there")
        }
        return rows
    }

    private func setChoices(
        _ spec: inout FunctionSpec, type: String, format: String, _ violations: inout Violations
    ) {
        if !type.isEmpty {
            spec.callType = violations.check { () throws(Failure) in try choice(type, "type") } ?? .sync
        }
        if !format.isEmpty {
            spec.format = violations.check { () throws(Failure) in try choice(format, "format") } ?? .default
        }
    }

    /// Letters and digits of the path, and a number if that name is taken: for the function and the trigger.
    private func freeName(for source: TriggerSource, in app: Row) throws(Failure) -> Name {
        let words = source.text.utf8.split { byte in
            !(48...57).contains(byte) && !(65...90).contains(byte) && !(97...122).contains(byte)
        }
        let base =
            "route-"
            + (words.isEmpty
                ? "root"
                : words.joined(separator: [45]).map { Character(UnicodeScalar($0)) }
                    .reduce(into: "") { $0.append($1) })
        var number = 1
        while true {
            let text = String(base.prefix(240)) + (number == 1 ? "" : "-\(number)")
            let isTaken = [EntityKind.function, .trigger].contains { tables.find($0, in: app.id, key: text) != nil }
            if !isTaken, let name = try? Name(text, field: "path") { return name }
            number += 1
        }
    }
}

extension Tables {
    /// The trigger of a path, written as it was made, or by the trigger's id.
    package func route(_ path: String, of app: Row) throws(Failure) -> Row {
        if let id = Identifier(path), let row = self[id], row.kind == .trigger, row.parent == app.id { return row }
        guard Identifier(path) == nil else {
            throw Failure(.notFound, "route \(quoted(path)) was not found in app \(quoted(app.key))")
        }
        let source = try TriggerSource(path, field: "path")
        guard let row = claimant(.trigger, in: app.id, claim: source.conflictKey) else {
            throw Failure(.notFound, "route \(quoted(path)) was not found in app \(quoted(app.key))")
        }
        return row
    }
}
