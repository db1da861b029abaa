package import Model
package import Wire

extension Store {
    /// A route by its path.
    package func route(_ path: String, of app: String) throws(Failure) -> Route {
        let rows = try read { (tables) throws(Failure) in
            try tables.routeRows(try tables.route(path, of: try tables.named(app, .app)))
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
            let made = try route(try read { (tables) throws(Failure) in try tables.routeRows(row) })
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
    /// A trigger with its function.
    fileprivate func routeRows(_ trigger: Row) throws(Failure) -> (trigger: Row, function: Row, message: [UInt8]) {
        // The function is the first that it refers to.
        guard let function = trigger.references.first.flatMap({ self[$0] }) else {
            throw Failure(.internalError, "the function of trigger \(trigger.id) is not there")
        }
        return (trigger, function, message(of: function))
    }
}
