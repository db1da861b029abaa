import GRDB
import Model

extension SQLiteStore {
    private static let functionColumns =
        "SELECT functions.*, apps.name AS app_name FROM functions JOIN apps ON apps.id = functions.app_id"

    package func createApp(name: Name, labels: [String: String]) async throws(Failure) -> App {
        let time = now()
        let app = App(meta: Meta(id: Rules.newID(time), createdAt: time, labels: labels), name: name)
        return try await write { database in
            guard try Self.app(.name(name), database) == nil else { throw Rules.appExists(name) }
            try Self.insert(app, database)
            return app
        }
    }

    package func app(_ app: String) async throws(Failure) -> App {
        try await read { try Self.app(app, $0) }
    }

    package func apps(page: PageRequest) async throws(Failure) -> Page<App> {
        let limit = try page.limit()
        let after = try Cursor.key(of: page.cursor, in: .apps) ?? ""
        return try await read { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT * FROM apps WHERE name > ? ORDER BY name LIMIT ?", arguments: [after, limit + 1])
            return Page(found: try rows.map(Rows.app), limit: limit, list: .apps) { $0.name.text }
        }
    }

    package func deploy(_ deployment: Deployment) async throws(Failure) -> DeployResult {
        let time = now()
        return try await write { database in
            guard let package = try Self.package(deployment.package, database) else {
                throw Rules.noPackage(deployment.package)
            }
            let known = try Self.app(.name(deployment.app), database)
            let app = known ?? App(meta: Meta(id: Rules.newID(time), createdAt: time), name: deployment.app)
            let previous = try Self.function(.name(deployment.function), app, database)
            let (function, version) = try Rules.publish(
                deployment, app: app, function: previous, package: package, now: time)
            try Self.checkServices(of: function, database)
            if known == nil { try Self.insert(app, database) }
            if previous == nil {
                try Self.insert(function, database)
            } else {
                try Self.update(function, database)
            }
            try Self.insert(version, database)
            try Self.replaceServices(of: function, database)
            return DeployResult(
                app: app, function: function, version: version, createdApp: known == nil,
                createdFunction: previous == nil)
        }
    }

    package func function(app: String, function: String) async throws(Failure) -> Function {
        try await read { try Self.function(app, function, $0) }
    }

    package func functions(app: String, page: PageRequest) async throws(Failure) -> Page<Function> {
        try await read { database in
            let parent = try Self.app(app, database)
            let list = Cursor.List.functions(app: parent.meta.id)
            let limit = try page.limit()
            let after = try Cursor.key(of: page.cursor, in: list) ?? ""
            let rows = try Row.fetchAll(
                database,
                sql: Self.functionColumns + " WHERE app_id = ? AND functions.name > ? ORDER BY functions.name LIMIT ?",
                arguments: [parent.meta.id.description, after, limit + 1])
            return Page(found: try rows.map(Rows.function), limit: limit, list: list) { $0.name.text }
        }
    }

    package func version(app: String, function: String, number: UInt32) async throws(Failure) -> Version {
        try await read { database in
            let parent = try Self.function(app, function, database)
            let number = try Rules.versionNumber(number)
            guard
                let row = try Row.fetchOne(
                    database, sql: "SELECT * FROM versions WHERE function_id = ? AND number = ?",
                    arguments: [parent.meta.id.description, Int64(number)])
            else { throw Rules.noVersion(parent, number) }
            return try Rows.version(row)
        }
    }

    package func versions(
        app: String, function: String, page: PageRequest
    ) async throws(Failure) -> Page<Version> {
        try await read { database in
            let parent = try Self.function(app, function, database)
            let list = Cursor.List.versions(function: parent.meta.id)
            let limit = try page.limit()
            let before = try Cursor.key(of: page.cursor, in: list).flatMap { Int64($0) } ?? Int64.max
            let rows = try Row.fetchAll(
                database,
                sql: "SELECT * FROM versions WHERE function_id = ? AND number < ? ORDER BY number DESC LIMIT ?",
                arguments: [parent.meta.id.description, before, limit + 1])
            return Page(found: try rows.map(Rows.version), limit: limit, list: list) { String($0.number) }
        }
    }

    package func catalog() async throws(Failure) -> CatalogContents {
        try await read { database in
            let functions = try Row.fetchAll(
                database, sql: Self.functionColumns + " ORDER BY apps.name, functions.name")
            let versions = try Row.fetchAll(database, sql: "SELECT * FROM versions ORDER BY function_id, number")
            return CatalogContents(
                functions: try functions.map(Rows.function), versions: try versions.map(Rows.version))
        }
    }

    package func addPackage(_ package: StoredPackage) async throws(Failure) -> StoredPackage {
        try await write { database in
            if let known = try Self.package(package.digest, database) { return known }
            try Rows.insert(
                "packages", package.meta,
                [
                    "digest": package.digest.description, "bytes": Int64(clamping: package.bytes),
                    "entries": Int64(package.entries),
                ], database)
            return package
        }
    }

    package func package(_ digest: Digest) async throws(Failure) -> StoredPackage {
        try await read { database in
            guard let package = try Self.package(digest, database) else { throw Rules.noPackage(digest) }
            return package
        }
    }

    // MARK: - Within a transaction

    static func app(_ text: String, _ database: Database) throws -> App {
        guard let app = try app(Reference(text, field: "app"), database) else { throw Rules.noApp(text) }
        return app
    }

    static func function(_ app: String, _ function: String, _ database: Database) throws -> Function {
        let parent = try Self.app(app, database)
        guard let found = try Self.function(Reference(function, field: "function"), parent, database) else {
            throw Rules.noFunction(parent, function)
        }
        return found
    }

    private static func app(_ reference: Reference, _ database: Database) throws -> App? {
        let (column, value) = reference.match
        return try Row.fetchOne(database, sql: "SELECT * FROM apps WHERE \(column) = ?", arguments: [value])
            .map(Rows.app)
    }

    private static func function(_ reference: Reference, _ app: App, _ database: Database) throws -> Function? {
        let (column, value) = reference.match
        return try Row.fetchOne(
            database, sql: functionColumns + " WHERE app_id = ? AND functions.\(column) = ?",
            arguments: [app.meta.id.description, value]
        ).map(Rows.function)
    }

    private static func package(_ digest: Digest, _ database: Database) throws -> StoredPackage? {
        try Row.fetchOne(
            database, sql: "SELECT * FROM packages WHERE digest = ?", arguments: [digest.description]
        ).map(Rows.package)
    }

    private static func insert(_ app: App, _ database: Database) throws {
        try Rows.insert("apps", app.meta, ["name": app.name.text], database)
    }

    private static func insert(_ function: Function, _ database: Database) throws {
        try Rows.insert(
            "functions", function.meta,
            [
                "app_id": function.appID.description, "name": function.name.text,
                "spec": try StoredText.encode(function.spec), "package": (function.package?.description ?? ""),
                "latest_version": Int64(function.latestVersion),
            ], database)
    }

    private static func update(_ function: Function, _ database: Database) throws {
        let meta = function.meta
        try database.execute(
            sql: """
                UPDATE functions SET revision = ?, updated_at = ?, labels = ?, spec = ?, package = ?, latest_version = ?
                WHERE id = ?
                """,
            arguments: [
                Int64(clamping: meta.revision), meta.updatedAt.nanoseconds, try StoredText.encode(meta.labels),
                try StoredText.encode(function.spec), (function.package?.description ?? ""), Int64(function.latestVersion),
                meta.id.description,
            ])
    }

    /// - Throws: `exists` with the first service that another function of the app has.
    private static func checkServices(of function: Function, _ database: Database) throws {
        for service in function.spec.services {
            let holder = try String.fetchOne(
                database,
                sql: """
                    SELECT functions.name FROM function_services JOIN functions ON functions.id = function_id
                    WHERE function_services.app_id = ? AND service = ? AND function_id <> ?
                    """,
                arguments: [function.appID.description, service, function.meta.id.description])
            if let holder { throw Rules.serviceTaken(service, app: function.appName, by: holder) }
        }
    }

    private static func replaceServices(of function: Function, _ database: Database) throws {
        try database.execute(
            sql: "DELETE FROM function_services WHERE function_id = ?", arguments: [function.meta.id.description])
        for service in Set(function.spec.services) {
            try database.execute(
                sql: "INSERT INTO function_services (app_id, service, function_id) VALUES (?, ?, ?)",
                arguments: [function.appID.description, service, function.meta.id.description])
        }
    }

    private static func insert(_ version: Version, _ database: Database) throws {
        try Rows.insert(
            "versions", version.meta,
            [
                "function_id": version.functionID.description, "number": Int64(version.number),
                "description": version.description, "spec": try StoredText.encode(version.spec),
                "package": (version.package?.description ?? ""), "package_bytes": Int64(clamping: version.packageBytes),
                "interpreter": version.runtime.interpreter,
            ], database)
    }
}
