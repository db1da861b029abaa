internal import Catalog
internal import Model
internal import Wire

/// Finds what is called, by names as they came off the wire.
extension Dispatcher {
    /// Metadata `fnrpc-version` or `fnrpc-alias`.
    private static func choice(_ envelope: RequestEnvelope) throws(Failure) -> VersionChoice {
        var version: UInt32 = 0
        if let text = envelope.metadata("fnrpc-version") {
            guard let number = UInt32(String(decoding: text, as: UTF8.self)) else {
                throw Failure(
                    .invalid,
                    "fnrpc-version: \(quoted(String(decoding: text, as: UTF8.self))) is not a version's number")
            }
            version = number
        }
        let alias = envelope.metadata("fnrpc-alias") ?? UnsafeRawBufferPointer(start: nil, count: 0)
        return try VersionChoice(version: version, alias: alias)
    }

    // MARK: - By the function's name

    /// Finds a function that the caller may call.
    ///
    /// - Parameters:
    ///   - app: name or id, as `function`; empty: the token's, or the listener's default.
    ///   - version: set as soon as it is known which one is meant.
    func find(
        _ app: UnsafeRawBufferPointer, _ function: UnsafeRawBufferPointer, _ choice: VersionChoice,
        for origin: CallOrigin, _ session: Session, _ version: inout UInt32?
    ) throws(Failure) -> CallTarget {
        if app.count == 0, let name = Self.defaultApp(origin.principal, session) {
            let bytes = Array(name.utf8)
            let result = bytes.withUnsafeBytes { bytes -> Result<CallTarget, Failure> in
                do throws(Failure) {
                    return .success(try find(bytes, function, choice, for: origin, session, &version))
                } catch {
                    return .failure(error)
                }
            }
            return try result.get()
        }
        let grants = origin.principal.grants
        let isAllowed = grants.allowsCall(app: app, function: function)
        // Rights have names; what an id means is known when it is found.
        guard isAllowed || Identifier(utf8: app) != nil || Identifier(utf8: function) != nil else {
            throw Self.notPermitted(origin.principal, app, function)
        }
        let found = catalog.find(app: app, function: function, choice) { split($0, origin) }
        guard case .runnable(let runnable) = found else {
            throw isAllowed
                ? Self.notFound(found, app, function, choice) : Self.notPermitted(origin.principal, app, function)
        }
        guard isAllowed || grants.allowsCall(to: runnable) else {
            throw Self.notPermitted(origin.principal, app, function)
        }
        version = runnable.version.number
        if let refusal = runnable.refusal { throw refusal }
        return CallTarget(runnable, choice, in: catalog)
    }

    /// The hash that decides between two versions of an alias.
    func split(_ stickyKey: String, _ origin: CallOrigin) -> UInt64 {
        if !stickyKey.isEmpty {
            // Some clients write keys in lower case, whatever they were given.
            let key = stickyKey.lowercased()
            if let header = origin.metadata.last(where: { $0.name.lowercased() == key }) {
                return FNV1a.hash(header.value)
            }
        }
        return FNV1a.hash(origin.callID.description)
    }

    static func defaultApp(_ principal: Principal, _ session: Session) -> String? {
        principal.grants.onlyApp ?? (session.listener.defaultApp.isEmpty ? nil : session.listener.defaultApp)
    }

    static func notPermitted(
        _ principal: Principal, _ app: UnsafeRawBufferPointer, _ function: UnsafeRawBufferPointer
    ) -> Failure {
        let name = String(decoding: app, as: UTF8.self) + "/" + String(decoding: function, as: UTF8.self)
        return Failure(.notPermitted, "\(principal) may not call \(quoted(name)); it needs the scope invoke:\(name)")
    }

    /// The answer to a caller without rights, whether there is what it names or not.
    ///
    /// - Parameters:
    ///   - what: as the caller named it.
    ///   - app: that it named, or that its calls go to; `nil`: none.
    static func hidden(_ principal: Principal, _ what: String, _ app: String?) -> Failure {
        let scope = app.map { ":" + $0 } ?? ""
        return Failure(.notPermitted, "\(principal) may not call \(what); it needs the scope invoke\(scope)")
    }

    private static func notFound(
        _ result: Catalog.Result, _ app: UnsafeRawBufferPointer, _ function: UnsafeRawBufferPointer,
        _ choice: VersionChoice
    ) -> Failure {
        let app = String(decoding: app, as: UTF8.self)
        let name = quoted(app + "/" + String(decoding: function, as: UTF8.self))
        switch result {
        // Of an entity that is named by nothing its field is missing.
        case .noApp where app.isEmpty:
            return Failure(.invalid, "app: missing; name the app of the function that is called")
        case .noFunction where function.count == 0:
            return Failure(.invalid, "function: missing; name the function that is called, or give a path")
        case .noApp: return Failure(.notFound, "app \(quoted(app)) not found; deploy a function to it first")
        case .noVersion(let version): return Failure(.notFound, "version \(version) of \(name) not found")
        case .noAlias: return Failure(.notFound, "alias \(quoted(CallTarget.alias(choice))) of \(name) not found")
        case .unreadable(let failure): return failure
        case .runnable, .noFunction: return Failure(.notFound, "function \(name) not found; deploy it first")
        }
    }

    // MARK: - By the name of a service

    /// Finds the function that serves the service that is called.
    ///
    /// - Parameter version: set as soon as it is known which one is meant.
    func findService(
        _ incoming: Incoming, _ origin: CallOrigin, _ version: inout UInt32?
    ) throws(Failure) -> CallTarget {
        let envelope = incoming.envelope
        let principal = origin.principal
        let choice = try Self.choice(envelope)
        var name = envelope.metadata("fnrpc-app").map { String(decoding: $0, as: UTF8.self) }
        if name == nil { name = Self.defaultApp(principal, incoming.session) }
        var route = self.route(envelope.service, in: name, choice, origin)
        if case .ambiguous(let functions) = route {
            // What the caller may not call, it is not told of either.
            let callable = functions.filter {
                principal.grants.allowsCall(app: $0.app.utf8, function: $0.function.utf8)
            }
            guard callable.count < 2 else { throw Self.ambiguous(callable.map(\.app), envelope.service) }
            if let only = callable.first {
                name = only.app
                route = self.route(envelope.service, in: name, choice, origin)
            }
        }
        guard mayCall(route, envelope.service, in: name, origin) else {
            let what = "service \(quoted(String(decoding: envelope.service, as: UTF8.self)))"
            throw Self.hidden(principal, what + (name.map { " of app \(quoted($0))" } ?? ""), name)
        }
        let service = String(decoding: envelope.service, as: UTF8.self)
        switch route {
        case .runnable(let runnable):
            version = runnable.version.number
            if let refusal = runnable.refusal { throw refusal }
            return CallTarget(runnable, choice, in: catalog)
        case .noVersion(let number):
            throw Failure(
                .notFound, "fnrpc-version: \(number) of the function that serves \(quoted(service)) not found")
        case .noAlias:
            let alias = CallTarget.alias(choice)
            throw Failure(
                .notFound, "fnrpc-alias: \(quoted(alias)) of the function that serves \(quoted(service)) not found")
        case .notServed(let runnable):
            let number = runnable.version.number
            version = number
            throw Failure(
                .unimplemented,
                "service \(service) is not served by \(number == 0 ? "the working copy" : "version \(number)")")
        case .unreadable(let failure): throw failure
        case .noService, .noApp, .ambiguous:
            // Go's wording; clients match on it.
            throw Failure(.unimplemented, "service \(service)")
        }
    }

    /// Whether a caller has rights to the function that serves a service, or would have them if there were one.
    private func mayCall(
        _ route: Catalog.Route, _ service: UnsafeRawBufferPointer, in app: String?, _ origin: CallOrigin
    ) -> Bool {
        let grants = origin.principal.grants
        switch route {
        case .runnable(let runnable), .notServed(let runnable): return grants.allowsCall(to: runnable)
        case .noVersion, .noAlias, .unreadable:
            switch self.route(service, in: app, .working, origin) {
            case .runnable(let working), .notServed(let working): return grants.allowsCall(to: working)
            case .unreadable: return mayCallAll(of: app, grants)
            case .noService, .noApp, .ambiguous, .noVersion, .noAlias: return grants.allowsAllCalls
            }
        case .noService, .noApp, .ambiguous: return mayCallAll(of: app, grants)
        }
    }

    private func mayCallAll(of app: String?, _ grants: Grants) -> Bool {
        guard let app else { return grants.allowsAllCalls }
        return Grants.withBytes(app.utf8) { grants.allowsCalls(in: $0) }
    }

    private func route(
        _ service: UnsafeRawBufferPointer, in app: String?, _ choice: VersionChoice, _ origin: CallOrigin
    ) -> Catalog.Route {
        guard var app else { return catalog.route(service: service, app: nil, choice) { split($0, origin) } }
        return app.withUTF8 { app in
            catalog.route(service: service, app: UnsafeRawBufferPointer(app), choice) { split($0, origin) }
        }
    }

    private static func ambiguous(_ apps: [String], _ service: UnsafeRawBufferPointer) -> Failure {
        Failure(
            .precondition,
            "fnrpc-app: missing; service \(quoted(String(decoding: service, as: UTF8.self))) is in the apps \(apps.joined(separator: ", ")); name one by request "
                + "metadata fnrpc-app")
    }
}

extension Grants {
    func allowsCall(to runnable: Runnable) -> Bool {
        allowsCall(app: runnable.function.appName.text.utf8, function: runnable.function.name.text.utf8)
    }
}
