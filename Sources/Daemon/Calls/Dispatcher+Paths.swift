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
        let (known, seesAll) = bytes.withUnsafeBytes {
            (catalog.paths($0), origin.principal.grants.allowsCalls(in: $0))
        }
        func hidden() -> Failure {
            let path = quoted(String(decoding: target.path, as: UTF8.self))
            return Self.hidden(origin.principal, "path \(path) of app \(quoted(app))", app)
        }
        // What is no path is a mistake in every app.
        guard let match = try (known?.table ?? PathTable([])).match(path: target.path) else {
            guard seesAll else { throw hidden() }
            guard known != nil else { throw Failure(.notFound, "app \(quoted(app)) not found") }
            let path = quoted(String(decoding: target.path, as: UTF8.self))
            throw Failure(.notFound, "path: no trigger of app \(quoted(app)) answers \(path)")
        }
        guard let trigger = known?.triggers[match.target] else {
            throw Failure(.internalError, "a trigger of app \(quoted(app)) was lost")
        }
        return try find(trigger, for: origin, hidden()) { () throws(Failure) in
            try PathRequest(target, match.parameters)
        }
    }

    /// - Parameters:
    ///   - hidden: for callers that may not know whether there is such a trigger.
    ///   - path: what the function is told; not asked for before the caller's rights.
    private func find(
        _ trigger: Trigger, for origin: CallOrigin, _ hidden: @autoclosure () -> Failure,
        _ path: () throws(Failure) -> PathRequest
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
        guard mayCall(found, trigger, origin.principal.grants) else { throw hidden() }
        guard case .runnable(let runnable) = found else {
            let what = trigger.isLatest ? "has no published version" : "was deleted just now"
            throw Failure(.notFound, "the function of trigger \(quoted(trigger.name.text)) \(what)")
        }
        let request = try path()
        if let refusal = runnable.refusal { throw refusal }
        return CallTarget(runnable, choice, callID: id, path: request)
    }

    /// Whether a caller has rights to the function of a trigger, also where the version is missing that it names.
    private func mayCall(_ found: Catalog.Result, _ trigger: Trigger, _ grants: Grants) -> Bool {
        if case .runnable(let runnable) = found { return grants.allowsCall(to: runnable) }
        guard case .runnable(let working) = catalog.find(function: trigger.functionID, split: { _ in 0 }) else {
            return grants.allowsAllCalls
        }
        return grants.allowsCall(to: working)
    }
}
