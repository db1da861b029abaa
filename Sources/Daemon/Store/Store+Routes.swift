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
    package func routes(_ request: ListRoutesRequest) throws(Failure) -> ListRoutesResponse {
        let (app, triggers) = try read { (tables) throws(Failure) in
            let app = try tables.named(request.app, .app)
            return (app, tables.children(.trigger, of: app.id))
        }
        let limit = try PageRequest(cursor: request.page.cursor, size: request.page.size).limit()
        let list = Cursor.List.routes(app: app.id)
        let after = try Cursor.key(of: request.page.cursor, in: list)
        let filter = try Filter(request.filter, fields: ListFields.of(.trigger))
        var routes: [Route] = []
        var last = after
        // One look at each function; a filter is not worth an index.
        let found = try triggers.page(after: after, descending: false, limit: limit + 1) { (row) throws(Failure) in
            guard filter.isEmpty ? true : try matches(filter, row, row.body) else { return false }
            // It may be deleted since the triggers were looked at; and what is newer than this daemon is for
            // Entities/GetRaw only.
            guard let rows = try read({ (tables) throws(Failure) in tables.routeRows(row) }),
                [row, rows.function].allSatisfy({ surroundings.dialects.knows($0.apiVersion) })
            else { return false }
            let made = try route(rows)
            guard request.image.isEmpty || made.image == request.image else { return false }
            if routes.count < limit {
                routes.append(made)
                last = row.key
            }
            return true
        }
        let next = found.count > limit ? last.map { Cursor.text(of: $0, in: list) } ?? "" : ""
        return ListRoutesResponse(routes: routes, nextCursor: next)
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
