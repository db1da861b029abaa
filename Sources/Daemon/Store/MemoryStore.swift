import Model

/// A ``Store`` that forgets everything when it goes: for tests and for daemons without a disk. Thread-safe.
package actor MemoryStore: Store {
    package nonisolated let schemaVersion = Migrations.count
    package nonisolated let instanceID: Identifier

    let now: @Sendable () -> Timestamp
    private var apps: [Identifier: App] = [:]
    private var functions: [Identifier: Function] = [:]
    private var versions: [Identifier: [Version]] = [:]
    private var packages: [Digest: StoredPackage] = [:]
    private var calls: [Identifier: CallRecord] = [:]
    var tokens: [Name: (token: Token, hash: [UInt8])] = [:]

    /// - Parameter now: the clock for the entities' times.
    package init(now: @escaping @Sendable () -> Timestamp = { Timestamp.now() }) {
        self.now = now
        instanceID = Rules.newID(now())
    }

    package func createApp(name: Name, labels: [String: String]) throws(Failure) -> App {
        guard find(.name(name)) == nil else { throw Rules.appExists(name) }
        let time = now()
        let app = App(meta: Meta(id: Rules.newID(time), createdAt: time, labels: labels), name: name)
        apps[app.meta.id] = app
        return app
    }

    package func app(_ app: String) throws(Failure) -> App {
        guard let found = find(try Reference(app, field: "app")) else { throw Rules.noApp(app) }
        return found
    }

    package func apps(page: PageRequest) throws(Failure) -> Page<App> {
        let after = try Cursor.key(of: page.cursor, in: .apps)
        let found = apps.values.filter { $0.name.text > after ?? "" }.sorted { $0.name < $1.name }
        return Page(found: found, limit: try page.limit(), list: .apps) { $0.name.text }
    }

    package func deploy(_ deployment: Deployment) throws(Failure) -> DeployResult {
        guard let package = packages[deployment.package] else { throw Rules.noPackage(deployment.package) }
        let time = now()
        let known = find(.name(deployment.app))
        let app = known ?? App(meta: Meta(id: Rules.newID(time), createdAt: time), name: deployment.app)
        let previous = find(.name(deployment.function), in: app)
        let (function, version) = try Rules.publish(
            deployment, app: app, function: previous, package: package, now: time)
        for service in function.spec.services {
            let holder = functions.values.first {
                $0.appID == app.meta.id && $0.meta.id != function.meta.id && $0.spec.services.contains(service)
            }
            if let holder { throw Rules.serviceTaken(service, app: app.name, by: holder.name.text) }
        }
        apps[app.meta.id] = app
        functions[function.meta.id] = function
        versions[function.meta.id, default: []].append(version)
        return DeployResult(
            app: app, function: function, version: version, createdApp: known == nil, createdFunction: previous == nil)
    }

    package func function(app: String, function: String) throws(Failure) -> Function {
        let parent = try self.app(app)
        guard let found = find(try Reference(function, field: "function"), in: parent) else {
            throw Rules.noFunction(parent, function)
        }
        return found
    }

    package func functions(app: String, page: PageRequest) throws(Failure) -> Page<Function> {
        let parent = try self.app(app)
        let list = Cursor.List.functions(app: parent.meta.id)
        let after = try Cursor.key(of: page.cursor, in: list)
        let found = functions.values.filter { $0.appID == parent.meta.id && $0.name.text > after ?? "" }
            .sorted { $0.name < $1.name }
        return Page(found: found, limit: try page.limit(), list: list) { $0.name.text }
    }

    package func version(app: String, function: String, number: UInt32) throws(Failure) -> Version {
        let parent = try self.function(app: app, function: function)
        let number = try Rules.versionNumber(number)
        guard let found = versions[parent.meta.id]?.first(where: { $0.number == number }) else {
            throw Rules.noVersion(parent, number)
        }
        return found
    }

    package func versions(app: String, function: String, page: PageRequest) throws(Failure) -> Page<Version> {
        let parent = try self.function(app: app, function: function)
        let list = Cursor.List.versions(function: parent.meta.id)
        let before = try Cursor.key(of: page.cursor, in: list).flatMap { UInt32($0) }
        let found = (versions[parent.meta.id] ?? []).reversed().filter { $0.number < before ?? .max }
        return Page(found: found, limit: try page.limit(), list: list) { String($0.number) }
    }

    package func catalog() -> CatalogContents {
        CatalogContents(
            functions: functions.values.sorted { ($0.appName, $0.name) < ($1.appName, $1.name) },
            versions: versions.sorted { $0.key < $1.key }.flatMap(\.value))
    }

    package func addPackage(_ package: StoredPackage) -> StoredPackage {
        let known = packages[package.digest] ?? package
        packages[package.digest] = known
        return known
    }

    package func package(_ digest: Digest) throws(Failure) -> StoredPackage {
        guard let found = packages[digest] else { throw Rules.noPackage(digest) }
        return found
    }

    package func append(_ calls: [CallRecord]) throws(Failure) {
        let ids = Set(calls.map(\.meta.id))
        guard ids.count == calls.count, ids.allSatisfy({ self.calls[$0] == nil }) else { throw Rules.callExists() }
        for call in calls { self.calls[call.meta.id] = call }
    }

    package func calls(app: String, function: String, page: PageRequest) throws(Failure) -> Page<CallRecord> {
        let scope = try scope(ofCallsIn: app, function)
        let list = Cursor.List.calls(scope: scope)
        let before = try Cursor.key(of: page.cursor, in: list).flatMap { Identifier($0) }
        let found = calls.values.filter { call in
            (scope == nil || call.functionID == scope || call.appID == scope)
                && before.map { call.meta.id < $0 } ?? true
        }
        return Page(
            found: found.sorted { $0.meta.id > $1.meta.id }.map(Self.withoutLog), limit: try page.limit(), list: list
        ) { $0.meta.id.description }
    }

    private func scope(ofCallsIn app: String, _ function: String) throws(Failure) -> Identifier? {
        if app.isEmpty && function.isEmpty { return nil }
        return function.isEmpty ? try self.app(app).meta.id : try self.function(app: app, function: function).meta.id
    }

    package func call(_ id: String) throws(Failure) -> CallRecord {
        Self.withoutLog(try find(call: id))
    }

    package func callLog(_ id: String) throws(Failure) -> CallLog {
        let call = try find(call: id)
        return CallLog(bytes: call.log, truncated: call.logTruncated)
    }

    package func pruneCalls(keep: Int) -> Int {
        let old = calls.keys.sorted(by: >).dropFirst(max(keep, 0))
        for id in old { calls[id] = nil }
        return old.count
    }

    package func counts() -> StoreCounts {
        StoreCounts(
            apps: apps.count, functions: functions.count, versions: versions.values.reduce(0) { $0 + $1.count },
            packages: packages.count, calls: calls.count)
    }

    private func find(_ reference: Reference) -> App? {
        switch reference {
        case .id(let id): apps[id]
        case .name(let name): apps.values.first { $0.name == name }
        }
    }

    private func find(_ reference: Reference, in app: App) -> Function? {
        switch reference {
        case .id(let id): functions[id].flatMap { $0.appID == app.meta.id ? $0 : nil }
        case .name(let name): functions.values.first { $0.appID == app.meta.id && $0.name == name }
        }
    }

    private func find(call text: String) throws(Failure) -> CallRecord {
        let id = try Rules.callID(text)
        guard let call = calls[id] else { throw Rules.noCall(id) }
        return call
    }

    private static func withoutLog(_ call: CallRecord) -> CallRecord {
        var call = call
        call.log = []
        return call
    }
}
