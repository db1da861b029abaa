internal import Model
internal import Wire

/// The rows that are seen as one route, all of one moment: a trigger, and what it refers to.
struct RouteRows {
    let trigger: Row
    let app: Row
    let function: Row
    /// What the trigger refers to: its function, and the version or alias that it names.
    let parts: [Row]
    /// The version that the trigger names, or the first one of its alias.
    let named: Row?
    /// The function's highest version.
    let latest: Row?

    /// Grows whenever the route changes.
    var revision: UInt64 { trigger.revision + Self.revisions(of: parts) }
    /// When it last changed.
    var updatedAt: Timestamp { parts.reduce(trigger.updatedAt) { max($0, $1.updatedAt) } }

    /// What rows add to the revision of a route that they are parts of.
    static func revisions(of parts: [Row]) -> UInt64 { parts.reduce(0) { $0 + $1.revision - 1 } }

    /// - Returns: `nil` where something of it is newer than this daemon, and for Entities/GetRaw only.
    func readable(_ dialects: Dialects) throws(Failure) -> RouteView? {
        guard dialects.knows(trigger.apiVersion), dialects.knows(function.apiVersion) else { return nil }
        var view = try unpinned(dialects)
        if let version = pinned(view.trigger) {
            guard dialects.knows(version.apiVersion) else { return nil }
            view.version = try dialects.decode(version, version.body)
        }
        return view
    }

    /// - Throws: `precondition` where something of it is newer than this daemon.
    func view(_ dialects: Dialects) throws(Failure) -> RouteView {
        var view = try unpinned(dialects)
        if let version = pinned(view.trigger) { view.version = try dialects.decode(version, version.body) }
        return view
    }

    /// The version that calls run; `nil`: the working copy, or nothing as long as nothing is published.
    private func pinned(_ trigger: Trigger) -> Row? { trigger.isLatest ? latest : named }

    private func unpinned(_ dialects: Dialects) throws(Failure) -> RouteView {
        RouteView(
            trigger: try dialects.decode(trigger, trigger.body),
            function: try dialects.decode(function, function.message(app: app.key)), version: nil, revision: revision,
            updatedAt: updatedAt)
    }
}

/// A trigger and what calls by it run, seen as one.
struct RouteView {
    var trigger: Trigger
    var function: Function
    /// `nil`: calls run the function's working copy.
    var version: Version?
    let revision: UInt64
    let updatedAt: Timestamp

    /// What calls run.
    var spec: FunctionSpec { version?.spec ?? function.spec }
    var package: Digest? { version.map(\.package) ?? function.package }

    var route: Route {
        let spec = spec
        var meta = trigger.meta
        (meta.revision, meta.updatedAt) = (revision, updatedAt)
        return Route(
            meta: meta, appID: trigger.appID.description, appName: function.appName.text, path: trigger.source,
            image: spec.image, memoryMiB: spec.memoryMiB, type: spec.callType.rawValue, format: spec.format.rawValue,
            headers: spec.headers.sorted { $0.key < $1.key }.map { HeaderValues(name: $0.key, values: $0.value) },
            timeoutNanos: spec.timeoutNanos, idleTimeoutNanos: spec.idleTimeoutNanos, config: spec.config,
            functionID: function.meta.id.description, functionName: function.name.text, triggerName: trigger.name.text)
    }
}

extension Tables {
    /// A trigger as it is now, with what it refers to; `nil`: it is gone.
    func routeRows(_ id: Identifier) -> RouteRows? {
        guard let trigger = self[id], let app = trigger.parent.flatMap({ self[$0] }) else { return nil }
        let parts = trigger.references.compactMap { self[$0] }
        guard let function = parts.first(where: { $0.kind == .function }) else { return nil }
        // The first version that an alias needs is its first one.
        let named = parts.first { $0.kind == .version || $0.kind == .alias }.flatMap { row in
            row.kind == .alias ? row.references.first.flatMap { self[$0] } : row
        }
        return RouteRows(
            trigger: trigger, app: app, function: function, parts: parts, named: named,
            latest: children(.version, of: function.id).last)
    }
}
