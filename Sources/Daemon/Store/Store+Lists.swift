package import Model
internal import Wire

/// Which part of which list is wanted.
package struct ListRequest: Sendable {
    package var page: PageRequest
    /// Filter text; empty: everything.
    package var filter: String

    package init(page: PageRequest = PageRequest(), filter: String = "") {
        self.page = page
        self.filter = filter
    }
}

extension Store {
    /// A page of the messages of a kind, by key; versions newest first.
    ///
    /// - Parameter parent: finds what they belong to.
    package func list(
        _ kind: EntityKind, _ request: ListRequest,
        of parent: (borrowing Tables) throws(Failure) -> Row? = { _ throws(Failure) in nil },
        where extra: @Sendable (Row) -> Bool = { _ in true }
    ) throws(Failure) -> ListPage<[UInt8]> {
        let (owner, rows, app) = try read { (tables) throws(Failure) in
            let owner = try parent(tables)
            return (owner, tables.children(kind, of: owner?.id), owner?.key ?? "")
        }
        let list = Cursor.List.entities(kind, parent: owner?.id)
        var page = try PageBuilder<[UInt8]>(request.page, list)
        let after = try Cursor.key(of: request.page.cursor, in: list)
        let filter = try Filter(request.filter, fields: ListFields.of(kind))
        // Outside of the lock: a filter may look at every row.
        try rows.visit(after: after, descending: kind == .version) { (row) throws(Failure) in
            // Rows that are newer than this daemon are for Entities/GetRaw only.
            guard extra(row), surroundings.dialects.knows(row.apiVersion) else { return true }
            let message = row.message(app: app)
            guard filter.isEmpty ? true : try matches(filter, row, message) else { return true }
            let readable = try surroundings.dialects.readable(row, message)
            return page.add(readable, bytes: readable.count, key: row.key)
        }
        return page.finish()
    }

    /// Whether a row is wanted; one that this daemon cannot read is known by its columns alone.
    func matches(_ filter: Filter, _ row: Row, _ message: [UInt8]) throws(Failure) -> Bool {
        guard surroundings.dialects.knows(row.apiVersion) else {
            return filter.matches { row.value(of: $0) }
        }
        let entity = try surroundings.dialects.decode(row, message)
        return filter.matches { row.value(of: $0) ?? ListFields.value(of: $0, entity) }
    }

    /// How many rows there are of each kind and api_version.
    package func countByAPIVersion() throws(Failure) -> [EntityKind: [UInt32: Int]] {
        try read { $0.counts }
    }
}

extension Row {
    /// What a filter finds in the columns.
    fileprivate func value(of field: FilterField) -> FilterValue? {
        switch field {
        case .named("api_version"): .number(Int64(apiVersion))
        case .named("id"): .text(id.description)
        case .named("name") where kind != .version: .text(key)
        case .named("number") where kind == .version: .number(Int64(VersionKey.number(key)))
        case .named("revision"): .number(Int64(clamping: revision))
        case .named("created_at"): .time(createdAt)
        case .named("updated_at"): .time(updatedAt)
        default: nil
        }
    }
}

/// What can be filtered by, for each kind; the one table of it.
package enum ListFields {
    /// The fields of a kind.
    package static func of(_ kind: EntityKind) -> FilterFields { FilterFields(own(kind)) }

    /// Those that not every kind has.
    private static func own(_ kind: EntityKind) -> [FilterFields.Entry] {
        switch kind {
        case .function:
            [
                .init("runtime", .text, "name of the runtime"), .init("format", .text, "how it is spoken to"),
                .init("image", .text, "reference of its image"), .init("type", .text, "sync or async"),
                .init("latest_version", .number, "highest published version"),
                .init("working_version", .number, "version that the working copy equals; 0: none"),
            ]
        case .version:
            [
                .init("number", .number, "the version's number"), .init("description", .text, "for people"),
                .init("package_digest", .text, "digest of its package"),
            ]
        case .alias: [.init("version", .number, "the version that it names")]
        case .trigger:
            [
                .init("source", .text, "path"), .init("function_id", .text, "id of its function"),
                .init("version", .number, "version that it names; 0: none"),
            ]
        case .runtime: [.init("root", .text, "host, folder:PATH or image:REFERENCE")]
        case .package: [.init("digest", .text, "of the canonical tar")]
        case .app, .secret, .token: []
        }
    }

    /// The fields of routes: those of their triggers, and those of what calls run.
    static let ofRoutes = FilterFields(
        own(.trigger) + [
            .init("path", .text, "its path"), .init("image", .text, "reference of its image"),
            .init("type", .text, "sync or async"), .init("format", .text, "how its function is spoken to"),
        ])

    static func value(of field: FilterField, _ view: RouteView) -> FilterValue? {
        switch field {
        case .named("revision"): .number(Int64(clamping: view.revision))
        case .named("updated_at"): .time(view.updatedAt)
        case .named("name"): .text(view.trigger.name.text)
        case .named("path"): .text(view.trigger.source)
        case .named("image"): .text(view.spec.image)
        case .named("type"): .text(view.spec.callType.rawValue)
        case .named("format"): .text(view.spec.format.rawValue)
        default: value(of: field, view.trigger)
        }
    }

    static func value(of field: FilterField, _ entity: any Entity) -> FilterValue? {
        guard case .named(let name) = field else { return entity.meta.value(of: field) }
        switch (entity, name) {
        case (let function as Function, "runtime"): return .text(function.spec.runtime.rawValue)
        case (let function as Function, "format"): return .text(function.spec.format.rawValue)
        case (let function as Function, "image"): return .text(function.spec.image)
        case (let function as Function, "type"): return .text(function.spec.callType.rawValue)
        case (let function as Function, "latest_version"): return .number(Int64(function.latestVersion))
        case (let function as Function, "working_version"): return .number(Int64(function.workingVersion))
        case (let version as Version, "description"): return .text(version.description)
        case (let version as Version, "package_digest"): return .text(version.package?.description ?? "")
        case (let alias as Alias, "version"): return .number(Int64(alias.target.version))
        case (let trigger as Trigger, "source"): return .text(trigger.source)
        case (let trigger as Trigger, "function_id"): return .text(trigger.functionID.description)
        case (let trigger as Trigger, "version"): return .number(Int64(trigger.version))
        case (let runtime as Runtime, "root"): return .text(runtime.root)
        case (let package as StoredPackage, "digest"): return .text(package.digest.description)
        default: return entity.meta.value(of: field)
        }
    }
}
