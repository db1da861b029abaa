internal import Access
internal import Catalog
internal import Drivers
internal import Model
internal import Store

/// What can be called, as the store has it in memory. Of rows that this daemon cannot read it is said that they
/// are there, no more. Thread-safe.
struct StoreSource: CatalogSource {
    let store: Store

    func function(app: String, name: String) -> CatalogAnswer {
        do throws(Failure) {
            let found = try store.read { (tables) throws(Failure) -> Rows? in
                let app = try tables.named(app, .app)
                guard let function = try? tables.named(name, .function, in: app) else { return nil }
                return Rows(tables, app: app, function: function)
            }
            return answer(found)
        } catch {
            return .noApp
        }
    }

    func function(id: Identifier) -> CatalogAnswer {
        let rows = try? store.read { (tables) throws(Failure) -> Rows? in
            guard let function = tables[id], function.kind == .function,
                let app = function.parent.flatMap({ tables[$0] })
            else { return nil }
            return Rows(tables, app: app, function: function)
        }
        return answer(rows.flatMap { $0 })
    }

    func triggers(app: String) -> (app: Identifier, triggers: [Trigger])? {
        let found = try? store.read { (tables) throws(Failure) in
            let app = try tables.named(app, .app)
            return (app.id, tables.children(.trigger, of: app.id))
        }
        return found.map { ($0.0, $0.1.compactMap { try? store.surroundings.dialects.decode($0, $0.body) }) }
    }

    func servers(of service: String) -> [(app: String, function: Identifier)] {
        let found = try? store.read { (tables) throws(Failure) in
            tables.servers(of: service).map { (app: $0.parent.flatMap { tables[$0] }?.key ?? "", function: $0.id) }
        }
        return (found ?? []).sorted { $0.app < $1.app }
    }

    /// The values of a function's secrets, for its container.
    func secrets(of runnable: Runnable, _ box: SecretBox) -> Result<[SandboxSecret], Failure> {
        do throws(Failure) {
            var secrets: [SandboxSecret] = []
            for name in runnable.version.spec.secrets {
                let row = try store.read { (tables) throws(Failure) in
                    guard let row = tables.find(.secret, in: runnable.function.appID, key: name) else {
                        throw Failure(.precondition, "\(runnable.name): secret \(quoted(name)) is not there")
                    }
                    return row
                }
                var value = try box.open(row.sealed, for: row.id)
                defer { value.wipe() }
                secrets.append(try SandboxSecret(name: try Name(name, field: "secret"), value: value))
            }
            return .success(secrets)
        } catch {
            return .failure(error)
        }
    }

    /// Whether the key is the one that the secrets were encrypted with: better now than when a function wants one.
    func check(_ box: SecretBox) throws(Failure) {
        let row = try store.read { tables in tables.all.first { $0.kind == .secret } }
        guard let row else { return }
        var value = try box.open(row.sealed, for: row.id)
        value.wipe()
    }

    /// All rows of one function, of one moment.
    private struct Rows {
        let app: Row
        let function: Row
        let versions: ContiguousArray<Row>
        let aliases: ContiguousArray<Row>
        let secrets: ContiguousArray<Row>

        init(_ tables: borrowing Tables, app: Row, function: Row) {
            self.app = app
            self.function = function
            versions = tables.children(.version, of: function.id)
            aliases = tables.children(.alias, of: function.id)
            secrets = tables.children(.secret, of: app.id)
        }
    }

    private func answer(_ rows: Rows?) -> CatalogAnswer {
        guard let rows else { return .noFunction }
        do throws(Failure) { return .found(try contents(rows)) } catch { return .unreadable(error) }
    }

    /// - Throws: `precondition` if a newer daemon has stored the function or its app.
    private func contents(_ rows: Rows) throws(Failure) -> CatalogFunction {
        let dialects = store.surroundings.dialects
        let app: App = try dialects.decode(rows.app, rows.app.body)
        let function: Function = try dialects.decode(rows.function, rows.function.message(app: rows.app.key))
        var found = CatalogFunction(
            app: app, function: function, versions: [],
            secretRevisions: Dictionary(uniqueKeysWithValues: rows.secrets.map { ($0.key, $0.revision) }))
        for row in rows.versions {
            do throws(Failure) { found.versions.append(try dialects.decode(row, row.body)) } catch {
                let name = String(VersionKey.number(row.key))
                found.unreadable.append(CatalogFunction.Unreadable(id: row.id, name: name, failure: error))
            }
        }
        for row in rows.aliases {
            do throws(Failure) { found.aliases.append(try dialects.decode(row, row.body)) } catch {
                found.unreadable.append(CatalogFunction.Unreadable(id: row.id, name: row.key, failure: error))
            }
        }
        return found
    }
}

extension Catalog {
    /// Learns of committed changes: what a batch changes often is read again once.
    func learn(_ changes: [Change]) {
        var functions: Set<Identifier> = []
        var apps: Set<Identifier> = []
        var paths: Set<Identifier> = []
        for change in changes {
            let row = change.row
            switch (row.kind, change.action, row.parent) {
            // Nothing that is known leads to a new function that serves no service.
            case (.function, .create, _) where row.claims.isEmpty: break
            case (.function, _, _): functions.insert(row.id)
            case (.version, _, let function?), (.alias, _, let function?): functions.insert(function)
            case (.app, .update, _): apps.insert(row.id)
            case (.trigger, _, let app?): paths.insert(app)
            case (.secret, .create, _): break
            case (.secret, _, let app?): apps.insert(app)
            default: break
            }
        }
        // After an app its functions are gone too.
        for change in changes.reversed() where change.action == .delete {
            let id = change.row.id
            if change.row.kind == .app { removed(app: id) }
            if functions.remove(id) != nil { removed(function: id) }
            apps.remove(id)
            paths.remove(id)
        }
        for app in paths.subtracting(apps) { changedPaths(app: app) }
        if !functions.isEmpty || !apps.isEmpty { changed(functions: functions, apps: apps) }
    }
}
