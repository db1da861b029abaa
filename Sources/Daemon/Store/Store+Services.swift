package import Model
package import Wire

extension Store {
    /// A page of the services that can be called: the daemon's own, then those of functions by app, function and name.
    ///
    /// - Parameters:
    ///   - own: the daemon's.
    ///   - isVisible: whether the caller may see those of a function, by the names of its app and itself.
    package func services(
        own: [String], _ request: PageRequest, where isVisible: (_ app: String, _ function: String) -> Bool
    ) throws(Failure) -> ListPage<ServiceInfo> {
        var page = try PageBuilder<ServiceInfo>(request, .services)
        let after = try Cursor.key(of: request.cursor, in: .services).flatMap { ServiceKey($0) } ?? ServiceKey()
        for service in own.sorted() where after.app.isEmpty && service > after.service {
            let info = ServiceInfo(service: service, described: true)
            guard page.add(info, bytes: info.encodedSize, key: ServiceKey(service: service).text) else {
                return page.finish()
            }
        }
        var walk = FunctionWalk(self, app: after.app, function: after.function)
        while let (app, function) = try walk.next() {
            // What is newer than this daemon cannot be called.
            guard !function.claims.isEmpty, surroundings.dialects.knows(function.apiVersion),
                isVisible(app.key, function.key)
            else { continue }
            let entity: Function = try surroundings.dialects.decode(function, function.message(app: app.key))
            let first = ServiceKey(app: app.key, function: function.key)
            let rest = (after.app, after.function) == (app.key, function.key) ? after.service : ""
            for service in function.claims.sorted() where service > rest {
                let info = ServiceInfo(
                    service: service, app: app.key, function: function.key,
                    described: !entity.spec.descriptorSet.isEmpty)
                guard page.add(info, bytes: info.encodedSize, key: first.with(service).text) else {
                    return page.finish()
                }
            }
        }
        return page.finish()
    }
}

/// A service's place in the list of all.
struct ServiceKey: Equatable {
    /// Name of the app; empty: the daemon's own.
    var app = ""
    var function = ""
    var service = ""

    init(app: String = "", function: String = "", service: String = "") {
        self.app = app
        self.function = function
        self.service = service
    }

    /// `nil` for what ``text`` does not make.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, !parts[2].isEmpty else { return nil }
        let names = parts[..<2].filter { (try? Name($0, field: "cursor")) != nil }
        guard names.count == 2 || parts[..<2].allSatisfy(\.isEmpty) else { return nil }
        self.init(app: parts[0], function: parts[1], service: parts[2])
    }

    var text: String { "\(app)/\(function)/\(service)" }

    func with(_ service: String) -> ServiceKey { ServiceKey(app: app, function: function, service: service) }
}
