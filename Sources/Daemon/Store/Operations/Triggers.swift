package import Model
package import Wire

extension Transaction {
    /// Makes a trigger.
    package func createTrigger(_ request: CreateTriggerRequest) throws(Failure) -> Trigger {
        let app = try tables.named(request.app, .app)
        let function = try tables.named(request.function, .function, in: app)
        let target = try triggerTarget(request.version, request.alias, function)
        var violations = Violations()
        let name = violations.check { () throws(Failure) in try Name(request.name, field: "name") }
        if !request.type.isEmpty, Trigger.Kind(rawValue: request.type) == nil {
            violations.require(false, "type: \(quoted(request.type)) is not known; use http")
        }
        let source = violations.check { () throws(Failure) in try TriggerSource(request.source, field: "source") }
        check(labels: request.labels, extra: request.extra, &violations)
        let trigger = Trigger(
            meta: newMeta(labels: request.labels, extra: request.extra), appID: app.id, functionID: function.id,
            name: try violations.finish(name), source: try violations.finish(source).text, version: request.version,
            aliasID: target.alias, isLatest: request.alias == Alias.latest)
        try create(trigger, references: [function.id] + target.references)
        return trigger
    }

    /// Changes what is given; a version or alias that is given replaces the other. Another function must have what stays.
    package func updateTrigger(_ request: UpdateTriggerRequest) throws(Failure) -> Trigger {
        let app = try tables.named(request.app ?? "", .app)
        try checkStays(request.trigger ?? "", in: app)
        let row = try tables.named(request.trigger ?? "", .trigger, in: app)
        var trigger: Trigger = try entity(row)
        let function: Row =
            if let name = request.function {
                try tables.named(name, .function, in: app)
            } else {
                try owner(trigger.functionID)
            }
        if function.id != trigger.functionID || request.version != nil || request.alias != nil {
            let isNamed = request.version != nil || request.alias != nil
            // What is not named stays: the number or the name, of another function now.
            let version = isNamed ? request.version ?? 0 : trigger.version
            let alias = isNamed ? request.alias ?? "" : try aliasName(of: trigger)
            let target = try triggerTarget(version, alias, function)
            (trigger.version, trigger.aliasID, trigger.isLatest) = (version, target.alias, alias == Alias.latest)
        }
        // A function that another route was made with does not go with this one.
        if function.id != trigger.functionID { trigger.ownsFunction = false }
        trigger.functionID = function.id
        var violations = Violations()
        if let source = request.source {
            trigger.source =
                violations.check { () throws(Failure) in
                    try TriggerSource(source, field: "source").text
                } ?? ""
        }
        merge(labels: request.labels, extra: request.extra, into: &trigger.meta, &violations)
        try finish(violations, row, name: request.name, revision: request.revision)
        let references = try references(of: trigger, function)
        return try update(
            row, to: trigger, references: references, revision: routeRevision(of: row, with: references))
    }

    /// A trigger by its id, with another app than its own, would have to move.
    private func checkStays(_ text: String, in app: Row) throws(Failure) {
        guard let id = Identifier(text), let row = tables[id], row.kind == .trigger, row.parent != app.id else {
            return
        }
        throw Failure(
            .conflict,
            "app: trigger \(tables.name(of: row)) cannot move to app \(quoted(app.key)); its app never changes")
    }

    /// The least revision that a changed trigger may have. A route counts the revisions of what its trigger refers to, so
    /// where that becomes something else, which may be younger, the trigger's own makes up for it.
    private func routeRevision(of row: Row, with references: [Identifier]) -> UInt64 {
        guard let old = tables.routeRows(row.id)?.revision else { return 0 }
        let parts = RouteRows.revisions(of: references.compactMap { tables[$0] })
        return old < parts ? 0 : min(old + 1 - parts, Row.maxSetRevision)
    }

    /// Deletes a trigger; its function stays.
    package func deleteTrigger(_ request: DeleteTriggerRequest) throws(Failure) -> Deletion {
        let row = try tables.named(request.trigger, .trigger, in: try tables.named(request.app, .app))
        try check(revision: request.revision, of: row)
        try checkUnused("trigger \(tables.name(of: row))", [row])
        return remove([row])
    }

    /// The row of a function that another row refers to.
    func owner(_ id: Identifier) throws(Failure) -> Row {
        guard let row = tables[id] else {
            throw Failure(.internalError, "function \(id) is referred to and not there")
        }
        return row
    }

    /// What a trigger's alias is called; empty: it has none.
    private func aliasName(of trigger: Trigger) throws(Failure) -> String {
        if trigger.isLatest { return Alias.latest }
        guard let id = trigger.aliasID else { return "" }
        guard let row = tables[id] else { throw Failure(.internalError, "alias \(id) is referred to and not there") }
        return row.key
    }

    private func triggerTarget(
        _ version: UInt32, _ alias: String, _ function: Row
    ) throws(Failure) -> (alias: Identifier?, references: [Identifier]) {
        guard version == 0 || alias.isEmpty else {
            throw Failure(.invalid, "alias: \(quoted(alias)) and version \(version) exclude each other")
        }
        if version > 0 { return (nil, [try tables.version(version, of: function).id]) }
        if alias.isEmpty || alias == Alias.latest { return (nil, []) }
        let row = try tables.named(alias, .alias, in: function)
        return (row.id, [row.id])
    }

    /// What a trigger needs.
    func references(of trigger: Trigger, _ function: Row) throws(Failure) -> [Identifier] {
        var result = [function.id]
        if trigger.version > 0 { result.append(try tables.version(trigger.version, of: function).id) }
        if let alias = trigger.aliasID { result.append(alias) }
        return result
    }
}
