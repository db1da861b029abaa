internal import Catalog
internal import Contracts
internal import Model
internal import Wire

/// Finds what an Invoke request names: a function, or a path that a trigger answers.
extension Dispatcher {
    /// What a caller may call of what it names.
    func resolve(
        _ target: InvokeTargetScan, for origin: CallOrigin, _ session: Session
    ) throws(Failure) -> CallTarget {
        if target.isByPath { return try resolvePath(target, for: origin, session) }
        let choice = try VersionChoice(version: target.version, alias: target.alias)
        return try find(target.app, target.function, choice, for: origin, session)
    }

    private func resolvePath(
        _ target: InvokeTargetScan, for origin: CallOrigin, _ session: Session
    ) throws(Failure) -> CallTarget {
        guard !target.isByName else {
            throw Failure(.invalid, "path: is given with function, version or alias; give the path alone")
        }
        let app =
            target.app.count > 0
            ? String(decoding: target.app, as: UTF8.self) : Self.defaultApp(origin.principal, session) ?? ""
        guard !app.isEmpty else { throw Failure(.invalid, "app: missing; a path is looked up in an app") }
        let bytes = Array(app.utf8)
        let known = bytes.withUnsafeBytes { catalog.paths($0) }
        // What is no path is a mistake in every app.
        guard let match = try (known?.table ?? PathTable([])).match(path: target.path) else {
            let path = quoted(String(decoding: target.path, as: UTF8.self))
            throw Failure(
                .notFound,
                known == nil ? "app \(quoted(app)) not found" : "path: no trigger of app \(quoted(app)) answers \(path)"
            )
        }
        guard let trigger = known?.triggers[match.target] else {
            throw Failure(.internalError, "a trigger of app \(quoted(app)) was lost")
        }
        return try find(trigger, try PathRequest(target, match.parameters), for: origin)
    }

    private func find(
        _ trigger: Trigger, _ path: PathRequest, for origin: CallOrigin
    ) throws(Failure) -> CallTarget {
        let choice: VersionChoice =
            if trigger.isLatest {
                .latest
            } else if let alias = trigger.aliasID {
                .aliasID(alias)
            } else if trigger.version > 0 {
                .version(trigger.version)
            } else {
                .working
            }
        var id: Identifier?
        let found = catalog.find(function: trigger.functionID, choice) { split($0, origin, &id) }
        guard case .runnable(let runnable) = found else {
            let what = trigger.isLatest ? "has no published version" : "was deleted just now"
            throw Failure(.notFound, "the function of trigger \(quoted(trigger.name.text)) \(what)")
        }
        guard origin.principal.grants.allowsCall(to: runnable) else {
            let name = "\(runnable.function.appName)/\(runnable.function.name)"
            throw Failure(
                .notPermitted, "\(origin.principal) may not call \(quoted(name)); it needs the scope invoke:\(name)")
        }
        if let refusal = runnable.refusal { throw refusal }
        return CallTarget(
            runnable, choice, callID: id, path: path,
            trigger: CallTrigger(name: trigger.name.text, source: trigger.source))
    }
}
