import Catalog
import Model

/// What a store would have, made by tests. Thread-safe.
final class TestSource: CatalogSource {
    private let state = Lock(State())

    private struct State {
        var apps: [String: App] = [:]
        var functions: [Identifier: CatalogFunction] = [:]
        /// `app/function`.
        var names: [String: Identifier] = [:]
        var triggers: [String: [Trigger]] = [:]
        var reads = 0
        var afterRead: (@Sendable () -> Void)?
    }

    /// How often functions were read.
    var reads: Int { state.withLock { $0.reads } }

    /// Runs once, after the next read of a function and before its result is returned.
    func afterNextRead(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.afterRead = body } }

    @discardableResult
    func add(app name: String, config: [String: String] = [:]) throws -> App {
        let name = try Name(name, field: "app")
        return state.withLock { state in
            let id = state.apps[name.text]?.meta.id ?? Identifier(high: 1, low: UInt64(state.apps.count))
            let app = App(meta: meta(id), name: name, config: config)
            state.apps[name.text] = app
            for (key, contents) in state.functions where contents.app.name == name { state.functions[key]?.app = app }
            return app
        }
    }

    func put(_ contents: CatalogFunction) {
        state.withLock { state in
            state.functions[contents.function.meta.id] = contents
            state.names["\(contents.app.name)/\(contents.function.name)"] = contents.function.meta.id
        }
    }

    func remove(_ id: Identifier) {
        state.withLock { state in
            state.functions[id] = nil
            state.names = state.names.filter { $0.value != id }
        }
    }

    func set(_ triggers: [Trigger], of app: String) { state.withLock { $0.triggers[app] = triggers } }

    /// Changes a function; gives its id.
    @discardableResult
    func change(_ id: Identifier, _ body: (inout CatalogFunction) -> Void) -> Identifier {
        state.withLock { state in
            guard var contents = state.functions[id] else { return }
            body(&contents)
            state.functions[id] = contents
        }
        return id
    }

    private func read(_ body: (State) -> CatalogAnswer) -> CatalogAnswer {
        let (answer, after) = state.withLock { state in
            state.reads += 1
            defer { state.afterRead = nil }
            return (body(state), state.afterRead)
        }
        after?()
        return answer
    }

    func function(app: String, name: String) -> CatalogAnswer {
        read { state in
            guard let app = Self.app(app, state) else { return .noApp }
            guard let id = state.names["\(app.name)/\(name)"] ?? Identifier(name), let found = state.functions[id],
                found.app.name == app.name
            else { return .noFunction }
            return .found(found)
        }
    }

    func function(id: Identifier) -> CatalogAnswer { read { $0.functions[id].map { .found($0) } ?? .noFunction } }

    func triggers(app: String) -> (app: Identifier, triggers: [Trigger])? {
        state.withLock { state in Self.app(app, state).map { ($0.meta.id, state.triggers[$0.name.text] ?? []) } }
    }

    func servers(of service: String) -> [(app: String, function: Identifier)] {
        allServices().filter { $0.service == service }.map { ($0.app, $0.function) }
    }

    private func allServices() -> [(service: String, app: String, function: Identifier)] {
        state.withLock { Array($0.functions.values) }.flatMap { contents in
            contents.function.spec.services.map { ($0, contents.app.name.text, contents.function.meta.id) }
        }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }
    }

    private static func app(_ text: String, _ state: State) -> App? {
        state.apps[text] ?? state.apps.values.first { $0.meta.id.description == text }
    }
}

func meta(_ id: Identifier) -> Meta { Meta(id: id, createdAt: Timestamp(nanoseconds: 0)) }

let digest = Digest(bytes: [UInt8](repeating: 1, count: 32))

/// A function with published versions; its working copy is the last of them.
func contents(
    _ app: App, _ name: String, _ number: UInt64, versions: ClosedRange<UInt32> = 1...1, services: [String] = [],
    spec: FunctionSpec = FunctionSpec(runtime: .python, entry: "a.b", format: .ttrpc)
) throws -> CatalogFunction {
    var spec = spec
    spec.services = services
    let id = Identifier(high: 2, low: number)
    let function = Function(
        meta: meta(id), appID: app.meta.id, appName: app.name, name: try Name(name, field: "function"), spec: spec,
        package: digest, latestVersion: versions.upperBound, lastVersionNumber: versions.upperBound,
        workingVersion: versions.upperBound)
    return CatalogFunction(
        app: app, function: function, versions: versions.map { version(of: function, $0) })
}

func version(of function: Function, _ number: UInt32) -> Version {
    Version(
        meta: meta(Identifier(high: 3 + function.meta.id.low << 16, low: UInt64(number))),
        functionID: function.meta.id, number: number, description: "", spec: function.spec,
        package: function.package, packageBytes: 1, runtime: function.runtime)
}

extension CatalogFunction {
    /// Publishes the working copy.
    mutating func publish() {
        function.lastVersionNumber += 1
        function.latestVersion = function.lastVersionNumber
        function.workingVersion = function.lastVersionNumber
        versions.append(version(of: function, function.lastVersionNumber))
    }

    /// Changes the working copy, which equals no version from now on.
    mutating func update(_ body: (inout FunctionSpec) -> Void) {
        body(&function.spec)
        function.workingVersion = 0
    }

    mutating func setAlias(_ name: String, _ target: Alias.Target, stickyKey: String = "") throws {
        aliases.removeAll { $0.name.text == name }
        aliases.append(
            Alias(
                meta: meta(Identifier(high: 9, low: UInt64(aliases.count))), functionID: function.meta.id,
                name: try Name(name, field: "alias"), target: target, stickyKey: stickyKey))
    }
}

extension Catalog {
    /// `nil`: the answer to a choice that asks for no hash.
    func find(
        _ app: String, _ function: String, version: UInt32 = 0, alias: String = "",
        split: (String) -> UInt64 = { _ in 0 }
    ) throws -> Result {
        var alias = alias
        return try alias.withUTF8 { alias in
            let choice = try VersionChoice(version: version, alias: UnsafeRawBufferPointer(alias))
            return Array(app.utf8).withUnsafeBytes { app in
                Array(function.utf8).withUnsafeBytes { find(app: app, function: $0, choice, split: split) }
            }
        }
    }

    /// What a call runs, or why there is none, as text.
    func name(
        _ app: String, _ function: String, version: UInt32 = 0, alias: String = "",
        split: (String) -> UInt64 = { _ in 0 }
    ) throws -> String { describe(try find(app, function, version: version, alias: alias, split: split)) }

    func describe(_ result: Result) -> String {
        switch result {
        case .runnable(let found): found.name
        case .noApp: "no app"
        case .noFunction: "no function"
        case .unreadable(let failure): failure.message
        case .noVersion(let number): "no version \(number)"
        case .noAlias: "no alias"
        }
    }

    func runnable(_ app: String, _ function: String, version: UInt32 = 0) throws -> Runnable? {
        guard case .runnable(let found) = try find(app, function, version: version) else { return nil }
        return found
    }
}
