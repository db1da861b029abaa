package import Model
package import Wire

extension Transaction {
    /// Makes an app.
    package func createApp(_ request: CreateAppRequest) throws(Failure) -> App {
        var violations = Violations()
        let name = violations.check { () throws(Failure) in try Name(request.name, field: "name") }
        check(request.config, request.annotations, request.syslogURL, &violations)
        check(labels: request.labels, extra: request.extra, &violations)
        let app = App(
            meta: newMeta(labels: request.labels, extra: request.extra), name: try violations.finish(name),
            config: request.config, annotations: request.annotations, syslogURL: request.syslogURL)
        try create(app)
        return app
    }

    /// Changes an app's fields that are given.
    package func updateApp(_ request: UpdateAppRequest) throws(Failure) -> App {
        let row = try tables.named(request.app ?? "", .app)
        var app: App = try entity(row)
        app.config = app.config.merged(request.config)
        app.annotations = app.annotations.merged(request.annotations)
        if let syslogURL = request.syslogURL { app.syslogURL = syslogURL }
        var violations = Violations()
        check(app, &violations)
        merge(labels: request.labels, extra: request.extra, into: &app.meta, &violations)
        try finish(violations, row, name: request.name, revision: request.revision)
        return try update(row, to: app)
    }

    /// Deletes an app; with everything in it, if that is wanted.
    package func deleteApp(_ request: DeleteAppRequest) throws(Failure) -> Deletion {
        let row = try tables.named(request.app, .app)
        try check(revision: request.revision, of: row)
        let rows = descendants(of: row)
        if rows.count > 1 && !request.force && !request.preview {
            let counts = Dictionary(grouping: rows.dropLast(), by: \.kind).sorted { $0.key.rawValue < $1.key.rawValue }
            let content = counts.map { "\($0.value.count) \($0.key.rawValue)\($0.value.count == 1 ? "" : "s")" }
            throw Failure(
                .precondition,
                "app \(quoted(row.key)) is not empty: \(content.joined(separator: ", ")); use force to delete them too")
        }
        try checkUnused("app \(quoted(row.key))", rows, calls: .app(row.id))
        // Those who only look must not disturb calls.
        if !request.preview { try close(.app(row.id), "app \(quoted(row.key))") }
        return remove(rows)
    }

    /// The app of a request that may make it; the rules are those of ``createApp(_:)``.
    func appOrNew(_ text: String) throws(Failure) -> (row: Row, isNew: Bool) {
        if Identifier(text) != nil { return (try tables.named(text, .app), false) }
        let name = try Name(text, field: "app")
        if let row = tables.find(.app, in: nil, key: name.text) { return (row, false) }
        try create(App(meta: newMeta(labels: [:], extra: [:]), name: name))
        return (try tables.named(name.text, .app), true)
    }

    /// A row and all that belongs to it, children first.
    func descendants(of row: Row) -> [Row] {
        var result: [Row] = []
        for kind in EntityKind.allCases where kind.parent == row.kind {
            // From the end: removing the first of a long list moves all others.
            for child in tables.children(kind, of: row.id).reversed() { result += descendants(of: child) }
        }
        return result + [row]
    }

    /// Entities that an answer names as deleted: with names of any length it fits into a message.
    static let maxDeletedShown = 1000

    /// Removes rows, children first, and packages that nothing else needs.
    func remove(_ rows: [Row]) -> Deletion {
        let names = rows.prefix(Self.maxDeletedShown).map { row in
            EntityName(kind: row.kind.rawValue, id: row.id.description, name: tables.name(of: row))
        }
        for row in rows { delete(row) }
        dropPackages(rows.flatMap(\.references))
        return Deletion(entities: names, done: true, count: UInt64(rows.count))
    }

    /// Checks an app but for its name, labels and extra data.
    func check(_ app: App, _ violations: inout Violations) {
        check(app.config, app.annotations, app.syslogURL, &violations)
    }

    private func check(
        _ config: [String: String], _ annotations: [String: String], _ syslogURL: String,
        _ violations: inout Violations
    ) {
        violations.check { () throws(Failure) in try FunctionSpec.checkConfig(config) }
        violations.check { () throws(Failure) in try FunctionSpec.checkNotes("annotations", annotations) }
        violations.check { () throws(Failure) in try Checks.syslogURL(syslogURL) }
    }
}
