internal import Catalog
internal import Contracts
internal import Model
internal import Wire

/// Finds what an Invoke request names: a function, or a path that a trigger answers.
extension Dispatcher {
    /// What a caller may call of what it names.
    ///
    /// - Parameter version: set as soon as it is known which one is meant.
    func resolve(
        _ target: InvokeTargetScan, for origin: CallOrigin, _ session: Session, _ version: inout UInt32?
    ) throws(Failure) -> CallTarget {
        if target.isByPath { return try resolvePath(target, for: origin, session, &version) }
        let choice = try VersionChoice(version: target.version, alias: target.alias)
        return try find(target.app, target.function, choice, for: origin, session, &version)
    }

    private func resolvePath(
        _ target: InvokeTargetScan, for origin: CallOrigin, _ session: Session, _ version: inout UInt32?
    ) throws(Failure) -> CallTarget {
        guard target.path.count > 0 else {
            throw Failure(.invalid, "path: missing; method and query are those of a call by path")
        }
        guard !target.isByName else {
            throw Failure(.invalid, "path: is given with function, version or alias; give the path alone")
        }
        let app =
            target.app.count > 0
            ? String(decoding: target.app, as: UTF8.self) : Self.defaultApp(origin.principal, session) ?? ""
        guard !app.isEmpty else { throw Failure(.invalid, "app: missing; a path is looked up in an app") }
        let first = try trigger(target, in: app, for: origin)
        if let found = try find(first, target, for: origin, &version) { return found }
        guard !first.trigger.isLatest else {
            throw Failure(
                .notFound, "the function of trigger \(quoted(first.trigger.name.text)) has no published version")
        }
        // The trigger may have another target since it was looked up: both are read again, once.
        catalog.changedPaths(app: first.trigger.appID)
        catalog.changed(function: first.trigger.functionID)
        let second = try trigger(target, in: app, for: origin)
        if let found = try find(second, target, for: origin, &version) { return found }
        throw Failure(.notFound, "the target of trigger \(quoted(second.trigger.name.text)) was not found")
    }

    /// A trigger that answers a path.
    private struct Match {
        let trigger: Trigger
        let parameters: [PathParameter]
        /// As the caller named it.
        let app: String
    }

    /// For callers that may not know whether a trigger answers the path.
    private func hidden(_ target: InvokeTargetScan, in app: String, for origin: CallOrigin) -> Failure {
        let path = quoted(String(decoding: target.path, as: UTF8.self))
        return Self.hidden(origin.principal, "path \(path) of app \(quoted(app))", app)
    }

    private func trigger(
        _ target: InvokeTargetScan, in app: String, for origin: CallOrigin
    ) throws(Failure) -> Match {
        let bytes = Array(app.utf8)
        let (known, seesAll) = bytes.withUnsafeBytes {
            (catalog.paths($0), origin.principal.grants.allowsCalls(in: $0))
        }
        // What is no path is a mistake in every app.
        guard let match = try (known?.table ?? PathTable([])).match(path: target.path) else {
            guard seesAll else { throw hidden(target, in: app, for: origin) }
            guard known != nil else { throw Failure(.notFound, "app \(quoted(app)) not found") }
            let path = quoted(String(decoding: target.path, as: UTF8.self))
            throw Failure(.notFound, "path: no trigger of app \(quoted(app)) answers \(path)")
        }
        guard let trigger = known?.triggers[match.target] else {
            throw Failure(.internalError, "a trigger of app \(quoted(app)) was lost")
        }
        return Match(trigger: trigger, parameters: match.parameters, app: app)
    }

    /// What a trigger's target runs; `nil`: it is not there.
    private func find(
        _ match: Match, _ target: InvokeTargetScan, for origin: CallOrigin, _ version: inout UInt32?
    ) throws(Failure) -> CallTarget? {
        let trigger = match.trigger
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
        let found = catalog.find(function: trigger.functionID, choice) { split($0, origin) }
        guard mayCall(found, match, origin.principal.grants) else {
            throw hidden(target, in: match.app, for: origin)
        }
        if case .unreadable(let failure) = found { throw failure }
        guard case .runnable(let runnable) = found else { return nil }
        version = runnable.version.number
        let request = try PathRequest(
            target, match.parameters, source: trigger.source, trigger: trigger.name.text)
        if let refusal = runnable.refusal { throw refusal }
        return CallTarget(runnable, choice, in: catalog, path: request)
    }

    /// Whether a caller has rights to the function of a trigger, also where the version is missing that it names.
    private func mayCall(_ found: Catalog.Result, _ match: Match, _ grants: Grants) -> Bool {
        if case .runnable(let runnable) = found { return grants.allowsCall(to: runnable) }
        switch catalog.find(function: match.trigger.functionID, split: { _ in 0 }) {
        case .runnable(let working): return grants.allowsCall(to: working)
        case .unreadable: return Grants.withBytes(match.app.utf8) { grants.allowsCalls(in: $0) }
        case .noApp, .noFunction, .noVersion, .noAlias: return grants.allowsAllCalls
        }
    }
}
