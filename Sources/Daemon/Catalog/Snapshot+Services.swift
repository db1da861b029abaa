internal import Model

extension Snapshot {
    /// Where a call of a service goes.
    package enum Route {
        case runnable(Runnable)
        /// No function serves it, or none of the app that was named.
        case noService
        /// The app that was named does not exist.
        case noApp
        /// Several apps have it, and none was named: their names, sorted.
        case ambiguous([String])
        /// The function that serves it does not have the version.
        case noVersion
        /// The version that was asked for does not have the service yet, or no more.
        case notServed
    }

    /// Finds the function that serves a service; its latest version decides which services those are. Allocates
    /// nothing if there is one.
    ///
    /// - Parameters:
    ///   - service: as it came off the wire.
    ///   - app: `nil`: the only one that has the service.
    ///   - version: 0 is the function as last deployed.
    package func route(
        service: UnsafeRawBufferPointer, app: UnsafeRawBufferPointer?, version: UInt32
    ) -> Route {
        guard let index = services.find(service) else {
            return app.map { apps.contains(Array($0)) } ?? true ? .noService : .noApp
        }
        let first = services.rows[index].first
        guard let app else {
            guard services.rows[index].isOnly else { return .ambiguous(services.apps(at: index, entries)) }
            return route(to: entries[first], service, version)
        }
        for place in services.rows[index].claims where entries[place].app.isSame(as: app) {
            return route(to: entries[place], service, version)
        }
        return apps.contains(Array(app)) ? .noService : .noApp
    }

    /// Whether any function serves it.
    package func serves(_ service: String) -> Bool {
        var service = service
        return service.withUTF8 { services.find(UnsafeRawBufferPointer($0)) != nil }
    }

    /// Every function, as `app/function`, sorted.
    package var functionNames: [String] {
        entries.map { String(decoding: $0.app, as: UTF8.self) + "/" + String(decoding: $0.function, as: UTF8.self) }
            .sorted()
    }

    private func route(to entry: Entry, _ service: UnsafeRawBufferPointer, _ version: UInt32) -> Route {
        guard let found = entry.versions[version == 0 ? entry.latest : version] else { return .noVersion }
        // The latest one is how the service was found.
        if version == 0 || version == entry.latest { return .runnable(found) }
        for name in found.version.spec.services where name.utf8.elementsEqual(service) { return .runnable(found) }
        return .notServed
    }

    /// A service that a function serves.
    package struct Service: Sendable {
        /// Its full name.
        package let name: String
        package let app: String
        package let function: String
        /// The function as last deployed.
        package let latest: Runnable
    }

    /// Every service that can be called by its own name: by name, then app.
    package var allServices: [Service] {
        services.rows.flatMap { row in
            row.claims.compactMap { place in
                guard let latest = entries[place].versions[entries[place].latest] else { return nil }
                return Service(
                    name: String(decoding: row.name, as: UTF8.self), app: latest.function.appName.text,
                    function: latest.function.name.text, latest: latest)
            }
        }
    }
}

/// From the name of a service to the functions that serve it.
struct ServiceTable: Sendable {
    struct Row: Sendable {
        let name: [UInt8]
        /// Indexes of the snapshot's entries, by app; never empty.
        let claims: [Int]

        var first: Int { claims[0] }
        var isOnly: Bool { claims.count == 1 }
    }

    /// By name.
    let rows: [Row]
    /// Open addressing: indexes into `rows` plus 1; 0 is empty. A power of two, at most half full.
    private let table: [UInt32]

    init(_ entries: [Snapshot.Entry]) {
        var claims: [String: [Int]] = [:]
        for (index, entry) in entries.enumerated() {
            for service in entry.versions[entry.latest]?.version.spec.services ?? [] {
                claims[service, default: []].append(index)
            }
        }
        rows = claims.sorted { $0.key < $1.key }.map { service, places in
            Row(name: Array(service.utf8), claims: Self.onePerApp(places, entries))
        }
        var size = 16
        while size < rows.count * 2 { size *= 2 }
        var table = [UInt32](repeating: 0, count: size)
        for (index, row) in rows.enumerated() {
            var place = row.name.withUnsafeBytes { Self.hash($0) }
            while table[place & (size - 1)] != 0 { place += 1 }
            table[place & (size - 1)] = UInt32(index + 1)
        }
        self.table = table
    }

    /// The index of a service's row.
    func find(_ service: UnsafeRawBufferPointer) -> Int? {
        let mask = table.count - 1
        var place = Self.hash(service)
        while table[place & mask] != 0 {
            let index = Int(table[place & mask]) - 1
            if rows[index].name.isSame(as: service) { return index }
            place += 1
        }
        return nil
    }

    func apps(at index: Int, _ entries: [Snapshot.Entry]) -> [String] {
        rows[index].claims.map { String(decoding: entries[$0].app, as: UTF8.self) }
    }

    /// The store lets only one function of an app have a service. Versions may arrive here out of order, so for a
    /// moment two may: then the name decides, the same way every time.
    private static func onePerApp(_ places: [Int], _ entries: [Snapshot.Entry]) -> [Int] {
        func key(_ place: Int) -> ([UInt8], [UInt8]) { (entries[place].app, entries[place].function) }
        let sorted = places.sorted { left, right in
            let (left, right) = (key(left), key(right))
            if left.0 != right.0 { return left.0.lexicographicallyPrecedes(right.0) }
            return left.1.lexicographicallyPrecedes(right.1)
        }
        var result: [Int] = []
        for place in sorted {
            if let last = result.last, entries[last].app == entries[place].app { continue }
            result.append(place)
        }
        return result
    }

    private static func hash(_ name: UnsafeRawBufferPointer) -> Int {
        Snapshot.hash(name, UnsafeRawBufferPointer(start: nil, count: 0))
    }
}
