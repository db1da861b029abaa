internal import Catalog
internal import Contracts
internal import Loop
internal import Model
internal import Wire

/// What a caller's words stand for.
struct Callee {
    let runnable: Runnable
    /// Of a call by path.
    let path: PathRequest?
}

/// Triggers and aliases, as they are looked up.
struct Routes: Sendable {
    /// The triggers of each app, and the function of each.
    var paths: [String: (table: PathTable, runnables: [Identifier: Runnable])] = [:]
    /// The aliases of each function: names to numbers of versions.
    var aliases: [Identifier: [String: UInt32]] = [:]
}

extension Dispatcher {
    /// Finds what a caller names, by whichever of its names, if it may call that.
    func resolve(
        _ target: InvokeTargetScan, for principal: Principal, _ session: Session
    ) throws(Failure) -> Callee {
        if target.isByPath { return try resolvePath(target, for: principal, session) }
        guard target.alias.count > 0 else {
            return Callee(
                runnable: try find(target.app, target.function, target.version, for: principal, session), path: nil)
        }
        guard target.version == 0 else {
            throw Failure(.invalid, "alias: is given with version \(target.version); give one of them")
        }
        // Whether the caller may know of the function at all comes first.
        let latest = try find(target.app, target.function, 0, for: principal, session)
        guard let runnable = resolveAlias(latest.function, target.alias) else {
            let alias = String(decoding: target.alias, as: UTF8.self)
            let function = "\(latest.function.appName)/\(latest.function.name)"
            throw Failure(.notFound, "alias: \(quoted(alias)) of \(quoted(function)) not found")
        }
        return Callee(runnable: runnable, path: nil)
    }

    private func resolvePath(
        _ target: InvokeTargetScan, for principal: Principal, _ session: Session
    ) throws(Failure) -> Callee {
        guard !target.isByName else {
            throw Failure(.invalid, "path: is given with function, version or alias; give the path alone")
        }
        let app =
            target.app.count > 0
            ? String(decoding: target.app, as: UTF8.self) : Self.defaultApp(principal, session) ?? ""
        guard !app.isEmpty else { throw Failure(.invalid, "app: missing; a path is looked up in an app") }
        guard let (runnable, match) = try resolvePath(app, target.path) else {
            let path = quoted(String(decoding: target.path, as: UTF8.self))
            throw Failure(.notFound, "path: no trigger of app \(quoted(app)) answers \(path)")
        }
        let function = runnable.function
        guard principal.grants.allowsCall(app: function.appName.text.utf8, function: function.name.text.utf8) else {
            let name = "\(function.appName)/\(function.name)"
            throw Failure(.notPermitted, "\(principal) may not call \(quoted(name)); it needs the scope invoke:\(name)")
        }
        return Callee(runnable: runnable, path: try PathRequest(target, match.parameters))
    }

    // MARK: - Look-ups

    /// The function whose trigger answers a path; `nil`: the app does not exist, or has no such trigger.
    ///
    /// - Throws: `invalid` for a path that is none.
    func resolvePath(
        _ app: String, _ path: UnsafeRawBufferPointer
    ) throws(Failure) -> (runnable: Runnable, match: PathTable.Match)? {
        let known = routes.withLock { $0.paths[app] }
        // What is no path is a mistake in every app.
        guard let match = try (known?.table ?? PathTable([])).match(path: path),
            let runnable = known?.runnables[match.target]
        else { return nil }
        return (runnable, match)
    }

    /// The version that an alias of a function stands for; `nil`: the function has no such alias.
    func resolveAlias(_ function: Function, _ alias: UnsafeRawBufferPointer) -> Runnable? {
        let name = String(decoding: alias, as: UTF8.self)
        let number = name == "latest" ? 0 : routes.withLock { $0.aliases[function.meta.id]?[name] }
        guard let number else { return nil }
        let found = Grants.withBytes(function.appName.text.utf8) { app in
            Grants.withBytes(function.name.text.utf8) {
                catalog.snapshot.find(app: app, function: $0, version: number)
            }
        }
        guard case .runnable(let runnable) = found else { return nil }
        return runnable
    }
}
