package import Model

extension Catalog {
    /// Where a call of a service goes.
    package enum Route {
        case runnable(Runnable)
        /// No function serves it, or none of the app that was named.
        case noService
        /// The app that was named does not exist.
        case noApp
        /// Several apps have it, and none was named: the functions, sorted by app.
        case ambiguous([(app: String, function: String)])
        /// The number that was asked for, or that the alias points to: the function that serves it does not have it.
        case noVersion(UInt32)
        case noAlias
        /// The version that was asked for does not have the service yet, or no more.
        case notServed(Runnable)
        /// Why this daemon cannot read the function that serves it, or the version or alias that was asked for.
        case unreadable(Failure)
    }

    /// Finds what a call of a service runs; the source says which function serves it.
    ///
    /// - Parameters:
    ///   - service: as it came off the wire.
    ///   - app: name or id; `nil`: the only one that has the service.
    ///   - split: as for ``find(app:function:_:split:)``.
    package func route(
        service: UnsafeRawBufferPointer, app: UnsafeRawBufferPointer?, _ choice: VersionChoice = .working,
        split: (_ stickyKey: String) -> UInt64
    ) -> Route {
        // Without a name it would be looked for in all apps.
        if let app, app.isEmpty { return .noApp }
        let scope = app ?? UnsafeRawBufferPointer(start: nil, count: 0)
        while true {
            let entry: CatalogEntry
            if let known = names.find(.service, scope, service) {
                entry = known
            } else {
                switch loadServer(service, app) {
                case .entry(let loaded): entry = loaded
                case .none(let route): return route
                }
            }
            switch resolve(entry, choice, split) {
            case .runnable(let found): return found.serves(service) ? .runnable(found) : .notServed(found)
            case .noVersion(let number): return .noVersion(number)
            case .noAlias: return .noAlias
            case .unreadable(let failure): return .unreadable(failure)
            case .noApp, .noFunction: return .noService
            case nil: continue
            }
        }
    }

    private enum Server {
        case entry(CatalogEntry)
        case none(Route)
    }

    private func loadServer(_ service: UnsafeRawBufferPointer, _ app: UnsafeRawBufferPointer?) -> Server {
        let name = String(decoding: service.prefix(FunctionSpec.Limits.serviceBytes + 1), as: UTF8.self)
        let key = NameKey(.service, app ?? UnsafeRawBufferPointer(start: nil, count: 0), service)
        while true {
            let seen = generation
            let servers = source.servers(of: name)
            let found: Identifier
            if let app {
                let named = servers.first { $0.app.utf8.elementsEqual(app) }
                guard let server = named ?? server(ofApp: Identifier(utf8: app), servers) else {
                    let app = String(decoding: app.prefix(Name.maxBytes + 1), as: UTF8.self)
                    return .none(source.triggers(app: app) == nil ? .noApp : .noService)
                }
                found = server.function
            } else {
                guard let first = servers.first else { return .none(.noService) }
                guard servers.count == 1 else {
                    return .none(
                        .ambiguous(
                            servers.compactMap { app, id in
                                source.function(id: id).contents.map { (app, $0.function.name.text) }
                            }))
                }
                found = first.function
            }
            switch source.function(id: found) {
            case .found(let contents):
                if let entry = insert(contents, key, ifStill: seen) { return .entry(entry) }
            case .unreadable(let failure): return .none(.unreadable(failure))
            case .noApp, .noFunction: if generation == seen { return .none(.noService) }
            }
        }
    }

    private func server(
        ofApp id: Identifier?, _ servers: [(app: String, function: Identifier)]
    ) -> (app: String, function: Identifier)? {
        guard let id else { return nil }
        return servers.first { source.triggers(app: $0.app)?.app == id }
    }
}
