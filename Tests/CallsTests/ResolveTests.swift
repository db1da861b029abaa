import Access
import Catalog
import Contracts
import Dispatch
import Glibc
import Loop
import Model
import Telemetry
import Testing
import Wire

@testable import Calls
@testable import Drivers

/// Starts nothing; what is resolved here is not called.
private struct NoDriver: Driver {
    func start(_ spec: SandboxSpec) throws(Failure) -> Sandbox { throw Failure(.unavailable, "there is no driver") }
    func check(_ root: RuntimeRoot) throws(Failure) {}
    func removeLeftovers() {}
    var info: DriverInfo {
        DriverInfo(runtime: "none", cgroupLayout: .v1, userNamespaces: false, interpreters: [:])
    }
}

/// What a caller's names lead to.
@Suite struct ResolveTests {
    private let dispatcher: Dispatcher
    private let session: Session
    private let source: FixedSource
    private let loop = EventLoop()
    private let listenersApp = "demo"
    private let echo = Method(
        "fnrpc.v1.Invocation", "Invoke", kind: .unary, access: .call, handler: .invoke)

    init() throws {
        let counters = Counters()
        let budget = ByteBudget(limit: 1 << 20)
        let app = App(meta: Self.meta(2, 2), name: try Name("demo", field: "app"))
        let functions = [
            try Self.function(1, versions: 2, of: app, aliases: ["live"]), try Self.function(2, versions: 1, of: app),
        ]
        let triggers = try [("/greet/:name", UInt64(1)), ("/admin/*", 2)].map { source, function in
            Trigger(
                meta: Self.meta(9, function), appID: app.meta.id, functionID: Self.meta(1, function).id,
                name: try Name("t\(function)", field: "trigger"), source: source)
        }
        source = FixedSource(app: app, functions: functions, triggers: triggers)
        let catalog = Catalog(source: source)
        dispatcher = Dispatcher(
            catalog: catalog, driver: NoDriver(), counters: counters,
            recorder: Recorder(counters: counters, write: { _ in }, onError: { _, _ in }), loops: [loop],
            budget: budget, startThreads: 1, initNanos: 1, packagePath: { _ in .success("/") },
            secrets: { _ in .success([]) }, log: { _ in })
        let context = SessionContext(
            dispatcher: dispatcher, methods: MethodTable([]), limits: SessionLimits(), budget: budget,
            sessions: SessionRegistry(counters: counters), authenticator: Authenticator(),
            apiVersions: APIVersions(allowsTest: true),
            certificatePrincipal: { _ in nil }, serverName: "test", log: { _ in })
        var ends: [Int32] = [0, 0]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
        close(ends[1])
        let listener = ListenerInfo(address: "unix:/x", defaultApp: listenersApp, isTLS: false)
        let made = Lock<Session?>(nil)
        let done = DispatchSemaphore(value: 0)
        loop.post { [loop, near = ends[0]] in
            let session = Session(
                loop: loop, descriptor: near, options: .init(), context: context, listener: listener, peer: "test",
                principal: nil)
            made.withLock { $0 = session }
            done.signal()
        }
        done.wait()
        session = try #require(made.withLock { $0 })
    }

    private static func meta(_ high: UInt64, _ low: UInt64) -> Meta {
        Meta(id: Identifier(high: high, low: low), createdAt: Timestamp(nanoseconds: 0))
    }

    /// Its working copy is the highest version; aliases lead to version 1.
    private static func function(
        _ id: UInt64, versions: UInt32, of app: App, aliases: [String] = []
    ) throws -> CatalogFunction {
        let meta = meta(1, id)
        let spec = FunctionSpec(runtime: .python, entry: "a.b", format: .ttrpc)
        let digest = Digest(bytes: [UInt8](repeating: 1, count: 32))
        let function = Function(
            meta: meta, appID: app.meta.id, appName: app.name, name: try Name("f\(id)", field: "function"), spec: spec,
            package: digest, latestVersion: versions, lastVersionNumber: versions, workingVersion: versions)
        let published = (1...versions).map { number in
            Version(
                meta: Self.meta(3 + id, UInt64(number)), functionID: meta.id, number: number, description: "",
                spec: spec, package: digest, packageBytes: 1)
        }
        let named = try aliases.map { name in
            Alias(
                meta: Self.meta(8, id), functionID: meta.id, name: try Name(name, field: "alias"),
                target: Alias.Target(version: 1, setAt: meta.createdAt))
        }
        return CatalogFunction(app: app, function: function, versions: published, aliases: named)
    }

    private func stop() {
        dispatcher.stop()
        loop.stop()
    }

    /// What is called, and what it is told; or the error.
    private func resolve(_ target: InvokeTarget, scopes: [Scope] = [.invoke]) throws -> String {
        // Service "a", method "b".
        let frame: [UInt8] = [0x0A, 1, 0x61, 0x12, 1, 0x62]
        return try frame.withUnsafeBytes { try resolve(target, $0, scopes) }
    }

    private func resolve(
        _ target: InvokeTarget, _ envelope: UnsafeRawBufferPointer, _ scopes: [Scope]
    ) throws -> String {
        try InvokeBody().encoded(for: target).withUnsafeBytes { bytes in
            let scan = try InvokeScan(scanning: bytes)
            var request = Incoming(
                envelope: try RequestEnvelope(scanning: envelope), streamID: 1, flags: 0, session: session,
                method: echo,
                arrivedAt: .now())
            request.principal = Principal(.nobody, grants: Grants(scopes))
            let origin = CallOrigin(request)
            do throws(Failure) {
                let callee = try dispatcher.resolve(scan.target, for: origin, session)
                guard let path = callee.path else { return callee.runnable.name }
                let parameters = path.parameters.map { " \($0.name)=\($0.value)" }.joined()
                return "\(callee.runnable.name) \(path.method) \(path.url)\(parameters)"
            } catch {
                return "\(error.code.rawValue) \(error.message)"
            }
        }
    }

    @Test func pathsLeadToFunctions() throws {
        defer { stop() }
        #expect(
            try resolve(InvokeTarget(app: "demo", method: "GET", path: "/greet/A%20B", query: "x=1"))
                == "demo/f1@2 GET /greet/A%20B?x=1 name=A B")
        // The listener's app; the method of a call.
        #expect(try resolve(InvokeTarget(path: "/greet/A")) == "demo/f1@2 POST /greet/A name=A")
        #expect(try resolve(InvokeTarget(path: "/admin")) == "demo/f2@1 POST /admin")
        for (target, answer) in [
            (InvokeTarget(path: "/greet"), "NOT_FOUND path: no trigger of app \"demo\" answers \"/greet\""),
            (InvokeTarget(app: "no", path: "/greet/A"), "NOT_FOUND app \"no\" not found"),
            (InvokeTarget(app: "no", path: "/../A"), "INVALID path: "),
            (InvokeTarget(path: "greet/A"), "INVALID path: "),
            (InvokeTarget(path: "/greet/A", query: "#"), "INVALID query: "),
            (InvokeTarget(method: "A B", path: "/greet/A"), "INVALID method: "),
            (InvokeTarget(method: "GET"), "INVALID path: "), (InvokeTarget(query: "a"), "INVALID path: "),
            (InvokeTarget(function: "f1", path: "/greet/A"), "INVALID path: is given with function"),
            (InvokeTarget(version: 1, path: "/greet/A"), "INVALID path: is given with function"),
            (InvokeTarget(alias: "live", path: "/greet/A"), "INVALID path: is given with function"),
            (InvokeTarget(function: "f1", method: "GET"), "INVALID path: is given with function"),
        ] {
            let text = try resolve(target)
            #expect(text.hasPrefix(answer), "\(target): \(text)")
        }
    }

    /// The catalog hears of a change piece by piece, in any order.
    @Test(arguments: [false, true]) func aPathFollowsItsTriggerToAnotherVersion(hearsOfPathsFirst: Bool) throws {
        defer { stop() }
        let target = InvokeTarget(path: "/greet/A")
        let (catalog, app) = (dispatcher.catalog, source.app.meta.id)
        let function = source.functions[0].function.meta.id
        source.change { _, triggers in triggers[0].version = 1 }
        #expect(try resolve(target) == "demo/f1@1 POST /greet/A name=A")
        // The trigger leads to version 2, and 1 is gone.
        source.change { functions, triggers in
            functions[0].versions.removeAll { $0.number == 1 }
            triggers[0].version = 2
        }
        if hearsOfPathsFirst {
            catalog.changedPaths(app: app)
        } else {
            catalog.changed(function: function)
        }
        #expect(try resolve(target) == "demo/f1@2 POST /greet/A name=A")
        // Its target is gone, and it has no other.
        source.change { functions, _ in functions[0].versions = [] }
        catalog.changed(function: function)
        #expect(try resolve(target) == "NOT_FOUND the target of trigger \"t1\" was not found")
        // It is gone itself.
        source.change { _, triggers in triggers.removeFirst() }
        #expect(try resolve(target) == "NOT_FOUND path: no trigger of app \"demo\" answers \"/greet/A\"")
    }

    /// A version that was made with its trigger, of which the catalog has not heard.
    @Test func aPathFindsAVersionThatIsNew() throws {
        defer { stop() }
        #expect(try resolve(InvokeTarget(app: "demo", function: "f1")) == "demo/f1@2")
        source.change { functions, triggers in
            let last = functions[0].versions[1]
            functions[0].versions.append(
                Version(
                    meta: Self.meta(5, 3), functionID: last.functionID, number: 3, description: "", spec: last.spec,
                    package: last.package, packageBytes: 1))
            triggers[0].version = 3
        }
        #expect(try resolve(InvokeTarget(path: "/greet/A")) == "demo/f1@3 POST /greet/A name=A")
    }

    @Test func aPathGivesNoRights() throws {
        defer { stop() }
        let scope = Scope.invokeFunction(
            app: try Name("demo", field: "app"), function: try Name("f1", field: "function"))
        #expect(try resolve(InvokeTarget(path: "/greet/A"), scopes: [scope]).hasPrefix("demo/f1@2"))
        let refused = try resolve(InvokeTarget(path: "/admin/x"), scopes: [scope])
        #expect(refused.hasPrefix("NOT_PERMITTED ") && refused.contains("invoke:demo/f2"))
        #expect(try resolve(InvokeTarget(path: "/greet/A"), scopes: []).hasPrefix("NOT_PERMITTED "))
    }

    @Test func aliasesLeadToVersions() throws {
        defer { stop() }
        #expect(try resolve(InvokeTarget(app: "demo", function: "f1")) == "demo/f1@2")
        #expect(try resolve(InvokeTarget(app: "demo", function: "f1", alias: "live")) == "demo/f1@1")
        #expect(try resolve(InvokeTarget(function: "f1", alias: "latest")) == "demo/f1@2")
        for (target, answer) in [
            (InvokeTarget(function: "f2", alias: "live"), "NOT_FOUND alias \"live\" of \"demo/f2\" not found"),
            (InvokeTarget(function: "f1", alias: "gone"), "NOT_FOUND alias \"gone\" of \"demo/f1\" not found"),
            (
                InvokeTarget(function: "f1", version: 1, alias: "live"),
                "INVALID alias: \"live\" and version 1 exclude each other"
            ),
            (InvokeTarget(function: "f3", alias: "live"), "NOT_FOUND function"),
        ] {
            let text = try resolve(target)
            #expect(text.hasPrefix(answer), "\(target): \(text)")
        }
        // Who may not call it learns nothing of its aliases.
        #expect(try resolve(InvokeTarget(function: "f1", alias: "x"), scopes: []).hasPrefix("NOT_PERMITTED "))
    }
}
