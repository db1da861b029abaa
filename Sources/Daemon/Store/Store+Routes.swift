package import Model
package import Wire

extension Store {
    /// A route by its path.
    package func route(_ path: String, of app: String) throws(Failure) -> Route {
        let rows = try read { (tables) throws(Failure) in
            let row = try tables.route(path, of: try tables.named(app, .app))
            guard let rows = tables.routeRows(row.id) else {
                throw Failure(.internalError, "the function of trigger \(row.id) is not there")
            }
            return rows
        }
        return try rows.view(surroundings.dialects).route
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
        let filter = try Filter(request.filter, fields: ListFields.ofRoutes)
        // One look at each function; a filter is not worth an index.
        try triggers.visit(after: after, descending: false) { (row) throws(Failure) in
            // It may be gone since the triggers were looked at.
            guard let rows = try read({ (tables) throws(Failure) in tables.routeRows(row.id) }),
                let view = try rows.readable(surroundings.dialects)
            else { return true }
            let route = view.route
            guard request.image.isEmpty || route.image == request.image,
                filter.matches({ ListFields.value(of: $0, view) })
            else { return true }
            let message = route.encoded()
            return page.add(message, bytes: message.count, key: row.key)
        }
        return page.finish()
    }
}
