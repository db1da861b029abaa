package import Model
package import Wire

extension Store {
    /// A route by its path.
    package func route(_ path: String, of app: String) throws(Failure) -> Route {
        let rows = try read { (tables) throws(Failure) in
            let row = try tables.route(path, of: try tables.named(app, .app))
            guard let rows = tables.routeRows(row) else {
                throw Failure(.internalError, "the function of trigger \(row.id) is not there")
            }
            return rows
        }
        return try route(rows)
    }

    /// The routes of an app, by their triggers' names.
    package func routes(_ request: ListRoutesRequest) throws(Failure) -> ListPage<[UInt8]> {
        let (app, triggers) = try read { (tables) throws(Failure) in
            let app = try tables.named(request.app, .app)
            return (app, tables.children(.trigger, of: app.id))
        }
        let list = Cursor.List.routes(app: app.id)
        var page = try PageBuilder<[UInt8]>(PageRequest(request.page), list)
        let after = try Cursor.key(of: request.page.cursor, in: list)
        let filter = try Filter(request.filter, fields: ListFields.of(.trigger))
        // One look at each function; a filter is not worth an index.
        try triggers.visit(after: after, descending: false) { (row) throws(Failure) in
            guard filter.isEmpty ? true : try matches(filter, row, row.body) else { return true }
            // It may be deleted since the triggers were looked at; and what is newer than this daemon is for
            // Entities/GetRaw only.
            guard let rows = try read({ (tables) throws(Failure) in tables.routeRows(row) }),
                [row, rows.function].allSatisfy({ surroundings.dialects.knows($0.apiVersion) })
            else { return true }
            let made = try route(rows)
            guard request.image.isEmpty || made.image == request.image else { return true }
            let message = made.encoded()
            return page.add(message, bytes: message.count, key: row.key)
        }
        return page.finish()
    }

    private func route(_ rows: (trigger: Row, function: Row, message: [UInt8])) throws(Failure) -> Route {
        Route(
            try surroundings.dialects.decode(rows.trigger, rows.trigger.body, as: Trigger.self),
            try surroundings.dialects.decode(rows.function, rows.message, as: Function.self))
    }
}

extension Tables {
    /// A trigger with its function, if that is there.
    fileprivate func routeRows(_ trigger: Row) -> (trigger: Row, function: Row, message: [UInt8])? {
        // The function is the first that it refers to.
        trigger.references.first.flatMap { self[$0] }.map { (trigger, $0, message(of: $0)) }
    }
}
